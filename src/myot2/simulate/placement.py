"""Where and how a person lies, and in which order a scanner stores the voxels: other files, the same truth.

DICOM's coordinates are the patient's (LPS), so that head or feet first, supine or prone, change no position; what
changes is the word in the header and, on most scanners, the direction in which rows, columns and slices are counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from myot2.simulate.grid import Grid
from myot2.simulate.series import Series


@dataclass(frozen=True)
class Placement:
    """A way to store the voxels of a series.

    Attributes
    ----------
    patient_position : str
        How the person lies (0018,5100).
    axes : tuple of int
        Which of the axes (slice, row, column) of the series become the slices, rows and columns that are stored.
    backwards : tuple of bool
        Which of the stored axes are counted from the other end.
    """

    patient_position: str = "FFS"
    axes: tuple[int, int, int] = (0, 1, 2)
    backwards: tuple[bool, bool, bool] = (False, False, False)

    def __call__(self, series: Series) -> Series:
        """The same voxels at the same places, stored in this way."""
        stacks = tuple((self._grid(grid), self._pixels(pixels)) for grid, pixels in series.stacks)
        return replace(series, stacks=stacks, patient_position=self.patient_position)

    def _grid(self, grid: Grid) -> Grid:
        steps = (grid.slice_step, grid.row_step, grid.column_step)
        slice_step, row_step, column_step = (
            -steps[axis] if turned else steps[axis] for axis, turned in zip(self.axes, self.backwards, strict=True)
        )
        # Only the slices as acquired have a gap between them.
        thickness = grid.thickness_mm if self.axes[0] == 0 else float(np.linalg.norm(slice_step))
        shape = tuple(grid.shape[axis] for axis in self.axes)
        return Grid(shape, grid.centre, column_step, row_step, slice_step, thickness)

    def _pixels(self, pixels: np.ndarray) -> np.ndarray:
        turned = tuple(place for place, turned in enumerate(self.backwards, start=1) if turned)
        return np.flip(pixels.transpose(0, *(axis + 1 for axis in self.axes)), turned)


def every_orientation() -> list[Placement]:
    """All 48 ways to store a volume: six orders of the axes, each axis forwards or backwards."""
    return [
        Placement(axes=axes, backwards=backwards)
        for axes in permutations(range(3))
        for backwards in product((False, True), repeat=3)
    ]


def turned_world(series: Series, rotation: np.ndarray, shift_mm: np.ndarray) -> Series:
    """The series as of a person who lies obliquely: every point p (LPS, mm) becomes rotation @ p + shift."""

    def turn(grid: Grid) -> Grid:
        column_step, row_step, slice_step = (
            rotation @ step for step in (grid.column_step, grid.row_step, grid.slice_step)
        )
        centre = rotation @ grid.centre + shift_mm
        return replace(grid, centre=centre, column_step=column_step, row_step=row_step, slice_step=slice_step)

    return replace(series, stacks=tuple((turn(grid), pixels) for grid, pixels in series.stacks))


PLACEMENTS: dict[str, Placement] = {
    "feet-first": Placement(),
    "head-first": Placement("HFS", backwards=(True, False, False)),
    "feet-first-prone": Placement("FFP", backwards=(False, True, True)),
    "head-first-prone": Placement("HFP", backwards=(True, True, True)),
    "coronal": Placement(axes=(1, 0, 2), backwards=(False, True, False)),
    "sagittal": Placement(axes=(2, 0, 1), backwards=(True, True, False)),
}
