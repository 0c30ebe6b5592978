"""Two measurements of the same people: their differences, the intraclass correlation, and the error of repetition.

For repeated scans, and for T2 of automatic masks against corrected ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from myot2.analyse.sample import CONFIDENCE

TAIL = (1 - CONFIDENCE) / 2
Z = float(stats.norm.ppf(1 - TAIL))
Form = Literal["1", "A,1", "C,1"]


@dataclass(frozen=True)
class Limits:
    """Differences first - second (ms), or ratios first / second where `ratio`, of `n` pairs.

    `bias` is their mean, `lower` and `upper` the limits of agreement (bias -+ 1.96 `sd`); every `_ci` is an exact 95 %
    interval under normal differences. `sd` is of the differences, or of the logarithms of the ratios. `slope` is that
    of the differences on the pairs' means (both as logarithms where `ratio`) and `slope_p` its two-sided p: the test
    of a proportional bias, None where all means are equal. `equal` pairs do not differ at all (masks that nobody
    changed); many of them make the limits narrower than those of a corrected mask.
    """

    n: int
    equal: int
    ratio: bool
    bias: float
    bias_ci: tuple[float, float]
    sd: float
    lower: float
    lower_ci: tuple[float, float]
    upper: float
    upper_ci: tuple[float, float]
    slope: float | None
    slope_ci: tuple[float, float] | None
    slope_p: float | None


@dataclass(frozen=True)
class Icc:
    """Intraclass correlation of single measurements: `n` people measured `k` times each, with its 95 % interval.

    `f` tests a correlation of 0, with `df` degrees of freedom and `p` one-sided, as is usual. They and `ci` are None
    where the measurements of each person are equal.
    """

    form: str
    n: int
    k: int
    icc: float
    ci: tuple[float, float] | None
    f: float | None
    df: tuple[int, int]
    p: float | None


@dataclass(frozen=True)
class Repeatability:
    """The error of repetition from `n` people with `measurements` in all, `df` degrees of freedom.

    `wsd` is the within-person SD and `rc` the repeatability coefficient 1.96 sqrt(2) wsd, in the values' unit: two
    measurements of an unchanged person differ by less in 95 %. `wsd_log` is the same SD of the natural logarithms,
    `wcv` the coefficient of variation (0-1) that it means, `rc_percent` 100 x 1.96 sqrt(2) wcv, and `rc_ratio` the
    factor exp(1.96 sqrt(2) wsd_log); these are None where a value is not positive. Every `_ci` is a 95 % interval.
    `trend_tau` is Kendall's correlation of the people's SDs with their means: where it is clearly above 0, the error
    grows with the value, and the logarithmic figures are the ones to use.
    """

    n: int
    measurements: int
    df: int
    wsd: float
    wsd_ci: tuple[float, float]
    rc: float
    rc_ci: tuple[float, float]
    wsd_log: float | None
    wcv: float | None
    wcv_ci: tuple[float, float] | None
    rc_percent: float | None
    rc_percent_ci: tuple[float, float] | None
    rc_ratio: float | None
    rc_ratio_ci: tuple[float, float] | None
    trend_tau: float | None
    trend_p: float | None


def limits_of_agreement(first: np.ndarray, second: np.ndarray, *, ratio: bool = False) -> Limits:
    """Bland and Altman's analysis of pairs, shapes (n,); pairs with a NaN are left out.

    Bias and limits as in Lancet 1986;327:307. A limit is mean + z SD of a normal distribution, so sqrt(n) times the
    distance from the bias to it, in SDs, follows a noncentral t distribution: the intervals are exact (Carkeet, Optom
    Vis Sci 2015;92:e71), where Bland and Altman's own are approximate. With `ratio` all is done on logarithms and
    turned back (their 1986, "a relationship between difference and mean").

    Raises
    ------
    ValueError
        Fewer than three pairs are complete, all differences are equal, or, with `ratio`, a value is not positive.
    """
    first, second = _complete_pairs(first, second)
    if ratio:
        _positive(first, second)
        first, second = np.log(first), np.log(second)
    difference, middle = first - second, (first + second) / 2
    n = len(difference)
    sd = float(difference.std(ddof=1))
    if sd <= 1e-12 * max(1.0, float(np.abs(first).max())):
        raise ValueError("all differences are equal, so there is no spread to set limits by")
    bias = float(difference.mean())
    margin = float(stats.t.ppf(1 - TAIL, n - 1)) * sd / math.sqrt(n)
    near, far = (float(stats.nct.ppf(q, n - 1, Z * math.sqrt(n))) * sd / math.sqrt(n) for q in (TAIL, 1 - TAIL))
    turn = math.exp if ratio else float

    def span(low: float, high: float) -> tuple[float, float]:
        return turn(low), turn(high)

    slope, slope_ci, slope_p = _slope(middle, difference)
    return Limits(
        n=n,
        equal=int((difference == 0).sum()),
        ratio=ratio,
        bias=turn(bias),
        bias_ci=span(bias - margin, bias + margin),
        sd=sd,
        lower=turn(bias - Z * sd),
        lower_ci=span(bias - far, bias - near),
        upper=turn(bias + Z * sd),
        upper_ci=span(bias + near, bias + far),
        slope=slope,
        slope_ci=slope_ci,
        slope_p=slope_p,
    )


def icc(values: np.ndarray, form: Form = "A,1") -> Icc:
    """Intraclass correlation of a table of people by measurements, shape (n, k); rows with a NaN are left out.

    ``A,1`` counts a difference between the columns as disagreement (absolute agreement; Shrout and Fleiss's 2,1),
    ``C,1`` does not (consistency; 3,1), ``1`` has columns without meaning (one-way; 1,1). Formulas and F intervals of
    McGraw and Wong, Psychol Methods 1996;1:30, tables 4 and 7.

    Raises
    ------
    ValueError
        Fewer than two complete people or measurements, or all values are equal.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values).all(axis=1)]
    n, k = values.shape
    if min(n, k) < 2:
        raise ValueError("fewer than two people with two measurements")
    if np.ptp(values) == 0:
        raise ValueError("all values are equal")
    rows, columns, error, within = _mean_squares(values)
    noise = within if form == "1" else error
    df = (n - 1, n * (k - 1)) if form == "1" else (n - 1, (n - 1) * (k - 1))
    extra = k * (columns - error) / n if form == "A,1" else 0.0
    found = (rows - noise) / (rows + (k - 1) * noise + extra)
    if noise <= 1e-20 * rows:
        return Icc(form, n, k, float(found), None, None, df, None)
    f = rows / noise
    ci = _agreement_interval(n, k, rows, columns, error, found) if form == "A,1" else _f_interval(f, df, k)
    return Icc(form, n, k, float(found), ci, float(f), df, float(stats.f.sf(f, *df)))


