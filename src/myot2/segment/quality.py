"""Figures about a label map, by which a person finds what needs a look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.images import array_of
from myot2.core.labels import Label, LabelTable
from myot2.segment.course import LegCourse, leg_course
from myot2.segment.fat import FAT_LIMIT
from myot2.segment.flags import flags_of
from myot2.segment.legs import SIDES
from myot2.segment.outline import roughness
from myot2.segment.risk import Risk
from myot2.segment.slices import continuity


@dataclass(frozen=True)
class Evidence:
    """What is known of a label map beside the labels; any of it may be missing.

    Attributes
    ----------
    confidence, entropy : SimpleITK.Image, optional
        Probability of each voxel's label, and how undecided the network was (0-1); on the grid of the labels.
    agreement : mapping of int to float or None
        Mean Dice of the votes, per label number.
    cropped_sides : collection of str
        Legs whose muscle reaches the edge of the network's field.
    foreign_sides : collection of str
        Limbs that do not look like a thigh.
    fat_fraction : SimpleITK.Image, optional
        0-1, NaN where unknown; on the grid of the labels.
    fat_limit : float
        A voxel with a larger fraction counts as fat.
    """

    confidence: sitk.Image | None = None
    entropy: sitk.Image | None = None
    agreement: Mapping[int, float | None] = field(default_factory=dict)
    cropped_sides: Collection[str] = ()
    foreign_sides: Collection[str] = ()
    fat_fraction: sitk.Image | None = None
    fat_limit: float = FAT_LIMIT


def describe(
    labels: sitk.Image,
    table: LabelTable,
    *,
    sides: Collection[str] | None = None,
    evidence: Evidence | None = None,
    risk: Risk | None = None,
) -> dict[str, Any]:
    """Figures of each muscle and of the case, and flags in words; bone is not judged.

    Parameters
    ----------
    labels : SimpleITK.Image
        Unsigned integers, numbers of the label table; any order of axes.
    table : LabelTable
    sides : collection of str, optional
        The legs in the field; only they are judged. Without it, those that have a label.
    evidence : Evidence, optional
    risk : Risk, optional
        Without it no risk is told.

    Returns
    -------
    dict
        `Muscles`: one object per muscle and side, with the keys of `myot2.segment.cohort.MUSCLE_FIGURES`; `Asymmetry`:
        per muscle |L - R| / mean(L, R), null where a side has none; `VolumeMl` of the muscles, per side;
        `MeanConfidence`, `MeanEntropy` over all voxels of muscle and `Agreement`, mean over the muscles; `Risk` (0-1);
        each null where unknown. `Flags`: sentences, none where nothing is odd.
    """
    evidence = evidence or Evidence()
    if sides is None:
        present = set(np.unique(array_of(labels)).tolist())
        sides = [side for side in SIDES if present & set(table.muscle_indices(side=side))]
    judged = [label for label in table.muscle_labels if label.side in sides]
    volume = _Volume.of(labels, judged, evidence)
    muscles = [_muscle(label, volume, evidence) for label in judged]
    if risk:
        for row in muscles:
            row["risk"] = risk.of_muscle(row, muscles)
    figures = {
        "Muscles": muscles,
        "Asymmetry": {name: _asymmetry(name, muscles) for name in table.muscles},
        "VolumeMl": {side: round(sum(row["volume_ml"] for row in muscles if row["side"] == side), 3) for side in sides},
        "MeanConfidence": _mean_over_voxels(muscles, "mean_confidence"),
        "MeanEntropy": _mean_over_voxels(muscles, "mean_entropy"),
        "Agreement": _mean(row["agreement"] for row in muscles if row["voxels"]),
        "Risk": risk.of_case(muscles) if risk else None,
    }
    return {**figures, "Flags": flags_of(figures, evidence.cropped_sides, evidence.foreign_sides)}


@dataclass(frozen=True)
class _Volume:
    """A label map and what is known of its voxels, by the subject's axes: slices, rows, columns."""

    labels: np.ndarray
    confidence: np.ndarray | None
    entropy: np.ndarray | None
    fat_fraction: np.ndarray | None
    spacing_mm: tuple[float, float, float]
    boxes: Mapping[int, tuple[slice, ...] | None]
    roughness: Mapping[int, float]
    legs: Mapping[str, LegCourse]

    @classmethod
    def of(cls, labels: sitk.Image, judged: Collection[Label], evidence: Evidence) -> _Volume:
        oriented = sitk.DICOMOrient(labels, "LPS")
        values = array_of(oriented)
        spacing_mm = oriented.GetSpacing()[::-1]
        numbers = {side: [label.index for label in judged if label.side == side] for side in SIDES}
        return cls(
            values,
            *(
                None if image is None else array_of(sitk.DICOMOrient(image, "LPS"))
                for image in (evidence.confidence, evidence.entropy, evidence.fat_fraction)
            ),
            spacing_mm=spacing_mm,
            boxes=dict(enumerate(ndimage.find_objects(values), start=1)),
            roughness=roughness(oriented),
            legs={side: leg_course(np.isin(values, own), spacing_mm[1:]) for side, own in numbers.items()},
        )

    @property
    def midline_mm(self) -> float | None:
        """Half-way between the muscles called left and those called right, from the first column; None without both."""
        middles = [leg.middle_mm for leg in self.legs.values()]
        return None if None in middles else sum(middles) / 2


