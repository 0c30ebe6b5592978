"""Left and right scanned as two series: slice stacks that lie side by side on one lattice, read as one image.

Nothing is resampled: the voxels of each station keep their values and places. Stations that leave a gap, overlap, or
do not fall on one lattice are refused, for a single image could only hold them after interpolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import Frame
from myot2.ingest.reading.volumes import Scaling, read_volume
from myot2.ingest.stacking.geometry import (
    DIRECTION_TOLERANCE,
    SPACING_TOLERANCE,
    Grid,
    SliceStack,
    require_one_scan,
)


@dataclass(frozen=True)
class Stations:
    """Slice stacks side by side, in the order of their place, and the grid they form together.

    `axis` is 0 where they follow each other along a row (columns are added), 1 along a column; `origin`, `direction`
    and `spacing` as in `SliceStack`.
    """

    tiles: tuple[SliceStack, ...]
    axis: int

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The planes of all stations."""
        return tuple(frame for tile in self.tiles for frame in tile.frames)

    @property
    def origin(self) -> np.ndarray:
        """The centre of the first voxel (3,), LPS."""
        return self.tiles[0].origin

    @property
    def direction(self) -> np.ndarray:
        """(3, 3), as of every station."""
        return self.tiles[0].direction

    @property
    def spacing(self) -> np.ndarray:
        """(3,) mm, as of every station."""
        return self.tiles[0].spacing

    @property
    def count(self) -> int:
        """Number of slices."""
        return self.tiles[0].count

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns of the whole."""
        rows, columns = self.tiles[0].matrix
        number = len(self.tiles)
        return (rows, columns * number) if self.axis == 0 else (rows * number, columns)


def beside(first: Grid, second: Grid) -> bool:
    """Whether two stacks are of one shape and height and at least half a field of view aside: no repeats."""
    alike = (
        (first.count, first.matrix) == (second.count, second.matrix)
        and np.allclose(first.direction, second.direction, rtol=0, atol=DIRECTION_TOLERANCE)
        and np.allclose(first.spacing, second.spacing, rtol=SPACING_TOLERANCE)
    )
    if not alike:
        return False
    across, down, along = _shift(first, second)
    rows, columns = first.matrix
    return abs(along) < 0.5 and (abs(across) >= columns / 2 or abs(down) >= rows / 2)


def place_stations(tiles: Sequence[SliceStack], where: str) -> Stations:
    """Order stations by their place and check that together they fill one lattice.

    Parameters
    ----------
    tiles : sequence of SliceStack
        Stations of one shape (see `beside`), in any order.
    where : str
        Their name in messages.

    Raises
    ------
    MyoT2Error
        They differ in patient, frame of reference, repetition time or flip angle; leave a gap, overlap, lie at
        different heights, or are not a whole number of voxels (to 1 %) apart.
    """
    require_one_scan([frame for tile in tiles for frame in tile.frames], where)
    shifts = np.array([_shift(tiles[0], tile) for tile in tiles])
    axis = int(np.ptp(shifts[:, :2], axis=0).argmax())
    order = np.argsort(shifts[:, axis])
    aside = np.abs(np.delete(shifts, axis, axis=1))
    if aside.max() > SPACING_TOLERANCE:
        raise _not_one_image(where, f"stations {aside.max():.2f} voxels off a straight row")
    size = tiles[0].matrix[1 - axis]
    steps = np.diff(shifts[order, axis])
    for step in steps:
        if abs(step - round(step)) > SPACING_TOLERANCE:
            raise _not_one_image(where, f"stations {step:.2f} voxels apart, which is no whole number")
        if round(step) != size:
            kind = "a gap" if step > size else "an overlap"
            raise _not_one_image(where, f"{kind} of {abs(round(step) - size)} voxels between stations side by side")
    return Stations(tuple(tiles[place] for place in order), axis)


def read_stack(slices: Grid, scaling: Scaling, where: str) -> sitk.Image:
    """Read one stack, or stations side by side, as a 32-bit float image (see `read_volume`)."""
    if isinstance(slices, SliceStack):
        return read_volume(slices, scaling, where)
    images = [
        read_volume(tile, scaling, f"{where}, station {number}") for number, tile in enumerate(slices.tiles, start=1)
    ]
    return paste(images, slices.axis)


def paste(images: Sequence[sitk.Image], axis: int) -> sitk.Image:
    """One image of images that follow each other along `axis` (0: along a row, 1: along a column), values untouched."""
    voxels = np.concatenate([sitk.GetArrayViewFromImage(image) for image in images], axis=2 - axis)
    whole = sitk.GetImageFromArray(voxels)
    whole.SetOrigin(images[0].GetOrigin())
    whole.SetSpacing(images[0].GetSpacing())
    whole.SetDirection(images[0].GetDirection())
    return whole


def _shift(first: Grid, second: Grid) -> np.ndarray:
    """From the first stack to the second, (3,) in voxels: along a row, along a column, along the normal."""
    return (second.origin - first.origin) @ first.direction / first.spacing


def _not_one_image(where: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="stations that fill one image, edge to edge on one lattice",
        found=found,
        where=where,
        do="Export a composed series from the scanner, or choose one station in the table of `make index`.",
    )
