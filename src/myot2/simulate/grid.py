"""Where the voxels of a series lie, and averages of sub-voxels over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.sparse import csr_array

from myot2.simulate.protocol import FOV_MM, SLICE_GAP_MM, SLICE_THICKNESS_MM


@dataclass(frozen=True)
class Grid:
    """Voxels of a series in LPS millimetres.

    Attributes
    ----------
    shape : tuple of int
        (slices, rows, columns).
    centre : ndarray, shape (3,)
        Centre of the volume.
    column_step, row_step, slice_step : ndarray, shape (3,)
        From one voxel centre to the next along a row (column index), down a column, and to the next slice.
    thickness_mm : float
        What a slice samples; the rest of `slice_step` is gap.
    """

    shape: tuple[int, int, int]
    centre: np.ndarray
    column_step: np.ndarray
    row_step: np.ndarray
    slice_step: np.ndarray
    thickness_mm: float

    @property
    def origin(self) -> np.ndarray:
        """Centre of the first voxel."""
        slices, rows, columns = self.shape
        return (
            self.centre
            - (columns - 1) / 2 * self.column_step
            - (rows - 1) / 2 * self.row_step
            - (slices - 1) / 2 * self.slice_step
        )

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distances of voxel centres along columns, rows and slices."""
        return tuple(float(np.linalg.norm(step)) for step in (self.column_step, self.row_step, self.slice_step))

    def points(self, slice_index: int) -> np.ndarray:
        """Voxel centres of one slice, shape (rows, columns, 3)."""
        return self.sub_points(slice_index, self.shape[1:], 1)[0]

    def sub_points(self, slice_index: int, fine: tuple[int, int], depth: int) -> np.ndarray:
        """Centres of the sub-voxels of one slice, shape (depth, fine rows, fine columns, 3).

        The field of view of the slice is cut into `fine` = (rows, columns) cells and its thickness into `depth`
        layers; nothing lies in the gap.
        """
        _, rows, columns = self.shape
        down = ((np.arange(fine[0]) + 0.5) * rows / fine[0] - 0.5)[:, None, None] * self.row_step
        along = ((np.arange(fine[1]) + 0.5) * columns / fine[1] - 0.5)[:, None] * self.column_step
        normal = self.slice_step / np.linalg.norm(self.slice_step)
        through = (((np.arange(depth) + 0.5) / depth - 0.5) * self.thickness_mm)[:, None, None, None] * normal
        return self.origin + slice_index * self.slice_step + through + down + along

    def image(self, array: np.ndarray) -> sitk.Image:
        """The array (slice, row, column) as an image on this grid."""
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        steps = np.stack([self.column_step, self.row_step, self.slice_step], axis=1)
        image.SetSpacing(self.spacing_mm)
        image.SetDirection((steps / np.array(self.spacing_mm)).ravel().tolist())
        image.SetOrigin(self.origin.tolist())
        return image


def axial_grid(matrix: tuple[int, int], slices: int, centre: np.ndarray) -> Grid:
    """An axial series of the protocol's field of view; `matrix` is (columns, rows), slices run from foot to head."""
    columns, rows = matrix
    return Grid(
        shape=(slices, rows, columns),
        centre=centre,
        column_step=np.array([FOV_MM[0] / columns, 0, 0]),
        row_step=np.array([0, FOV_MM[1] / rows, 0]),
        slice_step=np.array([0, 0, SLICE_THICKNESS_MM + SLICE_GAP_MM]),
        thickness_mm=SLICE_THICKNESS_MM,
    )


def coronal_grid(matrix: tuple[int, int], slices: int, spacing_mm: tuple[float, float], centre: np.ndarray) -> Grid:
    """A coronal series without gap; rows run from head to foot, slices from front to back."""
    in_plane, between = spacing_mm
    return Grid(
        shape=(slices, matrix[1], matrix[0]),
        centre=centre,
        column_step=np.array([in_plane, 0, 0]),
        row_step=np.array([0, 0, -in_plane]),
        slice_step=np.array([0, between, 0]),
        thickness_mm=between,
    )


def sagittal_grid(matrix: tuple[int, int], slices: int, spacing_mm: tuple[float, float], centre: np.ndarray) -> Grid:
    """A sagittal series; rows run from head to foot, columns from front to back, slices to the subject's left."""
    in_plane, between = spacing_mm
    return Grid(
        shape=(slices, matrix[1], matrix[0]),
        centre=centre,
        column_step=np.array([0, in_plane, 0]),
        row_step=np.array([0, 0, -in_plane]),
        slice_step=np.array([between, 0, 0]),
        thickness_mm=min(between, SLICE_THICKNESS_MM),
    )


class VoxelAverage:
    """Means of sub-voxels over the voxels of a slice that cover the same field of view, weighted by overlap area."""

    def __init__(self, fine: tuple[int, int], coarse: tuple[int, int]):
        self.fine, self.coarse = fine, coarse
        self._rows = _overlap(fine[0], coarse[0])
        self._columns = _overlap(fine[1], coarse[1])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Average an array (fine rows, fine columns[, channels]) to (rows, columns[, channels])."""
        channels = values.shape[2:]
        by_row = (self._rows @ values.reshape(self.fine[0], -1)).reshape(self.coarse[0], self.fine[1], -1)
        by_column = self._columns @ by_row.transpose(1, 0, 2).reshape(self.fine[1], -1)
        return by_column.reshape(self.coarse[1], self.coarse[0], *channels).swapaxes(0, 1)


def _overlap(fine: int, coarse: int) -> csr_array:
    """Matrix (coarse, fine) of the share of each coarse cell that each fine cell fills; rows sum to 1."""
    edges = np.arange(fine + 1) / fine * coarse
    cell = np.arange(coarse)[:, None]
    low, high = np.maximum(edges[:-1], cell), np.minimum(edges[1:], cell + 1)
    shares = np.maximum(high - low, 0)
    shares[shares < 1e-9] = 0
    return csr_array(shares.astype(np.float32))
