"""How large the difference of two groups is: Hodges and Lehmann's shift, Cliff's delta, the common-language effect."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from myot2.analyse.roc import win_matrix
from myot2.analyse.roc_intervals import area_interval, degrees_of_freedom, delong_parts
from myot2.analyse.sample import CONFIDENCE

EXACT_BELOW = 50
"""Group size below which, without ties, the interval of the shift is exact (as in R's wilcox.test)."""


@dataclass(frozen=True)
class Shift:
    """The median of all differences first - second, in the values' unit, and two 95 % intervals.

    `ci` is Moses's, for groups that differ by a shift only: it is too wide where the smaller group varies less, too
    narrow where equally large groups vary differently. `ci_unequal` holds for groups of any shapes. Either is None
    where so few values cannot give 95 %. `confidence` is what an `exact` Moses interval reaches (0-1), None for the
    normal approximation.
    """

    n_first: int
    n_second: int
    shift: float
    ci: tuple[float, float] | None
    ci_unequal: tuple[float, float] | None
    exact: bool
    confidence: float | None


@dataclass(frozen=True)
class Dominance:
    """Cliff's delta, P(first > second) - P(first < second), from -1 to 1, with its 95 % interval.

    `common_language` is P(first > second) + P(equal) / 2 (0-1), the area under the ROC curve (Vargha and Delaney,
    J Educ Behav Stat 2000;25:101), which is (delta + 1) / 2, as is its interval.
    """

    n_first: int
    n_second: int
    delta: float
    ci: tuple[float, float]
    common_language: float
    common_language_ci: tuple[float, float]


def hodges_lehmann(first: np.ndarray, second: np.ndarray, *, exact: bool | None = None) -> Shift:
    """Estimate by how much the first group lies above the second; finite values of shapes (n1,) and (n2,).

    The ends of Moses's interval are ordered differences, counted from either end by the quantile of Mann and Whitney's
    U: exact, or by the normal approximation with continuity correction and the variance corrected for ties within the
    groups (Hollander and Wolfe, Nonparametric Statistical Methods, 4.3; R's wilcox.test). Left to itself (`exact`
    None) it is exact for fewer than `EXACT_BELOW` values in each group, all different.

    `ci_unequal` holds the shifts that Brunner and Munzel's test (Biom J 2000;42:17) does not reject when the first
    group is moved down by them. Its ends are found among the differences by bisection.

    Raises
    ------
    ValueError
        A group is empty, or the exact interval is asked for in spite of ties.
    """
    n1, n2 = len(first), len(second)
    if min(n1, n2) == 0:
        raise ValueError("a group is empty")
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    tied = len(np.unique(np.concatenate([first, second]))) < n1 + n2
    if exact and tied:
        raise ValueError("the exact interval holds for values that are all different")
    if exact is None:
        exact = not tied and max(n1, n2) < EXACT_BELOW
    differences = np.sort((first[:, None] - second[None, :]).ravel())
    rank, confidence = _exact_rank(n1, n2) if exact else (_normal_rank(first, second), None)
    ci = (float(differences[rank - 1]), float(differences[-rank])) if rank >= 1 else None
    unequal = _unequal_interval(first, second, np.unique(differences)) if min(n1, n2) > 1 else None
    return Shift(n1, n2, float(np.median(differences)), ci, unequal, exact, confidence if ci else None)


def dominance(first: np.ndarray, second: np.ndarray) -> Dominance:
    """Cliff's delta of finite values of shapes (n1,) and (n2,), both at least 2.

    Delta is 2 area - 1 of the ROC curve (Cliff, Psychol Bull 1993;114:494), so its interval is the area's recommended
    one, stretched: both say the same. Feng and Cliff's (J Mod Appl Stat Methods 2004;3:322) was tried and covers less
    where groups hardly overlap (docs/stages/analyse-inference.md).

    Raises
    ------
    ValueError
        A group has fewer than two values.
    """
    found = area_interval(first, second, "wilson")
    ci = (found.low, found.high)
    delta_ci = (2 * found.low - 1, 2 * found.high - 1)
    return Dominance(found.n_positive, found.n_negative, 2 * found.area - 1, delta_ci, found.area, ci)


def u_distribution(n1: int, n2: int) -> np.ndarray:
    """P(U = u) for u = 0 to n1 n2 of two groups without ties and without difference; shape (n1 n2 + 1,).

    The largest value belongs to the first group with the chance n1 / (n1 + n2) and then adds n2 (Mann and Whitney,
    Ann Math Stat 1947;18:50).
    """
    chances = [np.array([1.0])] * (n2 + 1)  # of i and j = 0 to n2 values, from i = 0 on
    for i in range(1, n1 + 1):
        rows = [np.array([1.0])]
        for j in range(1, n2 + 1):
            row = np.zeros(i * j + 1)
            row[j:] += i / (i + j) * chances[j]
            row[: i * (j - 1) + 1] += j / (i + j) * rows[j - 1]
            rows.append(row)
        chances = rows
    return chances[n2]


def _exact_rank(n1: int, n2: int) -> tuple[int, float]:
    """Which difference from either end bounds the interval (0: none does), and the confidence reached."""
    below = np.cumsum(u_distribution(n1, n2))
    rank = int(np.searchsorted(below, (1 - CONFIDENCE) / 2 * (1 - 1e-12)))
    return rank, 1 - 2 * float(below[rank - 1]) if rank else 0.0


def _normal_rank(first: np.ndarray, second: np.ndarray) -> int:
    n1, n2 = len(first), len(second)
    total = n1 + n2
    ties = np.concatenate([np.unique(group, return_counts=True)[1] for group in (first, second)]).astype(float)
    correction = float((ties**3 - ties).sum()) / (total * (total - 1))
    sigma = math.sqrt(n1 * n2 / 12 * (total + 1 - correction))
    return math.ceil(n1 * n2 / 2 - 0.5 - float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * sigma)


def _unequal_interval(first: np.ndarray, second: np.ndarray, steps: np.ndarray) -> tuple[float, float] | None:
    """`steps` are the sorted distinct differences; the test changes only there and is made between them."""
    if len(steps) < 2 or _smallest_groups_p(len(first), len(second)) > 1 - CONFIDENCE:
        return None
    between = (steps[1:] + steps[:-1]) / 2
    places = range(len(between))
    low = bisect.bisect_left(places, True, key=lambda k: _against_shift(first, second, between[k]) <= 1)
    high = bisect.bisect_left(places, True, key=lambda k: _against_shift(first, second, between[k]) < -1)
    return float(steps[low]), float(steps[high])


def _against_shift(first: np.ndarray, second: np.ndarray, shift: float) -> float:
    """Brunner and Munzel's statistic over its critical value; infinite for groups that do not overlap."""
    wins = win_matrix(first - shift, second)
    excess = float(wins.mean()) - 0.5
    parts = delong_parts(wins)
    if not any(parts):
        return math.copysign(math.inf, excess) if excess else 0.0
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, degrees_of_freedom(parts, wins.shape)))
    return excess / math.sqrt(sum(parts)) / quantile


def _smallest_groups_p(n1: int, n2: int) -> float:
    """The two-sided p value of groups that do not overlap."""
    return 2 / math.comb(n1 + n2, n1)
