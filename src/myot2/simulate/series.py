"""A series as the simulator knows it, before a make of scanner gives it a header, and its image planes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np

from myot2.simulate.grid import Grid
from myot2.simulate.protocol import Sequence

LARGEST_PIXEL = 4095


@dataclass(frozen=True)
class Series:
    """One series: stacks of slices, each on its grid with pixels (echoes, slices, rows, columns) of uint16.

    `image_type` is Siemens' own; other makes translate it. `start_s` is the time of day in seconds; `echo_times_ms` has
    one entry for each echo. `patient_position` is how the person lies in the scanner (0018,5100): head (H) or feet (F)
    first, supine (S) or prone (P). It changes no coordinate, as DICOM's are those of the patient.
    """

    number: int
    description: str
    image_type: tuple[str, ...]
    sequence: Sequence
    echo_times_ms: tuple[float, ...]
    start_s: float
    stacks: tuple[tuple[Grid, np.ndarray], ...]
    patient_position: str = "FFS"

    @property
    def content(self) -> str:
        """What the images show, by Siemens' word: M, P, OTHER, T2 MAP, IN_PHASE, OPP_PHASE, FAT or WATER."""
        return self.image_type[3] if self.image_type[2] == "DIXON" else self.image_type[2]


@dataclass(frozen=True)
class Plane:
    """One image of a series: pixels (rows, columns), the place of its voxels, the indices of its stack and echo."""

    series: Series
    stack: int
    grid: Grid
    slice_index: int
    echo: int
    pixels: np.ndarray

    @property
    def echo_time_ms(self) -> float:
        """Echo time (ms)."""
        return self.series.echo_times_ms[self.echo]

    @property
    def position(self) -> np.ndarray:
        """Centre of the first voxel (LPS, mm)."""
        return self.grid.origin + self.slice_index * self.grid.slice_step

    @property
    def orientation(self) -> np.ndarray:
        """Unit vectors along a row and down a column, one after the other (6,)."""
        column_mm, row_mm, _ = self.grid.spacing_mm
        return np.concatenate([self.grid.column_step / column_mm, self.grid.row_step / row_mm])

    @property
    def normal(self) -> np.ndarray:
        """The unit vector on which slices are counted by DICOM (row direction x column direction)."""
        normal = np.cross(self.grid.column_step, self.grid.row_step)
        return normal / np.linalg.norm(normal)


def planes(group: Ordered[Series]) -> list[Plane]:
    """All images of series that are stored as one, in the order of their instance numbers."""
    return [
        Plane(series, stack, grid, slice_index, echo, pixels[echo, slice_index])
        for series in group
        for stack, (grid, pixels) in enumerate(series.stacks)
        for echo in range(pixels.shape[0])
        for slice_index in range(pixels.shape[1])
    ]


def same_matrix(images: Ordered[Plane]) -> list[list[Plane]]:
    """The images sorted by matrix size, as one multi-frame object holds images of one size only."""
    sizes = dict.fromkeys(plane.pixels.shape for plane in images)
    return [[plane for plane in images if plane.pixels.shape == size] for size in sizes]


def uid(*parts: object) -> str:
    """A DICOM UID that depends on nothing but the given parts: the root 2.25 (PS3.5 B.2) and half of their SHA-256."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"
