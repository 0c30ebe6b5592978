"""How far Youden's cutoff, and the sensitivity and specificity found with it, can be trusted.

The cutoff was chosen to suit the people it is judged by, so both rates are too good. The bootstrap shows by how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myot2.analyse.defaults import RESAMPLES
from myot2.analyse.resampling import draw_counts, percentile_interval
from myot2.analyse.roc import roc_curve


@dataclass(frozen=True)
class Rate:
    """One rate (0-1) at a cutoff chosen from the same people.

    `ci` is the 95 % percentile interval of the rate with a cutoff chosen anew in each bootstrap sample. It shows how
    the derivation varies and is no interval of the rate in new people, which an exact one of the apparent rate covers
    (docs/stages/analyse-inference.md). `optimism` is how much better that cutoff does in its own sample than in the
    original one, on average; `corrected` is `apparent` less the optimism (Harrell, Stat Med 1996;15:361), cut at 0 and
    1. `out_of_bag` is the mean rate among the people whom a sample left out (as cutpointr), None where no sample left
    anyone out.
    """

    apparent: float
    ci: tuple[float, float]
    optimism: float
    corrected: float
    out_of_bag: float | None


@dataclass(frozen=True)
class CutoffStability:
    """The cutoff with its 95 % percentile interval, and both rates.

    With few controls the interval shows how the derivation varies but misses the best cutoff of the population often
    (docs/stages/analyse-inference.md): a cutoff for use is to be fixed beforehand.
    """

    cutoff: float
    ci: tuple[float, float]
    sensitivity: Rate
    specificity: Rate
    resamples: int
    seed: int


@dataclass(frozen=True)
class LeftOut:
    """Each person judged by the cutoff of all others, in the given order; shapes (n1,) and (n0,).

    `found` says of a positive that its value is at or above its cutoff, `rejected` of a negative that it is below.
    """

    cutoffs_positive: np.ndarray
    cutoffs_negative: np.ndarray
    found: np.ndarray
    rejected: np.ndarray


def cutoff_stability(
    positives: np.ndarray, negatives: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> CutoffStability:
    """Bootstrap the choice of the cutoff within each group; finite values of shapes (n1,) and (n0,), at least 2 each.

    Each sample goes through the choice of `roc.RocCurve.best`: midpoints of its own values, highest Youden index, of
    equal ones the most specific, then the lowest.

    Raises
    ------
    ValueError
        A group has fewer than two values.
    """
    positives, negatives = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    if min(len(positives), len(negatives)) < 2:
        raise ValueError("a group has fewer than two values")
    rng = np.random.default_rng(seed)
    drawn1, drawn0 = (draw_counts(len(group), resamples, rng) for group in (positives, negatives))
    cutoffs, sensitivities, specificities = chosen_cutoffs(positives, negatives, drawn1, drawn0)
    curve = roc_curve(positives, negatives)
    best, _ = curve.best()
    found = positives >= cutoffs[:, None]
    rejected = negatives < cutoffs[:, None]
    return CutoffStability(
        cutoff=float(curve.cutoffs[best]),
        ci=percentile_interval(cutoffs),
        sensitivity=_rate(float(curve.sensitivity[best]), sensitivities, found, drawn1),
        specificity=_rate(float(curve.specificity[best]), specificities, rejected, drawn0),
        resamples=resamples,
        seed=seed,
    )


def chosen_cutoffs(
    positives: np.ndarray, negatives: np.ndarray, drawn1: np.ndarray, drawn0: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Youden's cutoff of each sample, and the sensitivity and specificity there; three arrays of shape (samples,).

    `drawn1` and `drawn0` say how often a value is in each sample, shapes (samples, n1) and (samples, n0).
    """
    values = np.unique(np.concatenate([positives, negatives]))
    at1, at0 = _by_value(drawn1, positives, values), _by_value(drawn0, negatives, values)
    n1, n0 = at1.sum(axis=1, keepdims=True), at0.sum(axis=1, keepdims=True)
    # Cutoff k lies below values[k] and above the next lower value of the sample; the last lies above all.
    hits, rejections = n1 - _before(at1), _before(at0)
    rank = (hits * n0 + rejections * n1) * (n0 + 1) + rejections  # by Youden's index, then specificity; whole numbers
    present = (at1 + at0) > 0
    rank[:, :-1][~present] = -1
    chosen = rank.argmax(axis=1)[:, None]  # the first, thus lowest, of equals
    cutoffs = np.take_along_axis(_cutoffs(values, present), chosen, axis=1)[:, 0]
    sensitivity, specificity = hits / n1, rejections / n0
    return (
        cutoffs,
        np.take_along_axis(sensitivity, chosen, axis=1)[:, 0],
        np.take_along_axis(specificity, chosen, axis=1)[:, 0],
    )


def leave_one_out(positives: np.ndarray, negatives: np.ndarray) -> LeftOut:
    """Judge everybody by the cutoff that the others give; finite values of shapes (n1,) and (n0,), at least 2 each.

    For a claim about some of the people from whom the cutoff was derived, count them in `found`.

    Raises
    ------
    ValueError
        A group has fewer than two values.
    """
    positives, negatives = np.asarray(positives, dtype=float), np.asarray(negatives, dtype=float)
    n1, n0 = len(positives), len(negatives)
    if min(n1, n0) < 2:
        raise ValueError("a group has fewer than two values")
    without = 1 - np.eye(n1 + n0, dtype=int)
    cutoffs, _, _ = chosen_cutoffs(positives, negatives, without[:, :n1], without[:, n1:])
    return LeftOut(cutoffs[:n1], cutoffs[n1:], positives >= cutoffs[:n1], negatives < cutoffs[n1:])


def _rate(apparent: float, in_sample: np.ndarray, right: np.ndarray, drawn: np.ndarray) -> Rate:
    """`right` says who is judged rightly by each sample's cutoff, `drawn` how often a sample has them."""
    optimism = float((in_sample - right.mean(axis=1)).mean())
    left_out = drawn == 0
    some = left_out.any(axis=1)
    outside = None
    if some.any():
        outside = float(((right & left_out)[some].sum(axis=1) / left_out[some].sum(axis=1)).mean())
    return Rate(apparent, percentile_interval(in_sample), optimism, float(np.clip(apparent - optimism, 0, 1)), outside)


def _by_value(drawn: np.ndarray, group: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Counts of people as counts of distinct values, shape (samples, values)."""
    belongs = np.searchsorted(values, group)[:, None] == np.arange(len(values))
    return (drawn.astype(float) @ belongs.astype(float)).astype(np.int64)  # whole floats: BLAS knows no integers


def _before(counts: np.ndarray) -> np.ndarray:
    """How many lie below each cutoff, shape (samples, values + 1)."""
    return np.concatenate([np.zeros((len(counts), 1), np.int64), np.cumsum(counts, axis=1)], axis=1)


def _cutoffs(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Midpoints of consecutive values of each sample, one beyond its ends; shape (samples, values + 1)."""
    last = np.maximum.accumulate(np.where(present, np.arange(len(values)), -1), axis=1)
    previous = np.concatenate([np.full((len(present), 1), -1), last], axis=1)
    below = values[np.maximum(previous, 0)]
    above = np.append(values, values[-1])
    middles = (below + above) / 2
    middles = np.where(previous < 0, above - 1, middles)
    middles[:, -1] = below[:, -1] + 1
    return middles