def repeatability(values: np.ndarray) -> Repeatability:
    """The error of repetition of a table of people by repeats, shape (n, k); NaN where there was no further repeat.

    The within-person variance is the residual mean square of a one-way analysis of variance (Bland and Altman, BMJ
    1996;313:744; for two repeats the mean of d^2 / 2), so a shift between the repeats counts as error. Its interval
    follows chi-square. The logarithmic figures: Bland and Altman, BMJ 1996;313:106; wcv = sqrt(exp(wsd_log^2) - 1);
    "% RC" of the QIBA profiles is `rc_percent`. People with one measurement tell nothing and are left out.

    Raises
    ------
    ValueError
        Nobody has two measurements, or nobody's differ.
    """
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values).sum(axis=1) >= 2]
    if not len(values):
        raise ValueError("nobody was measured twice")
    sizes = np.isfinite(values).sum(axis=1)
    df = int((sizes - 1).sum())
    wsd = _within_sd(values, df)
    if wsd == 0:
        raise ValueError("nobody's measurements differ")
    low, high = math.sqrt(df / stats.chi2.ppf(1 - TAIL, df)), math.sqrt(df / stats.chi2.ppf(TAIL, df))
    factor = Z * math.sqrt(2)
    relative = (
        _relative(_within_sd(np.log(values), df), low, high) if np.nanmin(values) > 0 else dict.fromkeys(RELATIVE)
    )
    tau, p = _trend(values)
    return Repeatability(
        n=len(values),
        measurements=int(sizes.sum()),
        df=df,
        wsd=wsd,
        wsd_ci=(wsd * low, wsd * high),
        rc=factor * wsd,
        rc_ci=(factor * wsd * low, factor * wsd * high),
        trend_tau=tau,
        trend_p=p,
        **relative,
    )


