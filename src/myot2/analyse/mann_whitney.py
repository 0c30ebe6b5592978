"""Mann and Whitney's U test as SPSS computes it, and its exact p value with or without ties."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

EXACT_UP_TO = 40
"""SPSS adds the exact p value where both groups together have at most so many members (NPAR TESTS, /M-W)."""


@dataclass(frozen=True)
class MannWhitney:
    """The test's figures.

    `u` counts the pairs in which the first group's value is the larger, ties one half; `u_smaller` is the smaller of
    both groups' U, which SPSS prints. `z` is positive where the first group is larger. `p` is two-sided and
    asymptotic; `p_exact` is None for more than `EXACT_UP_TO` values.
    """

    n_first: int
    n_second: int
    u: float
    u_smaller: float
    z: float
    p: float
    p_exact: float | None


def mann_whitney(first: np.ndarray, second: np.ndarray) -> MannWhitney:
    """Compare two groups of finite values, shapes (n1,) and (n2,).

    z = (U - n1 n2 / 2) / s with the variance corrected for ties,
    s^2 = n1 n2 / (N (N - 1)) ((N^3 - N) / 12 - sum (t^3 - t) / 12), and no continuity correction
    (IBM SPSS Statistics Algorithms, NPAR TESTS, Mann-Whitney).

    Raises
    ------
    ValueError
        A group is empty, there are fewer than three values, or all are equal: no test is possible.
    """
    n1, n2 = len(first), len(second)
    total = n1 + n2
    if min(n1, n2) == 0:
        raise ValueError("a group is empty")
    if total < 3:
        raise ValueError("fewer than three values")
    pooled = np.concatenate([first, second])
    ties = np.unique(pooled, return_counts=True)[1].astype(float)
    if len(ties) == 1:
        raise ValueError("all values are equal")
    ranks = stats.rankdata(pooled)
    u = float(ranks[:n1].sum()) - n1 * (n1 + 1) / 2
    variance = n1 * n2 / (total * (total - 1)) * ((total**3 - total) - float((ties**3 - ties).sum())) / 12
    z = (u - n1 * n2 / 2) / math.sqrt(variance)
    exact = exact_p(ranks, n1) if total <= EXACT_UP_TO else None
    return MannWhitney(n1, n2, u, min(u, n1 * n2 - u), z, float(2 * stats.norm.sf(abs(z))), exact)


def exact_p(ranks: np.ndarray, n_first: int) -> float:
    """Two-sided exact p value of the rank sum of the first `n_first` ranks, given all mid-ranks of shape (N,).

    P(|W - E| >= |w - E|) over all choices of `n_first` of the N ranks, counted by the shift algorithm of Streitberg
    and Roehmel (Statistical Software Newsletter 1986;12:10). Twice the mid-ranks are whole numbers, so ties are exact.
    """
    doubled = [round(2 * rank) for rank in ranks]
    counts = np.zeros((n_first + 1, sum(doubled) + 1), dtype=np.int64)  # choices of k ranks by their (doubled) sum
    counts[0, 0] = 1
    for rank in doubled:
        counts[1:, rank:] += counts[:-1, : counts.shape[1] - rank].copy()
    expected = n_first * (len(doubled) + 1)
    distance = np.abs(np.arange(counts.shape[1]) - expected)
    observed = abs(sum(doubled[:n_first]) - expected)
    extreme = int(counts[n_first, distance >= observed].sum())
    return extreme / math.comb(len(doubled), n_first)