def _muscle(label: Label, volume: _Volume, evidence: Evidence) -> dict[str, Any]:
    """The figures of one muscle."""
    box = volume.boxes.get(label.index)
    mask = volume.labels[box] == label.index if box else np.zeros((0, 0, 0), bool)
    slices_mm, rows_mm, columns_mm = volume.spacing_mm
    voxels = int(mask.sum())
    course = continuity(mask, slices_mm)

    def among(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None or not box else values[box][mask].astype(float)

    return {
        "index": label.index,
        "name": label.name,
        "side": label.side,
        "voxels": voxels,
        "volume_ml": round(voxels * slices_mm * rows_mm * columns_mm / 1000, 3),
        "area_cm2": _rounded(voxels * rows_mm * columns_mm / mask.shape[0] / 100 if box else None),
        "whole": bool(box and box[0].start > 0 and box[0].stop < volume.labels.shape[0]),
        "edge": bool(box and _at_border(box[1:], volume.labels.shape[1:])),
        "mean_confidence": _mean(among(volume.confidence)),
        "mean_entropy": _mean(among(volume.entropy)),
        "agreement": evidence.agreement.get(label.index),
        "slice_dice_mean": _rounded(course.mean),
        "slice_dice_lowest": _rounded(course.lowest),
        "roughness": _rounded(volume.roughness.get(label.index)),
        **_place(mask, box, label.side, volume),
        **_fat(among(volume.fat_fraction), evidence.fat_limit),
        "risk": None,
    }


def _place(mask: np.ndarray, box: tuple[slice, ...] | None, side: str, volume: _Volume) -> dict[str, float | None]:
    """Where a muscle lies in its leg, how much of the leg's muscle it is, and how much of it lies in the other leg."""
    if box is None:
        return {"medial": None, "back": None, "share": None, "other_leg": None}
    leg = volume.legs[side]
    back, left = leg.offset(mask, box)
    beyond = None
    if volume.midline_mm is not None:
        # columns go to the subject's left
        right = np.arange(box[2].start, box[2].stop) * volume.spacing_mm[2] < volume.midline_mm
        beyond = mask[:, :, right if side == "left" else ~right].sum() / mask.sum()
    return {
        "medial": _rounded(left if side == "right" else -left),
        "back": _rounded(back),
        "share": _rounded(mask.sum() / leg.voxels),
        "other_leg": _rounded(beyond),
    }


def _fat(fraction: np.ndarray | None, limit: float) -> dict[str, int | float | None]:
    """How many voxels hold more fat than the limit, and their share of those whose fraction is known."""
    known = fraction[np.isfinite(fraction)] if fraction is not None else np.zeros(0)
    if not known.size:
        return {"fat_voxels": None, "fat_share": None}
    above = int((known > limit).sum())
    return {"fat_voxels": above, "fat_share": round(above / known.size, 4)}


def _at_border(box: tuple[slice, ...], shape: tuple[int, ...]) -> bool:
    return any(part.start == 0 or part.stop == size for part, size in zip(box, shape, strict=True))


def _asymmetry(name: str, muscles: list[dict[str, Any]]) -> float | None:
    volumes = [row["volume_ml"] for row in muscles if row["name"] == name and row["voxels"]]
    if len(volumes) != 2:
        return None
    return round(abs(volumes[0] - volumes[1]) / (sum(volumes) / 2), 4)


def _mean_over_voxels(muscles: list[dict[str, Any]], key: str) -> float | None:
    rows = [row for row in muscles if row[key] is not None]
    total = sum(row["voxels"] for row in rows)
    return round(sum(row[key] * row["voxels"] for row in rows) / total, 4) if total else None


def _mean(values: Iterable[float | None] | None) -> float | None:
    known = [value for value in values if value is not None] if values is not None else []
    return round(float(np.mean(known)), 4) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
