"""What stands between the DICOM images that ingest read and the objects that export makes of their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class SourceFrame:
    """One image plane: its file, and its number in an object of many (from 1), or None where the object holds one."""

    path: Path = field(repr=False)
    number: int | None = None


@dataclass(frozen=True)
class SourceSeries:
    """The planes that an image was made of, and the grid that their headers give, unrounded.

    `planes` hold per slice, along the normal, all planes measured there: one per echo, and per station side by side.
    `origin` (3,), `direction` (3, 3; columns: along a row, along a column, normal) are LPS, `spacing` (3,) is in mm
    (between columns, rows, slices), `matrix` rows and columns; `thickness` is that of a slice without the gap (mm), or
    None where the headers do not say. `tiled` says that no single plane covers a slice (stations side by side).
    """

    planes: tuple[tuple[SourceFrame, ...], ...]
    origin: np.ndarray
    direction: np.ndarray
    spacing: np.ndarray
    matrix: tuple[int, int]
    thickness: float | None = None
    tiled: bool = False

    @property
    def frames(self) -> tuple[SourceFrame, ...]:
        """All planes, slice by slice."""
        return tuple(frame for plane in self.planes for frame in plane)

    @property
    def grid(self) -> sitk.Image:
        """An empty image on the grid."""
        rows, columns = self.matrix
        image = sitk.Image(columns, rows, len(self.planes), sitk.sitkUInt8)
        image.SetOrigin(self.origin.tolist())
        image.SetDirection(self.direction.ravel().tolist())
        image.SetSpacing(self.spacing.tolist())
        return image

    def position(self, plane: int) -> np.ndarray:
        """The place of the first voxel of a slice (3,), LPS in mm."""
        return self.origin + plane * self.spacing[2] * self.direction[:, 2]
