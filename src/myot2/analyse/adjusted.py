"""Two groups compared with covariates (age, sex) held equal: least squares on the logarithm, and on ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from myot2.analyse.sample import CONFIDENCE


@dataclass(frozen=True)
class AdjustedRatio:
    """How many times as large the first group's geometric mean is, at equal covariates, with its 95 % interval.

    `coefficient`, `se` and `t` are of the logarithm, with `df` degrees of freedom; `p` is two-sided. `left_out`
    people lack the value or a covariate.
    """

    n_first: int
    n_second: int
    left_out: int
    covariates: tuple[str, ...]
    ratio: float
    ci: tuple[float, float]
    coefficient: float
    se: float
    t: float
    df: int
    p: float


@dataclass(frozen=True)
class RankAncova:
    """Quade's test: `f` with `df` degrees of freedom (between, within), and its p value."""

    n_first: int
    n_second: int
    left_out: int
    covariates: tuple[str, ...]
    f: float
    df: tuple[int, int]
    p: float


def adjusted_ratio(values: np.ndarray, first: np.ndarray, covariates: pd.DataFrame) -> AdjustedRatio:
    """Regress log values on group and covariates by least squares, with the HC3 error.

    Parameters
    ----------
    values
        Positive, of shape (n,); NaN where missing.
    first
        True for the first group (patients), of shape (n,).
    covariates
        Of n rows, in the same order: columns of numbers, or of text, a category, which counts against the first of
        its sorted values. May have no columns: then the ratio is that of the geometric means themselves.

    HC3 divides each squared residual by (1 - leverage)^2 (MacKinnon and White, J Econometrics 1985;29:305), which
    holds for groups of unequal spread and size; p and interval use Student's t (as R's lmtest::coeftest with
    sandwich::vcovHC).

    Raises
    ------
    ValueError
        A value is not positive, a group has fewer than two complete people, a covariate does not vary or follows from
        the others, there are as many coefficients as people, or one person alone decides a coefficient.
    """
    import statsmodels.api as sm

    values, first, design, left_out = _complete(values, first, covariates)
    if (values <= 0).any():
        raise ValueError("a value is not positive, so it has no logarithm")
    matrix = np.column_stack([np.ones(len(values)), first.astype(float), design])
    _check(matrix)
    fit = sm.OLS(np.log(values), matrix).fit()
    robust = fit.get_robustcov_results(cov_type="HC3", use_t=True)
    low, high = robust.conf_int(alpha=1 - CONFIDENCE)[1]
    return AdjustedRatio(
        n_first=int(first.sum()),
        n_second=int((~first).sum()),
        left_out=left_out,
        covariates=tuple(map(str, covariates.columns)),
        ratio=float(np.exp(robust.params[1])),
        ci=(float(np.exp(low)), float(np.exp(high))),
        coefficient=float(robust.params[1]),
        se=float(robust.bse[1]),
        t=float(robust.tvalues[1]),
        df=int(robust.df_resid),
        p=float(robust.pvalues[1]),
    )


def rank_ancova(values: np.ndarray, first: np.ndarray, covariates: pd.DataFrame) -> RankAncova:
    """Compare the groups by ranks, adjusted for the ranks of the covariates; arguments as in `adjusted_ratio`.

    Values and covariates are ranked over both groups together (mid-ranks); the residuals of the regression of the
    former on the latter, without the group, are compared by one-way analysis of variance (Quade, J Am Stat Assoc
    1967;62:1187).

    Raises
    ------
    ValueError
        As `adjusted_ratio`, but for positive values and single people; there must be a covariate.
    """
    values, first, design, left_out = _complete(values, first, covariates)
    if design.shape[1] == 0:
        raise ValueError("there is no covariate: Mann and Whitney's test is the one to use")
    ranks = np.column_stack([np.ones(len(values)), stats.rankdata(design, axis=0)])
    _check_rank(ranks)
    ranked = stats.rankdata(values)
    residuals = ranked - ranks @ np.linalg.lstsq(ranks, ranked, rcond=None)[0]
    if np.ptp(residuals) < 1e-9 * len(values):
        raise ValueError("the covariates explain the ranks of the values completely")
    test = stats.f_oneway(residuals[first], residuals[~first])
    return RankAncova(
        n_first=int(first.sum()),
        n_second=int((~first).sum()),
        left_out=left_out,
        covariates=tuple(map(str, covariates.columns)),
        f=float(test.statistic),
        df=(1, len(values) - 2),
        p=float(test.pvalue),
    )


def ratio_within(
    values: np.ndarray, first: np.ndarray, covariates: pd.DataFrame, column: str, level: object
) -> AdjustedRatio:
    """The ratio among those whose covariate `column` is `level` (females only), adjusted for the other covariates.

    Raises
    ------
    ValueError
        As `adjusted_ratio`.
    """
    inside = (covariates[column] == level).fillna(False).to_numpy(bool)
    return adjusted_ratio(
        np.asarray(values)[inside], np.asarray(first)[inside], covariates.loc[inside].drop(columns=column)
    )


def _complete(
    values: np.ndarray, first: np.ndarray, covariates: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """The people without a gap: values, group, numeric covariates of shape (n, columns); and how many have a gap."""
    values, first = np.asarray(values, dtype=float), np.asarray(first, dtype=bool)
    complete = np.isfinite(values) & covariates.notna().all(axis=1).to_numpy(bool)
    values, first, known = values[complete], first[complete], covariates.loc[complete]
    if min(int(first.sum()), int((~first).sum())) < 2:
        raise ValueError("a group has fewer than two people with a value and all covariates")
    columns = [column for name in known for column in _numbers(known[name])]
    design = np.column_stack(columns) if columns else np.empty((len(values), 0))
    return values, first, design, int((~complete).sum())


def _numbers(column: pd.Series) -> list[np.ndarray]:
    """A covariate as columns of numbers: itself, or one per further category."""
    if column.nunique() < 2:
        raise ValueError(f"the covariate '{column.name}' does not vary")
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return [column.to_numpy(float)]
    return [(column == category).to_numpy(float) for category in sorted(column.unique())[1:]]


def _check(matrix: np.ndarray) -> None:
    _check_rank(matrix)
    if len(matrix) <= matrix.shape[1]:
        raise ValueError("there are as many coefficients as people")
    orthogonal, _ = np.linalg.qr(matrix)
    if ((orthogonal**2).sum(axis=1) > 1 - 1e-9).any():
        raise ValueError("one person alone decides a coefficient, so it has no HC3 error")


def _check_rank(matrix: np.ndarray) -> None:
    scaled = matrix / np.linalg.norm(matrix, axis=0)
    if np.linalg.matrix_rank(scaled) < matrix.shape[1]:
        raise ValueError("a covariate follows from the group or the other covariates")
