"""From image planes to a stack of slices: order, spacing and the checks that make the order trustworthy.

A plane's place is its ImagePositionPatient projected on the slice normal; instance numbers, file names and
SliceLocation, which scanners number as they like, decide nothing. Source: DICOM PS3.3 C.7.6.2.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import Frame

DIRECTION_TOLERANCE = 1e-3
"""Largest difference of a direction cosine within a stack (0.06 degrees)."""
SPACING_TOLERANCE = 1e-2
"""Largest distance of a slice from its place on an even grid, as a part of the slice distance."""
SAME_PLACE_MM = 1e-3
MAX_LENGTH_MM = 1e4
"""No place or size in a scanner is larger than ten metres."""


@dataclass(frozen=True)
class SliceStack:
    """Planes in the order of their position along the normal, and the grid they form.

    `origin` (3,) and `direction` (3, 3; columns: along a row, along a column, normal) are LPS; `spacing` (3,) is in mm
    (between columns, between rows, between slices).
    """

    frames: tuple[Frame, ...]
    origin: np.ndarray
    direction: np.ndarray
    spacing: np.ndarray

    @property
    def count(self) -> int:
        """Number of slices."""
        return len(self.frames)

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of each slice."""
        return _matrix(self.frames[0])


class Grid(Protocol):
    """Voxels in space: one stack of slices, or several side by side (`myot2.ingest.stacking.stations`)."""

    frames: tuple[Frame, ...]
    origin: np.ndarray
    direction: np.ndarray
    spacing: np.ndarray

    @property
    def count(self) -> int: ...

    @property
    def matrix(self) -> tuple[int, int]: ...


def places_of(grid: Grid) -> np.ndarray:
    """Positions of the slices along the normal (slices,), mm."""
    return grid.origin @ grid.direction[:, 2] + grid.spacing[2] * np.arange(grid.count)


def same_slices(first: Grid, second: Grid) -> bool:
    """Whether both have the same voxels in space (to 1 % of a voxel)."""
    if (first.count, first.matrix) != (second.count, second.matrix):
        return False
    return (
        np.allclose(first.direction, second.direction, rtol=0, atol=DIRECTION_TOLERANCE)
        and np.allclose(first.spacing, second.spacing, rtol=SPACING_TOLERANCE)
        and bool((np.abs(first.origin - second.origin) < SPACING_TOLERANCE * first.spacing.min()).all())
    )


def normal_of(orientation: Sequence[float]) -> np.ndarray:
    """The unit normal of a plane: row direction x column direction (the positive slice direction)."""
    return _direction(orientation)[:, 2]


def orientation_name(normal: np.ndarray) -> str:
    """`sagittal`, `coronal` or `axial` where the normal is within 45 degrees of that axis, else `oblique`."""
    axis = int(np.abs(normal).argmax())
    return ("sagittal", "coronal", "axial")[axis] if abs(normal[axis]) >= np.sqrt(0.5) else "oblique"


def order_slices(frames: Sequence[Frame], where: str) -> SliceStack:
    """Sort planes along their normal and check that they form an even, straight stack.

    Parameters
    ----------
    frames : sequence of Frame
        One plane per slice, in any order.
    where : str
        The name of the series in error messages.

    Raises
    ------
    MyoT2Error
        A plane has no place or no size; orientations, matrices or pixel sizes differ, or what `require_one_scan` asks
        for; a slice is there twice, is missing, or lies off the even grid. The message names the slice or the image.
    """
    frames = sorted(frames, key=lambda frame: (frame.instance_number or 0, frame.index))
    _require_planes(frames, where)
    _require_alike(frames, where)
    direction = _direction(frames[0].orientation)
    places = np.array([np.dot(frame.position, direction[:, 2]) for frame in frames])
    order = np.argsort(places, kind="stable")
    frames, places = tuple(frames[i] for i in order), places[order]
    distance = _slice_distance(frames, places, where)
    _require_straight(frames, direction, distance, where)
    rows, columns = frames[0].pixel_spacing
    return SliceStack(frames, np.array(frames[0].position), direction, np.array([columns, rows, distance]))


def _require_planes(frames: Sequence[Frame], where: str) -> None:
    for frame in frames:
        placed = frame.position and frame.pixel_spacing and is_orientation(frame.orientation)
        lengths = [abs(length) for length in (*(frame.position or ()), *(frame.pixel_spacing or ()))]
        if not placed or min(frame.pixel_spacing) <= 0 or max(lengths) > MAX_LENGTH_MM:
            raise MyoT2Error(
                expected="images with position, orientation (two perpendicular unit vectors) and pixel size",
                found="an image whose header lacks them, or holds impossible ones",
                where=image_name(frame, where),
                do="Export the series again as the scanner made it; screenshots cannot be measured.",
            )


def _require_alike(frames: Sequence[Frame], where: str) -> None:
    first = frames[0]
    for frame in frames[1:]:
        turn = np.abs(np.subtract(frame.orientation, first.orientation)).max()
        if turn > DIRECTION_TOLERANCE:
            cosine = float(np.clip(normal_of(frame.orientation) @ normal_of(first.orientation), -1, 1))
            tilt = np.degrees(np.arccos(cosine))
            angle = f"tilted by {tilt:.1f} degrees" if tilt > 0.05 else "turned within its plane"
            raise _unlike(frame, where, "one orientation", f"mixed orientations: this image is {angle}")
        if _matrix(frame) != _matrix(first):
            raise _unlike(frame, where, "one matrix", f"{_size(frame)} here, {_size(first)} in the first image")
        if not np.allclose(frame.pixel_spacing, first.pixel_spacing, rtol=1e-4):
            raise _unlike(frame, where, "one pixel size", "another than in the first image")
    require_one_scan(frames, where)


