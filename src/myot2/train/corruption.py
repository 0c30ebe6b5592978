"""Label maps made wrong on purpose, each way from slightly (severity 0) to beyond recognition (1).

They stand for the errors that a network makes while it is sure of itself: probabilities and votes do not show them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from myot2.core.labels import LabelTable
from myot2.segment.legs import SIDES

Spacing = tuple[float, float, float]
Corruption = Callable[[np.ndarray, Spacing, LabelTable, float, np.random.Generator], np.ndarray]
"""Takes labels (slices, rows, columns) with at least one muscle, their spacing (slice, row, column) in mm, the label
table, the severity (0-1) and random numbers; gives new labels. Bone stays as it is."""


def exchange(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """One to four pairs of neighbouring muscles change names, from some slice on or in all."""
    result = labels.copy()
    for _ in range(1 + int(3.99 * severity)):
        one = _some_muscle(result, table, rng)
        ring = ndimage.binary_dilation(result == one, np.ones((1, 5, 5))) & (result != one)
        beside = np.intersect1d(np.unique(result[ring]), table.muscle_indices())
        if beside.size:
            names = np.arange(256, dtype=labels.dtype)
            other = int(rng.choice(beside))
            names[[one, other]] = other, one
            part = result[_first_slice(labels, rng) :]
            part[:] = names[part]
    return result


def lose(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """One to seven muscles are missing, from some slice on or in all; one muscle at least is left."""
    result = labels.copy()
    for _ in range(1 + int(6.99 * severity)):
        muscle = _some_muscle(result, table, rng)
        fewer = result.copy()
        part = fewer[_first_slice(labels, rng) :]
        part[part == muscle] = 0
        if np.isin(fewer, table.muscle_indices()).any():
            result = fewer
    return result


def leak(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """One to six muscles run 2 to 15 mm into what lies beside them, mostly into what has no label."""
    result = labels.copy()
    for _ in range(1 + int(5.99 * severity)):
        muscle, overruns = _some_muscle(labels, table, rng), rng.random() < 0.3
        for plane in result:
            if (plane == muscle).any():
                away = ndimage.distance_transform_edt(plane != muscle, sampling=spacing_mm[1:])
                room = np.isin(plane, [0, *table.muscle_indices()]) if overruns else plane == 0
                plane[(away < 2 + 13 * severity) & room] = muscle
    return result


def shift(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """The muscles of both legs, or of one, lie 2 to 25 mm beside where they should."""
    angle, distance = rng.uniform(0, 2 * np.pi), 2 + 23 * severity
    pixels = np.round(distance * np.array([np.sin(angle), np.cos(angle)]) / spacing_mm[1:]).astype(int)
    chosen = np.isin(labels, table.muscle_indices(side=str(rng.choice(SIDES)) if rng.random() < 0.5 else None))
    moved = np.roll(np.where(chosen, labels, 0), tuple(pixels), (1, 2))
    return np.where(moved > 0, moved, np.where(chosen, 0, labels)).astype(labels.dtype)


def shrink(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """All muscles, or some, lose a rim of 1 to 7 mm; one muscle at least is left."""
    share = rng.uniform(0.2, 1.2)
    result = labels.copy()
    for muscle in np.intersect1d(np.unique(labels), table.muscle_indices()):
        if rng.random() < share:
            for plane in result:
                own = plane == muscle
                if own.any():
                    inside = ndimage.distance_transform_edt(own, sampling=spacing_mm[1:])
                    plane[own & (inside < 1 + 6 * severity)] = 0
    return result if np.isin(result, table.muscle_indices()).any() else labels


def fray(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Borders displaced to and fro, with a standard deviation of 0.5 to 6 mm."""
    width, deviation_mm = rng.uniform(1.5, 4), 0.5 + 5.5 * severity
    offsets = [ndimage.gaussian_filter(rng.standard_normal(labels.shape), (0.5, width, width)) for _ in range(2)]
    places = list(np.meshgrid(*(np.arange(float(size)) for size in labels.shape), indexing="ij"))
    for axis, offset in enumerate(offsets, 1):
        places[axis] += offset / offset.std() * deviation_mm / spacing_mm[axis]
    return ndimage.map_coordinates(labels, places, order=0, mode="nearest")


def wrong_leg(
    labels: np.ndarray, spacing_mm: Spacing, table: LabelTable, severity: float, rng: np.random.Generator
) -> np.ndarray:
    """Left and right are exchanged, for one muscle up to all."""
    result = labels.copy()
    count = 1 + round(severity * (len(table.muscles) - 1))
    for name in rng.permutation(table.muscles)[:count]:
        left, right = (table.index(str(name), side) for side in SIDES)
        result[labels == left], result[labels == right] = right, left
    return result


CORRUPTIONS: dict[str, Corruption] = {
    "exchange": exchange,
    "lose": lose,
    "leak": leak,
    "shift": shift,
    "shrink": shrink,
    "fray": fray,
    "wrong leg": wrong_leg,
}


def _some_muscle(labels: np.ndarray, table: LabelTable, rng: np.random.Generator) -> int:
    return int(rng.choice(np.intersect1d(np.unique(labels), table.muscle_indices())))


def _first_slice(labels: np.ndarray, rng: np.random.Generator) -> int:
    return 0 if rng.random() < 0.5 else int(rng.integers(labels.shape[0]))
