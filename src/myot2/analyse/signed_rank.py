"""Wilcoxon's signed-rank test of paired values, with its exact p value, and the typical change with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from myot2.analyse.mann_whitney import EXACT_UP_TO
from myot2.analyse.sample import CONFIDENCE

Zeros = Literal["wilcox", "pratt"]


@dataclass(frozen=True)
class SignedRank:
    """The test of `n` complete pairs, of which `lower` fell, `higher` rose and `equal` did not change.

    `w_higher` and `w_lower` are the rank sums of those that rose and fell; equal absolute changes share their mean
    rank. `zeros` says what was done with the unchanged pairs. `z` is above 0 where values rose; `p` is two-sided and
    asymptotic, `p_exact` None for more than 40 changed pairs. `shift` is the median of the pairwise means of all
    changes (Hodges and Lehmann), `ci` its interval, which holds at least `confidence` (0-1); both are None where so
    few pairs cannot give 95 %.
    """

    n: int
    lower: int
    higher: int
    equal: int
    zeros: str
    w_higher: float
    w_lower: float
    z: float
    p: float
    p_exact: float | None
    shift: float
    ci: tuple[float, float] | None
    confidence: float | None


def signed_rank(first: np.ndarray, second: np.ndarray, *, zeros: Zeros = "wilcox") -> SignedRank:
    """Test whether `second` differs from `first`, shapes (n,); pairs with a NaN are left out.

    Unchanged pairs are left out before ranking (``wilcox``; SPSS NPAR TESTS /WILCOXON and R) or after it (``pratt``;
    J Am Stat Assoc 1959;54:655). z has the variance corrected for ties and no continuity correction, as SPSS's.

    Raises
    ------
    ValueError
        No pair is complete, or none has changed.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    known = np.isfinite(first) & np.isfinite(second)
    change = (second - first)[known]
    if not len(change):
        raise ValueError("no pair is complete")
    if not change.any():
        raise ValueError("no pair has changed")
    ranked = change[change != 0] if zeros == "wilcox" else change
    ranks = stats.rankdata(np.abs(ranked))[ranked != 0]
    rises = ranked[ranked != 0] > 0
    w_higher, w_lower = float(ranks[rises].sum()), float(ranks[~rises].sum())
    # Given the ranks, each sign is a fair coin: mean and variance of the rank sum follow, ties and zeros included.
    z = (w_higher - ranks.sum() / 2) / (np.sqrt((ranks**2).sum()) / 2)
    ci, confidence = _interval(change)
    return SignedRank(
        n=len(change),
        lower=int((change < 0).sum()),
        higher=int((change > 0).sum()),
        equal=int((change == 0).sum()),
        zeros=zeros,
        w_higher=w_higher,
        w_lower=w_lower,
        z=float(z),
        p=float(2 * stats.norm.sf(abs(z))),
        p_exact=_exact_p(ranks, w_higher) if len(ranks) <= EXACT_UP_TO else None,
        shift=float(np.median(_pairwise_means(change))),
        ci=ci,
        confidence=confidence,
    )


def _exact_p(ranks: np.ndarray, observed: float) -> float:
    """P(|W - E| >= |w - E|) over all choices of signs; twice the mid-ranks are whole, so ties are exact."""
    doubled = [round(2 * rank) for rank in ranks]
    counts = _sums(doubled)
    distance = np.abs(2 * np.arange(len(counts)) - sum(doubled))
    extreme = int(counts[distance >= abs(2 * round(2 * observed) - sum(doubled))].sum())
    return extreme / 2 ** len(doubled)


def _sums(weights: list[int]) -> np.ndarray:
    """In how many ways some of the whole `weights` add up to 0, 1, 2, ...; at most 62 weights fit."""
    counts = np.zeros(sum(weights) + 1, dtype=np.int64)
    counts[0] = 1
    for weight in weights:
        counts[weight:] += counts[: len(counts) - weight].copy()
    return counts


def _pairwise_means(change: np.ndarray) -> np.ndarray:
    """The means of all pairs of changes, each with itself too (Walsh averages), in ascending order."""
    rows, columns = np.triu_indices(len(change))
    return np.sort((change[rows] + change[columns]) / 2)


def _interval(change: np.ndarray) -> tuple[tuple[float, float] | None, float | None]:
    """Tukey's interval: Walsh averages counted from either end (Hollander and Wolfe, 3.3). Ties make it wider."""
    n, means = len(change), _pairwise_means(change)
    probability = np.zeros(n * (n + 1) // 2 + 1)
    probability[0] = 1
    for rank in range(1, n + 1):
        moved = np.zeros_like(probability)
        moved[rank:] = probability[: len(probability) - rank]
        probability = (probability + moved) / 2
    below = np.cumsum(probability)
    place = int((below <= (1 - CONFIDENCE) / 2 + 1e-12).sum())
    if place == 0:
        return None, None
    return (float(means[place - 1]), float(means[-place])), float(1 - 2 * below[place - 1])
