"""A DICOM segmentation, of whatever tool, as a label map on the grid of an image.

Nothing is resampled: every voxel of a segment must fall on a voxel of the grid. Axes may be stored in another order or
direction, and slices without a segment left out, as dcmqi and highdicom write them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom import Dataset

from myot2.core.errors import MyoT2Error
from myot2.core.images import affine_of, image_like
from myot2.core.label_names import find_label
from myot2.core.labels import Label, LabelTable

SEGMENTATION, LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
OFF_GRID_MM = 0.05
"""How far a voxel may lie from its place: positions are text of 16 characters; some tools write 32-bit floats."""

SIDES_BY_CODE = {"7771000": "left", "G-A101": "left", "24028007": "right", "G-A100": "right"}
"""Laterality (CID 244) in SNOMED CT and, as older tools write it, SNOMED RT."""
_COLUMNS = {"SCT": "snomed", "FMA": "fma"}


def read_segmentation(
    made: Dataset,
    table: LabelTable,
    grid: sitk.Image,
    *,
    where: str | Path,
    numbers: Mapping[int, int] | None = None,
    leave_out: Collection[int] = (),
) -> sitk.Image:
    """The label map of a segmentation object.

    Parameters
    ----------
    made : pydicom.Dataset
        With its pixels; BINARY or LABELMAP.
    table : LabelTable
    grid : SimpleITK.Image
        The image whose grid the segments must lie on.
    where : str or Path
        The file, for messages.
    numbers : mapping, optional
        Label numbers of segments that neither code nor name tells, by segment number.
    leave_out : collection of int
        Segments that are none of ours.

    Returns
    -------
    SimpleITK.Image
        16-bit label map on `grid`.

    Raises
    ------
    MyoT2Error
        The object is no such segmentation; a segment is not known, lies off the grid, or overlaps another; no voxel is
        labelled.
    """
    _require_kind(made, where)
    label_of = labels_of_segments(made, table, where, numbers=numbers or {}, leave_out=leave_out)
    columns, rows, slices = grid.GetSize()
    labels = np.zeros((slices, rows, columns), np.uint16)
    to_index = np.linalg.inv(affine_of(grid))
    planes = made.pixel_array if int(made.get("NumberOfFrames", 1)) > 1 else made.pixel_array[None]
    for plane, frame in zip(planes, made.PerFrameFunctionalGroupsSequence, strict=True):
        for number in _segments_in(made, plane, frame):
            if number in label_of:
                of_segment = plane == (number if made.SOPClassUID == LABEL_MAP_SEGMENTATION else 1)
                _put(labels, to_index, _places(made, frame, of_segment), label_of[number], where)
    if not labels.any():
        raise _unusable(where, "a segment with at least one voxel", "none", "Export the segments again.")
    return image_like(labels, grid)


def labels_of_segments(
    made: Dataset,
    table: LabelTable,
    where: str | Path,
    *,
    numbers: Mapping[int, int],
    leave_out: Collection[int] = (),
) -> dict[int, int]:
    """The label number of each segment: as given, else by its code and side, else by its name (raises as above)."""
    found: dict[int, int] = {}
    unknown = []
    for segment in made.SegmentSequence:
        number = int(segment.SegmentNumber)
        if number in leave_out or (number == 0 and made.SOPClassUID == LABEL_MAP_SEGMENTATION):
            continue
        label = label_of_segment(segment, table)
        index = numbers.get(number, label.index if label else None)
        if index is None or index not in table.indices():
            unknown.append(f"{number} ({str(segment.get('SegmentLabel', ''))[:40]!r})")
        else:
            found[number] = index
    if unknown:
        raise _unusable(
            where,
            "segments whose code and side, or name, the label table knows",
            f"segment {', '.join(unknown)}",
            "Say which label each is (--segment NUMBER=LABEL), or leave it out (--leave-out NUMBER).",
        )
    return found


def label_of_segment(segment: Dataset, table: LabelTable) -> Label | None:
    """The label that a segment's codes mean, else its label, description or tracking identifier; None if none does."""
    side = next(filter(None, map(_side_of, _coded(segment))), "none")
    for concept in _coded(segment):
        column = _COLUMNS.get(str(concept.get("CodingSchemeDesignator", "")))
        code = str(concept.get("CodeValue", ""))
        for label in table.labels if column and code else ():
            if getattr(label, column).removesuffix("?") == code and label.side == side:
                return label
    for keyword in ("SegmentLabel", "TrackingID", "SegmentDescription"):
        name = str(segment.get(keyword) or "")
        label = find_label(table, name) or (find_label(table, f"{name} {side}") if side != "none" else None)
        if label and not name.isdecimal():
            return label
    return None


