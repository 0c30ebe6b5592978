"""The course of a leg: where the middle of its muscles lies in each slice, and how wide they are there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LegCourse:
    """A leg's muscles, slice by slice; arrays of shape (slices,), NaN where a slice has none.

    Attributes
    ----------
    row_mm, column_mm : ndarray
        Centroid, from the first row and column.
    radius_mm : ndarray
        Of the disc with the area of all its muscles.
    voxels : int
        Of all its muscles.
    spacing_mm : tuple of float
        Distance of rows and of columns.
    """

    row_mm: np.ndarray
    column_mm: np.ndarray
    radius_mm: np.ndarray
    voxels: int
    spacing_mm: tuple[float, float]

    @property
    def middle_mm(self) -> float | None:
        """Centroid of all its muscles, from the first column; None where it has none."""
        areas = self.radius_mm**2
        return float(np.nansum(self.column_mm * areas) / np.nansum(areas)) if self.voxels else None

    def offset(self, mask: np.ndarray, box: tuple[slice, ...]) -> tuple[float, float]:
        """Mean way from the leg's middle to the voxels of one of its muscles, in radii, along rows and columns.

        Parameters
        ----------
        mask : ndarray of bool
            The muscle within `box`.
        box : tuple of slice
            In the volume of the leg.
        """
        slices, rows, columns = np.nonzero(mask)
        slices = slices + box[0].start
        down = (rows + box[1].start) * self.spacing_mm[0] - self.row_mm[slices]
        along = (columns + box[2].start) * self.spacing_mm[1] - self.column_mm[slices]
        radius = self.radius_mm[slices]
        return float((down / radius).mean()), float((along / radius).mean())


def leg_course(muscles: np.ndarray, spacing_mm: tuple[float, float]) -> LegCourse:
    """The course of a leg whose muscles are True, shape (slices, rows, columns)."""
    areas = muscles.sum(axis=(1, 2))
    counts = np.where(areas > 0, areas, np.nan)
    rows, columns = (np.arange(size) * step for size, step in zip(muscles.shape[1:], spacing_mm, strict=True))
    return LegCourse(
        row_mm=muscles.sum(axis=2) @ rows / counts,
        column_mm=muscles.sum(axis=1) @ columns / counts,
        radius_mm=np.sqrt(counts * spacing_mm[0] * spacing_mm[1] / np.pi),
        voxels=int(areas.sum()),
        spacing_mm=spacing_mm,
    )
