"""Where the voxels of one grid lie in another: sampled over their true extent, through any linear transform.

Slices are thick and have gaps, so a voxel is more than its centre: in the plane it is the pixel, through the plane the
slice thickness without the gap. Samples are spread over that extent; a sample takes the value of the source slab in
which it lies, or of the nearest slab where it falls into a gap.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import SimpleITK as sitk

from myot2.core.images import affine_of

_SAMPLES_PER_SOURCE_VOXEL = 2
_SAMPLE_LIMITS = (4, 16)

EDGE = 1e-6
"""How far rounding may move a border, in voxels or samples."""


def nearest_voxels(
    centres: np.ndarray, shift: np.ndarray, shape: tuple[int, ...], field: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The voxels in which samples lie.

    Parameters
    ----------
    centres : np.ndarray
        Indices (column, row, slice) of a source image, shape (3, samples).
    shift : np.ndarray
        Added to each, shape (3,).
    shape : tuple of int
        Of the source image: slices, rows, columns.
    field : np.ndarray
        See `field_of`.

    Returns
    -------
    flat, inside : np.ndarray
        Number of the nearest voxel of the source in its flat array, and whether the sample lies in its field.
    """
    flat = np.zeros(centres.shape[1], dtype=np.intp)
    inside = np.ones(centres.shape[1], dtype=bool)
    for axis in (2, 1, 0):
        points = centres[axis] + shift[axis]
        inside &= (points >= field[axis, 0]) & (points <= field[axis, 1])
        count = shape[2 - axis]
        nearest = np.clip(np.floor(points + 0.5), 0, count - 1)
        flat = flat * count + nearest.astype(np.intp)
    return flat, inside


def sample_offsets(to_source: np.ndarray, reference: sitk.Image, thickness_mm: float | None) -> np.ndarray:
    """Sample positions in one reference voxel, in reference index units from its centre, shape (samples, 3)."""
    spacing = reference.GetSpacing()
    widths = np.array([1.0, 1.0, (thickness_mm or spacing[2]) / spacing[2]])
    extent = np.abs(to_source[:3, :3]).max(axis=0) * widths
    counts = np.clip(np.ceil(_SAMPLES_PER_SOURCE_VOXEL * extent - EDGE), *_SAMPLE_LIMITS).astype(int)
    axes = [width * ((np.arange(n) + 0.5) / n - 0.5) for n, width in zip(counts, widths, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def field_of(image: sitk.Image, thickness_mm: float | None) -> np.ndarray:
    """Lowest and highest index-space coordinate of an image's field, shape (3, 2): the outer faces of its voxels."""
    half = np.array([0.5, 0.5, 0.5 * (thickness_mm or image.GetSpacing()[2]) / image.GetSpacing()[2]])
    last = np.array(image.GetSize()) - 1
    return np.stack([-half - EDGE, last + half + EDGE], axis=1)


def share_outside(index: np.ndarray, matrix: np.ndarray, field: np.ndarray) -> float:
    """The share of voxels (indices (3, n) of one grid) whose centre lies outside the field of the other."""
    points = apply(matrix, index)
    inside = np.ones(points.shape[1], dtype=bool)
    for axis in range(3):
        inside &= (points[axis] >= field[axis, 0]) & (points[axis] <= field[axis, 1])
    return 1.0 - float(inside.mean())


def box_around(voxels: np.ndarray, to_reference: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """Indices (3, n) of the reference's voxels in the box that holds given voxels (indices (3, m)) of the source."""
    corners = np.array(list(product(*zip(voxels.min(axis=1) - 0.5, voxels.max(axis=1) + 0.5, strict=True)))).T
    points = apply(to_reference, corners)
    low = np.clip(np.floor(points.min(axis=1)).astype(int) - 1, 0, np.array(size))
    high = np.clip(np.ceil(points.max(axis=1)).astype(int) + 2, 0, np.array(size))
    return indices(tuple(high - low)) + low[:, None]


def indices(size: tuple[int, int, int]) -> np.ndarray:
    """All (column, row, slice) indices of a grid, shape (3, voxels), columns fastest."""
    return np.indices(size[::-1]).reshape(3, -1)[::-1]


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (3, n) through a (4, 4) matrix."""
    return matrix[:3, :3] @ points + matrix[:3, 3:]


def index_map(reference: sitk.Image, source: sitk.Image, transform: sitk.Transform | None) -> np.ndarray:
    """The (4, 4) matrix from indices (column, row, slice) of the reference to those of the source."""
    return np.linalg.inv(affine_of(source)) @ point_map(transform) @ affine_of(reference)


def point_map(transform: sitk.Transform | None) -> np.ndarray:
    """The (4, 4) matrix of a linear transform of points; None is identity.

    Raises
    ------
    ValueError
        The transform is not linear: no matrix says what it does.
    """
    if transform is not None and not transform.IsLinear():
        raise ValueError(f"a transform of points is rigid or affine, not a {transform.GetName()}")
    matrix = np.eye(4)
    if transform is not None:
        matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
        for axis in range(3):
            unit = [float(axis == other) for other in range(3)]
            matrix[:3, axis] = np.asarray(transform.TransformPoint(unit)) - matrix[:3, 3]
    return matrix