def require_one_scan(frames: Sequence[Frame], where: str) -> None:
    """Raise `MyoT2Error` where images that are to be one scan differ in what every image of a scan shares.

    That is the patient, the frame of reference (without one, positions cannot be compared: PS3.3 C.7.4.1.1.1), the
    repetition time and the flip angle (to 1 %).
    """
    first = frames[0]
    for frame in frames[1:]:
        if frame.patient != first.patient:
            raise _unlike(frame, where, "one patient identifier", "another than in the first image")
        if frame.frame_of_reference != first.frame_of_reference:
            raise _unlike(frame, where, "one frame of reference", "another than in the first image (moved in between)")
        if not _near(frame.repetition_time, first.repetition_time):
            found = f"{_ms(frame.repetition_time)} and {_ms(first.repetition_time)}"
            raise _unlike(frame, where, "one repetition time", found)
        if not _near(frame.flip_angle, first.flip_angle):
            raise _unlike(frame, where, "one flip angle", "another than in the first image")


def _slice_distance(frames: Sequence[Frame], places: np.ndarray, where: str) -> float:
    if len(frames) == 1:
        # A lone slice has no neighbour: its thickness, not the planned distance, is what its voxels fill.
        alone = frames[0].slice_thickness or frames[0].slice_distance
        if not alone or not 0 < alone <= MAX_LENGTH_MM:
            raise MyoT2Error(
                expected="a slice thickness",
                found="a single slice without one",
                where=where,
                do="Export the series again with complete headers.",
            )
        return float(alone)
    gaps = np.diff(places)
    rule = float(np.sort(gaps)[(len(gaps) - 1) // 2])
    for number, gap in enumerate(gaps, start=1):
        if gap < max(SPACING_TOLERANCE * rule, SAME_PLACE_MM):
            raise _uneven(where, number + 1, "the same place as the slice before it (a slice is there twice)", rule)
    distance = float((places[-1] - places[0]) / (len(places) - 1))
    off = np.abs(places - (places[0] + distance * np.arange(len(places))))
    if off.max() > SPACING_TOLERANCE * distance:
        worst = int(np.abs(gaps - rule).argmax())
        missing = round(float(gaps[worst]) / rule) - 1
        say = f"{gaps[worst]:.2f} mm to the next slice" + (f" ({missing} missing between them)" if missing > 0 else "")
        raise _uneven(where, worst + 1, say, rule)
    _require_planned(frames[0], distance, where)
    return distance


def _require_planned(frame: Frame, distance: float, where: str) -> None:
    """Refuse a stack from which every second (third ...) slice was left out.

    Some scanners write the gap instead of the distance into SpacingBetweenSlices; a distance is at least the thickness.
    """
    planned, thickness = frame.slice_distance, frame.slice_thickness
    if not planned or not thickness or planned < thickness * (1 - SPACING_TOLERANCE):
        return
    ratio = distance / planned
    if round(ratio) > 1 and abs(ratio - round(ratio)) < SPACING_TOLERANCE:
        raise _uneven(where, 1, f"{distance:.2f} mm to the next slice, all along (slices left out)", planned)


def _require_straight(frames: Sequence[Frame], direction: np.ndarray, distance: float, where: str) -> None:
    """Each position must lie on the normal through the first: a sheared stack has no rectangular grid."""
    for number, frame in enumerate(frames, start=1):
        aside = np.subtract(frame.position, frames[0].position) @ direction[:, :2]
        if np.abs(aside).max() > max(SPACING_TOLERANCE * distance, 0.05 * min(frame.pixel_spacing)):
            raise MyoT2Error(
                expected="slices one above the other",
                found=f"a slice {np.abs(aside).max():.2f} mm aside of the first",
                where=f"{where}, slice {number}",
                do="Export the series as the scanner made it; sheared or moved stacks are not resampled here.",
            )


def _direction(orientation: Sequence[float]) -> np.ndarray:
    """(3, 3) orthonormal: rounding of the header's cosines is removed by Gram-Schmidt."""
    row = np.asarray(orientation[:3], dtype=float)
    row = row / np.linalg.norm(row)
    column = np.asarray(orientation[3:], dtype=float)
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    return np.column_stack([row, column, np.cross(row, column)])


def is_orientation(orientation: Sequence[float] | None) -> bool:
    """Whether the six numbers are two perpendicular unit vectors, to within rounding."""
    if orientation is None:
        return False
    row, column = np.reshape(orientation, (2, 3))
    lengths = np.array([row @ row, column @ column])
    return bool(np.abs(lengths - 1).max() < 0.01 and abs(row @ column) < 0.01)


def _matrix(frame: Frame) -> tuple[int, int]:
    return frame.rows, frame.columns


def _size(frame: Frame) -> str:
    return f"{frame.columns} x {frame.rows}"


def _near(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= SPACING_TOLERANCE * max(abs(first), abs(second))


def _ms(time: float | None) -> str:
    return "none" if time is None else f"{time:g} ms"


def image_name(frame: Frame, where: str) -> str:
    """How messages call a plane: the name of its series, and its instance number where it has one."""
    return where if frame.instance_number is None else f"{where}, image {frame.instance_number}"


def _unlike(frame: Frame, where: str, expected: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"{expected} in the whole series",
        found=found,
        where=image_name(frame, where),
        do="Export only the images of one acquisition, or leave this series out of the folder.",
    )


def _uneven(where: str, number: int, found: str, rule: float) -> MyoT2Error:
    return MyoT2Error(
        expected=f"evenly spaced slices, each once ({rule:.2f} mm apart)",
        found=found,
        where=f"{where}, slice {number}",
        do="Export the series again, complete and without copies; slices are never filled in or resampled.",
    )
