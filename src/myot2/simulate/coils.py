"""Receive coils: loops around both thighs, and how they see a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RectBivariateSpline

from myot2.simulate.grid import Grid
from myot2.simulate.protocol import FOV_MM

LOOP_RADIUS_MM = 75.0
REACH = 1.3
"""Half-axes of the ellipse on which the loops lie, of those of the field of view: wires stay clear of the skin."""

_SEGMENTS = 32
_NODES = (64, 104)


@dataclass(frozen=True)
class Coils:
    """Circular loops on an ellipse around the isocentre, each facing it.

    Attributes
    ----------
    middles, normals : ndarray, shape (coils, 3)
        LPS millimetres, and unit vectors.
    radius_mm : float
    """

    middles: np.ndarray
    normals: np.ndarray
    radius_mm: float

    @classmethod
    def around(cls, isocentre: np.ndarray, count: int) -> Coils:
        """`count` loops at even angles; the first is turned away from the axes by a third of their distance."""
        angle = 2 * np.pi * (np.arange(count) + 1 / 3) / count
        reach = REACH * np.array(FOV_MM) / 2
        offset = np.stack([reach[0] * np.cos(angle), reach[1] * np.sin(angle), np.zeros(count)], axis=1)
        normals = -offset / np.linalg.norm(offset, axis=1, keepdims=True)
        return cls(isocentre + offset, normals, LOOP_RADIUS_MM)

    def at(self, points: np.ndarray) -> np.ndarray:
        """Receive sensitivity at points (..., 3), complex of shape (coils, ...).

        Bx - i By of unit current (Biot and Savart; reciprocity: Hoult, Concepts Magn Reson 2000;12:173), times 1 mm.
        """
        angle = 2 * np.pi * np.arange(_SEGMENTS) / _SEGMENTS
        step = 2 * np.pi * self.radius_mm / _SEGMENTS
        sensitivity = np.zeros((len(self.middles), *points.shape[:-1]), dtype=complex)
        for coil, (middle, normal) in enumerate(zip(self.middles, self.normals, strict=True)):
            # One axis of the loop lies along z, the other in the axial plane.
            upward = np.array([0.0, 0.0, 1.0])
            sideward = np.cross(upward, normal)
            for turn in angle:
                wire = middle + self.radius_mm * (np.cos(turn) * sideward + np.sin(turn) * upward)
                current = step * (np.cos(turn) * upward - np.sin(turn) * sideward)
                away = points - wire
                distance = np.sqrt((away**2).sum(axis=-1))
                field_x = current[1] * away[..., 2] - current[2] * away[..., 1]
                field_y = current[2] * away[..., 0] - current[0] * away[..., 2]
                sensitivity[coil] += (field_x - 1j * field_y) / distance**3
        return sensitivity


def sensitivities(coils: Coils, grid: Grid, slice_index: int, shape: tuple[int, int]) -> np.ndarray:
    """Coil maps of a slice at the centres of `shape` = (rows, columns) cells of its field of view.

    They are computed on nodes about 4 mm apart and interpolated by cubic splines.

    Returns
    -------
    ndarray of complex64, shape (coils, rows, columns)
    """
    _, rows, columns = grid.shape
    nodes = [np.linspace(-1.0, count, nodes) for count, nodes in zip((rows, columns), _NODES, strict=True)]
    down, along = (axis[..., None] for axis in np.meshgrid(*nodes, indexing="ij"))
    points = grid.origin + slice_index * grid.slice_step + down * grid.row_step + along * grid.column_step
    places = [(np.arange(fine) + 0.5) * count / fine - 0.5 for fine, count in zip(shape, (rows, columns), strict=True)]
    return np.stack(
        [
            RectBivariateSpline(*nodes, of_coil.real)(*places) + 1j * RectBivariateSpline(*nodes, of_coil.imag)(*places)
            for of_coil in coils.at(points)
        ]
    ).astype(np.complex64)
