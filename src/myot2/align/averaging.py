"""Images on another grid, by the mean over the true extent of each voxel.

What a thicker or wider voxel would have shown is the mean of what lies in it, not the value at its centre. Labels are
brought over by the same samples (`coverage`), so that an image and the labels beside it weigh the same tissue.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from myot2.align.sampling import apply, field_of, index_map, indices, nearest_voxels, point_map, sample_offsets
from myot2.core.images import array_of, image_like, same_grid

LEAST_INSIDE = 0.5
"""Part of a voxel's samples that must lie in the field of the source and be known; with fewer the voxel is NaN."""

_CHUNK = 65536


def resample_means(
    images: Sequence[sitk.Image],
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    *,
    source_thickness_mm: float | None = None,
    reference_thickness_mm: float | None = None,
) -> list[sitk.Image]:
    """Bring images that share a grid to the grid of another image.

    Parameters
    ----------
    images : sequence of sitk.Image
        Three-dimensional, all on one grid; NaN is unknown, and takes no part in a mean.
    reference : sitk.Image
        Three-dimensional; only its grid is used.
    transform : sitk.Transform, optional
        Rigid or affine, from points of the reference to points of the images (as ITK does); None is identity.
    source_thickness_mm, reference_thickness_mm : float, optional
        Slice thickness without gap; None is the slice spacing.

    Returns
    -------
    list of sitk.Image
        32-bit floats on the grid of the reference, NaN where less than `LEAST_INSIDE` of a voxel is known. Where grids
        and transform make no difference the values are unchanged.
    """
    source = [array_of(image).astype(np.float32) for image in images]
    if np.allclose(point_map(transform), np.eye(4), atol=1e-12) and same_grid(images[0], reference):
        return [image_like(values, reference) for values in source]
    to_source = index_map(reference, images[0], transform)
    field = field_of(images[0], source_thickness_mm)
    shifts = sample_offsets(to_source, reference, reference_thickness_mm) @ to_source[:3, :3].T
    index = indices(reference.GetSize())
    means = np.empty((len(source), index.shape[1]), np.float32)
    for start in range(0, index.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        means[:, part] = _means(source, apply(to_source, index[:, part]), shifts, field)
    return [image_like(values.reshape(reference.GetSize()[::-1]), reference) for values in means]


def _means(source: list[np.ndarray], centres: np.ndarray, shifts: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Mean of each image over the samples around `centres` (3, voxels) that lie in the field."""
    totals, counts = np.zeros((2, len(source), centres.shape[1]))
    for shift in shifts:
        flat, inside = nearest_voxels(centres, shift, source[0].shape, field)
        for total, count, values in zip(totals, counts, source, strict=True):
            samples = values.ravel()[flat]
            known = inside & np.isfinite(samples)
            count += known
            total += np.where(known, samples, 0)
    return np.where(counts >= LEAST_INSIDE * len(shifts), totals / np.maximum(counts, 1), np.nan)
