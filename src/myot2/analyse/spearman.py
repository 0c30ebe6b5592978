"""Spearman's rank correlation with the t-based p value that SPSS prints."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Spearman:
    """`rs` of `n` pairs, its two-sided `p` with n - 2 degrees of freedom, `t` (None at |rs| = 1), `ci` (95 %)."""

    n: int
    rs: float
    t: float | None
    p: float
    ci: tuple[float, float] | None


def spearman(first: np.ndarray, second: np.ndarray) -> Spearman:
    """Correlate pairs; shapes (n,) and (n,). Pairs with a NaN are left out ("pairwise deletion").

    rs is Pearson's r of the mid-ranks; t = rs sqrt((n - 2) / (1 - rs^2)). The interval is Fisher's z with the
    standard error sqrt((1 + rs^2 / 2) / (n - 3)) of Bonett and Wright (Psychometrika 2000;65:23).

    Raises
    ------
    ValueError
        Fewer than three pairs are complete, or one side's values are all equal.
    """
    complete = np.isfinite(first) & np.isfinite(second)
    first, second = np.asarray(first)[complete], np.asarray(second)[complete]
    n = len(first)
    if n < 3:
        raise ValueError("fewer than three complete pairs")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        raise ValueError("all values are equal")
    result = stats.spearmanr(first, second)
    rs, p = float(np.clip(result.statistic, -1, 1)), float(result.pvalue)
    if 1 - rs * rs < 1e-12:
        return Spearman(n, float(np.sign(rs)), None, p, None)
    t = rs * math.sqrt((n - 2) / (1 - rs * rs))
    return Spearman(n, rs, t, p, _interval(rs, n))


def _interval(rs: float, n: int) -> tuple[float, float] | None:
    if n < 4:
        return None
    margin = float(stats.norm.ppf(0.975)) * math.sqrt((1 + rs * rs / 2) / (n - 3))
    return math.tanh(math.atanh(rs) - margin), math.tanh(math.atanh(rs) + margin)
