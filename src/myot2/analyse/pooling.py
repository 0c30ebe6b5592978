"""One result from several imputed tables: Rubin's rules with Barnard and Rubin's degrees of freedom."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special, stats

from myot2.analyse.adjusted import adjusted_ratio
from myot2.analyse.roc import area
from myot2.analyse.sample import CONFIDENCE
from myot2.analyse.spearman import spearman

NO_SHARE = 1e-12
"""A smaller share of the variance between imputations is rounding."""


@dataclass(frozen=True)
class Pooled:
    """The pooled result of `imputations` tables.

    `estimate` and its 95 % `ci` are on the statistic's own scale. `mean` and `se` are on the scale on which they were
    pooled (`scale`: identity, Fisher z, logit or log), with `df` degrees of freedom; `p` tests a `mean` of 0 (an area
    of 0.5, a ratio of 1), two-sided; a correlation has `p` and `df` of its own test (`pool_spearman`).
    `fraction_missing` (0-1) is the share of the information that the unknown values take away, `increase` the relative
    increase of the variance that they cause.
    """

    imputations: int
    estimate: float
    ci: tuple[float, float]
    scale: str
    mean: float
    se: float
    df: float
    p: float
    fraction_missing: float
    increase: float


def pool(estimates: Sequence[float], variances: Sequence[float], *, df_complete: float = math.inf) -> Pooled:
    """Pool estimates with normal errors (Rubin, Multiple Imputation for Nonresponse in Surveys, 1987, 3.3).

    Parameters
    ----------
    estimates, variances
        Of each imputed table, shape (m,), m at least 2; variances are squared standard errors.
    df_complete
        The degrees of freedom that the statistic would have without unknown values (Barnard and Rubin, Biometrika
        1999;86:948).

    Raises
    ------
    ValueError
        Fewer than two imputations, an estimate or variance is not finite, or a variance is not above 0.
    """
    return _pool(estimates, variances, df_complete, "identity", float)


def pool_spearman(coefficients: Sequence[float], n: int) -> Pooled:
    """Pool rank correlations of `n` pairs: interval and test each as `spearman` has them, whose own they are without
    unknown values.

    The interval is pooled as Fisher's z with the variance (1 + rs^2 / 2) / (n - 3) and normal quantiles (infinite
    degrees of freedom of the complete data). The test is of rs with the variance (1 - rs^2) / (n - 2), whose ratio is
    Spearman's t with n - 2 degrees of freedom; the interval's wider error would give a p of its own. `p` and `df` are
    the test's, `mean` and `se` the interval's.

    Raises
    ------
    ValueError
        As `pool`; a correlation is 1 or -1, or there are fewer than four pairs.
    """
    rs = np.asarray(coefficients, dtype=float)
    if n < 4:
        raise ValueError("fewer than four pairs")
    if (np.abs(rs) >= 1).any():
        raise ValueError("a correlation is perfect, so it has no error")
    found = _pool(np.arctanh(rs), (1 + rs**2 / 2) / (n - 3), math.inf, "Fisher z", math.tanh)
    test = _pool(rs, (1 - rs**2) / (n - 2), n - 2, "identity", float)
    return replace(found, p=test.p, df=test.df)


def pool_area(areas: Sequence[float], errors: Sequence[float], n: int) -> Pooled:
    """Pool areas under the ROC curve (0-1) of `n` people with their standard errors, as logits.

    The error of the logit is the area's over area (1 - area) (delta method).

    Raises
    ------
    ValueError
        As `pool`; an area is 0 or 1.
    """
    areas, errors = np.asarray(areas, dtype=float), np.asarray(errors, dtype=float)
    if ((areas <= 0) | (areas >= 1)).any():
        raise ValueError("an area is 0 or 1, so it has no logit")
    variances = (errors / (areas * (1 - areas))) ** 2
    return _pool(special.logit(areas), variances, n - 2, "logit", lambda value: float(special.expit(value)))


def imputed_spearman(tables: Sequence[pd.DataFrame], first: str, second: str) -> Pooled:
    """The rank correlation of two columns, pooled over imputed tables of the same people (see `missing.impute`).

    Raises
    ------
    ValueError
        As `pool_spearman` and `spearman`.
    """
    found = [spearman(table[first].to_numpy(float), table[second].to_numpy(float)) for table in tables]
    return pool_spearman([one.rs for one in found], found[0].n)


def imputed_area(tables: Sequence[pd.DataFrame], value: str, positive: np.ndarray) -> Pooled:
    """The area under the ROC curve of a column for telling `positive` people, pooled; DeLong's errors.

    `positive` is True for patients, of shape (n,), in the order of the rows.

    Raises
    ------
    ValueError
        As `pool_area`; a group has fewer than two people.
    """
    positive = np.asarray(positive, dtype=bool)
    if min(positive.sum(), (~positive).sum()) < 2:
        raise ValueError("a group has fewer than two people")
    columns = [table[value].to_numpy(float) for table in tables]
    found = [area(column[positive], column[~positive]) for column in columns]
    return pool_area([one.area for one in found], [one.se_delong for one in found], len(positive))


def imputed_ratio(values: np.ndarray, first: np.ndarray, covariates: Sequence[pd.DataFrame]) -> Pooled:
    """The adjusted ratio of two groups (`adjusted.adjusted_ratio`), pooled over imputed tables of covariates.

    Logarithms are pooled (`mean`, `se`, scale log), `estimate` and `ci` are ratios; `p` tests a ratio of 1.

    Raises
    ------
    ValueError
        As `pool` and `adjusted_ratio`.
    """
    found = [adjusted_ratio(values, first, table) for table in covariates]
    coefficients, variances = [one.coefficient for one in found], [one.se**2 for one in found]
    return _pool(coefficients, variances, found[0].df, "log", math.exp)


def _pool(
    estimates: Sequence[float],
    variances: Sequence[float],
    df_complete: float,
    scale: str,
    back: Callable[[float], float],
) -> Pooled:
    estimates, variances = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    m = len(estimates)
    if m < 2:
        raise ValueError("fewer than two imputations")
    if not (np.isfinite(estimates).all() and np.isfinite(variances).all() and (variances > 0).all()):
        raise ValueError("an imputed table gives no estimate with an error")
    mean, within, between = float(estimates.mean()), float(variances.mean()), float(estimates.var(ddof=1))
    extra = (1 + 1 / m) * between
    total = within + extra
    share = extra / total
    df = _degrees(share, m, df_complete)
    se = math.sqrt(total)
    margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, df)) * se
    increase = extra / within
    return Pooled(
        imputations=m,
        estimate=back(mean),
        ci=(back(mean - margin), back(mean + margin)),
        scale=scale,
        mean=mean,
        se=se,
        df=df,
        p=float(2 * stats.t.sf(abs(mean) / se, df)),
        fraction_missing=(increase + 2 / (df + 3)) / (increase + 1) if share > NO_SHARE else 0.0,
        increase=increase,
    )


def _degrees(share: float, m: int, df_complete: float) -> float:
    """Barnard and Rubin's degrees of freedom; `share` (0-1) of the variance is between the imputations.

    Without any they are those of the complete data, which Barnard and Rubin's formula comes short of.
    """
    if share <= NO_SHARE:
        return df_complete
    old = (m - 1) / share**2
    if math.isinf(df_complete):
        return old
    observed = (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
    return 1 / (1 / old + 1 / observed)
