"""What every backend is told, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.core.images import image_like
from myot2.core.label_names import OWN
from myot2.core.labels import LabelTable
from myot2.segment.fat import FAT_LIMIT
from myot2.segment.legs import SIDES
from myot2.segment.numbering import Translation
from myot2.segment.quality import Evidence, describe
from myot2.segment.risk import Risk


@dataclass(frozen=True)
class Options:
    """What a backend is told besides image and label table; each takes of it what it needs.

    Attributes
    ----------
    model : Path
        The model's folder; MuscleMap: the file of its weights, with its JSON beside it.
    weights : Path, optional
        The weights as safetensors where `model` has them in PyTorch's format.
    weights_sha256 : str, optional
        SHA-256 of the weights, where no SHA256SUMS beside them lists it.
    numbering : str
        Whose numbers or short names the model's structures have.
    ignore : tuple of str
        Patterns of structures that become background where the label table does not know them.
    overlap : float
        Part of MuscleMap's window by which windows overlap.
    folds : tuple of str
        Folds of nnU-Net; empty: all.
    task : str
        Task of TotalSegmentator.
    side : str, optional
        The side of the only leg in the field, for `myot2`.
    water : SimpleITK.Image, optional
        The Dixon water image on the grid of the image, for `myot2`.
    threads : int
        Threads of a network's arithmetic.
    """

    model: Path
    weights: Path | None = None
    weights_sha256: str | None = None
    numbering: str = OWN
    ignore: tuple[str, ...] = ()
    overlap: float = 0.9
    folds: tuple[str, ...] = ()
    task: str = ""
    side: str | None = None
    water: sitk.Image | None = None
    threads: int = 1


@dataclass(frozen=True)
class Labelled:
    """Labels of an image.

    Attributes
    ----------
    labels : SimpleITK.Image
        Unsigned, on the grid of the image; numbers of the label table, 0 background.
    sides : tuple of str
        The sides of the body that are labelled.
    record : dict
        What the sidecar says of the model: `Model` (name and version), `ModelSha256`, and more.
    evidence : Evidence
        What the model says of its labels; None or nothing where it does not say it.
    risk : Risk, optional
        The risk models that belong to the weights.
    """

    labels: sitk.Image
    sides: tuple[str, ...]
    record: Mapping[str, Any]
    evidence: Evidence = field(default=Evidence())
    risk: Risk | None = None


def labelled(
    values: np.ndarray,
    image: sitk.Image,
    table: LabelTable,
    translation: Translation,
    record: Mapping[str, Any],
    confidence: np.ndarray | None = None,
) -> Labelled:
    """The result of a backend whose numbers are another's.

    Parameters
    ----------
    values : ndarray of integer, shape (slices, rows, columns)
        Theirs, on the grid of `image`.
    image : SimpleITK.Image
    table : LabelTable
    translation : Translation
    record : mapping
    confidence : ndarray of float, optional
        Same shape.
    """
    ours = translation.apply(values)
    found = set(np.flatnonzero(np.bincount(ours.ravel())).tolist())
    present = {label.side for label in table.labels if label.index in found}
    dropped = translation.left_out(values)
    lacking = [_called(label.name, label.side) for label in translation.absent]
    return Labelled(
        labels=image_like(ours, image),
        sides=tuple(side for side in SIDES if side in present),
        record={
            **record,
            **({"IgnoredVoxels": dropped} if dropped else {}),
            **({"NotGiven": lacking} if lacking else {}),
        },
        evidence=Evidence(confidence=None if confidence is None else image_like(confidence, image)),
    )


def figures(
    result: Labelled, table: LabelTable, fat_fraction: sitk.Image | None = None, fat_limit: float = FAT_LIMIT
) -> dict[str, Any]:
    """Quality figures, risk and flags for the sidecar, as `myot2.segment.quality.describe` gives them.

    What the backend does not say is null. `fat_fraction` (0-1, NaN unknown) lies on the grid of the labels.
    """
    evidence = replace(result.evidence, fat_fraction=fat_fraction, fat_limit=fat_limit)
    return describe(result.labels, table, sides=result.sides, evidence=evidence, risk=result.risk)


def _called(name: str, side: str) -> str:
    return name if side == "none" else f"{side} {name}"
