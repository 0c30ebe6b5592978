"""Figures and flags by which a person finds the label maps that need a look."""

from __future__ import annotations

from typing import Any

import numpy as np

from myot2.core.labels import LabelTable
from myot2.segment.legs import SIDES

ASYMMETRY_LIMIT = 0.35
"""Healthy thighs differ by a few per cent; beyond this |L - R| / mean(L, R) a muscle is wasted or mislabelled."""

CONFIDENCE_LIMIT = 0.6
"""Mean probability of a muscle's voxels below which its outline is mostly guessed."""


def describe(
    labels: np.ndarray, confidence: np.ndarray, table: LabelTable, sides: tuple[str, ...], voxel_mm3: float
) -> dict[str, Any]:
    """Volume and confidence of each muscle, asymmetry, and flags in words; bone is not judged.

    Parameters
    ----------
    labels : ndarray of unsigned integer
        Numbers of the label table.
    confidence : ndarray of float, same shape
        Probability (0-1) of each voxel's label.
    table : LabelTable
    sides : tuple of str
        The legs in the field; only they are judged.
    voxel_mm3 : float
        Volume of a voxel, gap between slices included.

    Returns
    -------
    dict
        `Muscles`: one object per muscle and side (index, name, side, voxels, volume_ml, mean_confidence or null);
        `Asymmetry`: per muscle |L - R| / mean(L, R), null where a side is missing;
        `MeanConfidence`: over all voxels of muscle, or null; `Flags`: sentences, none where nothing is odd.
    """
    voxels = np.bincount(labels.ravel(), minlength=256)
    certain = np.bincount(labels.ravel(), weights=confidence.ravel().astype(float), minlength=256)
    muscles = [
        {
            "index": label.index,
            "name": label.name,
            "side": label.side,
            "voxels": int(voxels[label.index]),
            "volume_ml": round(float(voxels[label.index]) * voxel_mm3 / 1000, 3),
            "mean_confidence": _ratio(certain[label.index], voxels[label.index]),
        }
        for label in table.muscle_labels
        if label.side in sides
    ]
    asymmetry = {name: _asymmetry(name, voxels, table, sides) for name in table.muscles}
    labelled = table.muscle_indices()
    return {
        "Muscles": muscles,
        "Asymmetry": asymmetry,
        "MeanConfidence": _ratio(certain[labelled].sum(), voxels[labelled].sum()),
        "Flags": _flags(muscles, asymmetry),
    }


def _flags(muscles: list[dict[str, Any]], asymmetry: dict[str, float | None]) -> list[str]:
    flags = []
    for muscle in muscles:
        who = f"{muscle['name']}, {muscle['side']}"
        if not muscle["voxels"]:
            flags.append(f"{who}: no voxel (outside the field, or missed)")
        elif muscle["mean_confidence"] < CONFIDENCE_LIMIT:
            flags.append(f"{who}: mean confidence {muscle['mean_confidence']:.2f}, below {CONFIDENCE_LIMIT:g}")
    flags += [
        f"{name}: left and right differ by {value:.0%}, more than {ASYMMETRY_LIMIT:.0%}"
        for name, value in asymmetry.items()
        if value is not None and value > ASYMMETRY_LIMIT
    ]
    return flags


def _asymmetry(name: str, voxels: np.ndarray, table: LabelTable, sides: tuple[str, ...]) -> float | None:
    if set(sides) != set(SIDES):
        return None
    left, right = (int(voxels[table.index(name, side)]) for side in SIDES)
    return None if not left or not right else round(abs(left - right) / ((left + right) / 2), 4)


def _ratio(total: float, count: float) -> float | None:
    return round(float(total) / float(count), 4) if count else None
