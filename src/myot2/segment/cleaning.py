"""What anatomy allows: one piece per muscle, no holes, nothing in air."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

KEPT_SHARE = 0.1
"""A further piece is kept when it is at least this share of the muscle's largest piece: between slices of 20 mm an
oblique muscle may fall apart, but islands are small."""

SMALLEST_MUSCLE_ML = 0.1
"""A muscle that is smaller than this in the whole volume is noise."""


LARGEST_HOLE_MM2 = 100.0
"""A larger hole is no vessel or fat inside a muscle, but the femur, which vastus intermedius may enclose."""


def clean(labels: np.ndarray, body: np.ndarray, spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Remove what cannot be muscle and close holes.

    Per label: voxels outside the body go; of the pieces (26-neighbourhood) those below `KEPT_SHARE` of the largest go;
    a muscle below `SMALLEST_MUSCLE_ML` goes; holes within a slice, up to `LARGEST_HOLE_MM2`, are filled where nothing
    else is labelled.

    Parameters
    ----------
    labels : ndarray of unsigned integer, shape (slices, rows, columns)
    body : ndarray of bool, same shape
    spacing_mm : tuple of float
        Distance of voxel centres (slice, row, column).

    Returns
    -------
    ndarray, same shape and type
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    largest_hole = LARGEST_HOLE_MM2 / (spacing_mm[1] * spacing_mm[2])
    result = np.zeros_like(labels)
    inside = np.where(body, labels, 0)
    for label, box in enumerate(ndimage.find_objects(inside), start=1):
        if box is None:
            continue
        muscle = _main_pieces(inside[box] == label)
        if muscle.sum() * voxel_ml < SMALLEST_MUSCLE_ML:
            continue
        result[box][muscle] = label
    for label, box in enumerate(ndimage.find_objects(result), start=1):
        if box is None:
            continue
        part = result[box]
        for plane in part:
            plane[_holes(plane == label, largest_hole) & (plane == 0)] = label
    return result


def _holes(mask: np.ndarray, largest: float) -> np.ndarray:
    holes, _ = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    sizes = np.bincount(holes.ravel())
    small = sizes <= largest
    small[0] = False
    return small[holes]


def _main_pieces(mask: np.ndarray) -> np.ndarray:
    pieces, count = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= KEPT_SHARE * sizes.max())[pieces]
