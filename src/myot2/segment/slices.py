"""How a muscle goes on from slice to slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REFERENCE_MM = 5.0
"""Slice distance to which the Dice of neighbouring slices is brought, a usual one in thighs."""

TAPER = 0.2
"""Of a pair of slices for the lowest Dice, the larger has at least this share of the muscle's largest cross-section: in
the tapering ends a few pixels decide, which says nothing of the outline."""


@dataclass(frozen=True)
class Continuity:
    """Dice of neighbouring slices of a muscle, both None where it lies in one slice only.

    Attributes
    ----------
    mean : float or None
        Mean over all pairs, weighted by their area.
    lowest : float or None
        The lowest of the pairs that do not belong to a tapering end; 0 where a slice in between lacks the muscle.
    """

    mean: float | None
    lowest: float | None


def continuity(mask: np.ndarray, distance_mm: float) -> Continuity:
    """Dice of each pair of neighbouring slices between a muscle's first and last.

    Slices that lie farther apart differ more. If the outline changes at the same rate throughout, the overlap left
    after a distance d is that after 1 mm to the power of d; so Dice is brought to `REFERENCE_MM` by the exponent
    `REFERENCE_MM` / d. On the thighs of the digital cohort the mean then moves by at most 0.04 in any muscle (0.06 in
    adductor longus) when every second or only every fourth of the slices 6 mm apart is left.

    Parameters
    ----------
    mask : ndarray of bool, shape (slices, rows, columns)
    distance_mm : float
        Distance of slice centres.
    """
    areas = mask.sum(axis=(1, 2))
    present = np.flatnonzero(areas)
    if present.size < 2:
        return Continuity(None, None)
    first, last = int(present[0]), int(present[-1])
    lower, upper = mask[first:last], mask[first + 1 : last + 1]
    together = areas[first:last] + areas[first + 1 : last + 1]
    larger = np.maximum(areas[first:last], areas[first + 1 : last + 1])
    paired = together > 0
    dice = np.zeros(together.shape)
    dice[paired] = 2 * (lower & upper).sum(axis=(1, 2))[paired] / together[paired]
    dice **= REFERENCE_MM / distance_mm
    inner = (larger >= TAPER * areas.max()) | ~paired
    # The weight of a pair of empty slices, in a gap, is that of the mean pair: it must not count for nothing.
    weight = np.where(paired, together, together[paired].mean())
    return Continuity(float(np.average(dice, weights=weight)), float(dice[inner].min()))