RELATIVE = ("wsd_log", "wcv", "wcv_ci", "rc_percent", "rc_percent_ci", "rc_ratio", "rc_ratio_ci")


def _relative(wsd_log: float, low: float, high: float) -> dict[str, object]:
    """The figures on the logarithmic scale; `low` and `high` times an SD are the ends of its interval."""
    factor = Z * math.sqrt(2)
    cv, cv_low, cv_high = (math.sqrt(math.expm1((wsd_log * part) ** 2)) for part in (1, low, high))
    ratio = [math.exp(factor * wsd_log * part) for part in (1, low, high)]
    figures = (
        wsd_log,
        cv,
        (cv_low, cv_high),
        100 * factor * cv,
        (100 * factor * cv_low, 100 * factor * cv_high),
        ratio[0],
        (ratio[1], ratio[2]),
    )
    return dict(zip(RELATIVE, figures, strict=True))


def _within_sd(values: np.ndarray, df: int) -> float:
    residual = values - np.nanmean(values, axis=1, keepdims=True)
    return math.sqrt(float(np.nansum(residual**2)) / df)


def _trend(values: np.ndarray) -> tuple[float | None, float | None]:
    spread, middle = np.nanstd(values, axis=1, ddof=1), np.nanmean(values, axis=1)
    if len(values) < 3 or np.ptp(spread) == 0 or np.ptp(middle) == 0:
        return None, None
    found = stats.kendalltau(spread, middle)
    return float(found.statistic), float(found.pvalue)


def _complete_pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    known = np.isfinite(first) & np.isfinite(second)
    if known.sum() < 3:
        raise ValueError("fewer than three complete pairs")
    return first[known], second[known]


def _positive(*values: np.ndarray) -> None:
    if any((group <= 0).any() for group in values):
        raise ValueError("a value is not positive, so it has no logarithm")


def _slope(middle: np.ndarray, difference: np.ndarray) -> tuple[float | None, tuple[float, float] | None, float | None]:
    if np.ptp(middle) == 0:
        return None, None, None
    line = stats.linregress(middle, difference)
    margin = float(stats.t.ppf(1 - TAIL, len(middle) - 2)) * line.stderr
    return float(line.slope), (float(line.slope - margin), float(line.slope + margin)), float(line.pvalue)


def _mean_squares(values: np.ndarray) -> tuple[float, float, float, float]:
    """Mean squares of people, measurements, residual, and within people, of a complete table of shape (n, k)."""
    n, k = values.shape
    middle, people, columns = values.mean(), values.mean(axis=1), values.mean(axis=0)
    residual = values - people[:, None] - columns[None, :] + middle
    rows = k * ((people - middle) ** 2).sum() / (n - 1)
    between = n * ((columns - middle) ** 2).sum() / (k - 1)
    error = (residual**2).sum() / ((n - 1) * (k - 1))
    within = ((values - people[:, None]) ** 2).sum() / (n * (k - 1))
    return float(rows), float(between), float(error), float(within)


def _f_interval(f: float, df: tuple[int, int], k: int) -> tuple[float, float]:
    low, high = f / stats.f.ppf(1 - TAIL, *df), f * stats.f.ppf(1 - TAIL, df[1], df[0])
    return float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1))


def _agreement_interval(n: int, k: int, rows: float, columns: float, error: float, found: float) -> tuple[float, float]:
    """Satterthwaite's degrees of freedom v for the columns and the residual together."""
    a = k * found / (n * (1 - found))
    b = 1 + k * found * (n - 1) / (n * (1 - found))
    v = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    shared = k * columns + (k * n - k - n) * error
    high_f, low_f = float(stats.f.ppf(1 - TAIL, n - 1, v)), float(stats.f.ppf(1 - TAIL, v, n - 1))
    low = n * (rows - high_f * error) / (high_f * shared + n * rows)
    high = n * (low_f * rows - error) / (shared + n * low_f * rows)
    return float(low), float(high)