def _coded(segment: Dataset) -> list[Dataset]:
    """The concepts that say what a segment is, the type first; dcmqi says beside it in which region."""
    return [
        *segment.get("SegmentedPropertyTypeCodeSequence", []),
        *segment.get("AnatomicRegionSequence", []),
        *segment.get("PrimaryAnatomicStructureSequence", []),
    ]


def _side_of(concept: Dataset) -> str | None:
    modifiers = [
        item
        for keyword in (
            "SegmentedPropertyTypeModifierCodeSequence",
            "AnatomicRegionModifierSequence",
            "PrimaryAnatomicStructureModifierSequence",
        )
        for item in concept.get(keyword, [])
    ]
    return next(
        (SIDES_BY_CODE[str(item.CodeValue)] for item in modifiers if str(item.get("CodeValue")) in SIDES_BY_CODE), None
    )


def _require_kind(made: Dataset, where: str | Path) -> None:
    kind = str(made.get("SegmentationType", ""))
    if made.get("SOPClassUID") not in (SEGMENTATION, LABEL_MAP_SEGMENTATION) or kind == "FRACTIONAL":
        found = "a fractional one" if kind == "FRACTIONAL" else "another object"
        raise _unusable(where, "a DICOM segmentation, BINARY or LABELMAP", found, "Export it again as BINARY.")


def _segments_in(made: Dataset, plane: np.ndarray, frame: Dataset) -> list[int]:
    if made.SOPClassUID == LABEL_MAP_SEGMENTATION:
        return [int(number) for number in np.unique(plane) if number]
    groups = frame if "SegmentIdentificationSequence" in frame else made.SharedFunctionalGroupsSequence[0]
    return [int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)]


def _places(made: Dataset, frame: Dataset, mask: np.ndarray) -> np.ndarray:
    """The voxel centres (n, 3) of a mask, LPS mm (PS3.3 C.7.6.2.1.1)."""
    orientation = _group(made, frame, "PlaneOrientationSequence").ImageOrientationPatient
    along, down = np.array(orientation, float).reshape(2, 3)
    rows_mm, columns_mm = map(float, _group(made, frame, "PixelMeasuresSequence").PixelSpacing)
    corner = np.array(_group(made, frame, "PlanePositionSequence").ImagePositionPatient, float)
    row, column = np.nonzero(mask)
    return corner + column[:, None] * columns_mm * along + row[:, None] * rows_mm * down


def _group(made: Dataset, frame: Dataset, keyword: str) -> Dataset:
    return (frame if keyword in frame else made.SharedFunctionalGroupsSequence[0])[keyword][0]


def _put(labels: np.ndarray, to_index: np.ndarray, places: np.ndarray, label: int, where: str | Path) -> None:
    if not len(places):
        return
    exact = places @ to_index[:3, :3].T + to_index[:3, 3]
    index = np.rint(exact).astype(int)
    off = np.abs((exact - index) @ np.linalg.inv(to_index[:3, :3]).T).max()
    inside = (index >= 0).all() and (index < labels.shape[::-1]).all()
    if off > OFF_GRID_MM or not inside:
        found = f"a voxel {off:.2f} mm off" if off > OFF_GRID_MM else "a voxel outside of it"
        raise _unusable(where, "segments on the grid of the image", found, "Draw them on that image.")
    target = tuple(index[:, ::-1].T)
    if (labels[target] != 0).any():
        raise _unusable(where, "segments that do not overlap", "voxels in two of them", "Remove the overlap.")
    labels[target] = label


def _unusable(where: str | Path, expected: str, found: str, do: str) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do=do)
