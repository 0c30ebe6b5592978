"""Fat inside muscle labels, where a Dixon scan tells it: counted, or cut.

A muscle's outline that runs into the fat beside it holds fat; so does a muscle that disease has replaced by fat, and
the voxels alone do not tell which it is. Fat is therefore counted, and cut only on request.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.fat_fraction import from_water_fat, require_fractions, shares_scale
from myot2.core.images import array_of, image_like, read_map, read_volume, require_same_grid, same_grid

FAT_LIMIT = 0.5
"""A voxel with a larger fat fraction holds more fat than muscle."""

ACTIONS = ("flag", "cut", "keep")
"""What is done about such voxels of a muscle: count them, take the label off them, or not look for them."""


def fraction_of_water_fat(water: str | Path, fat: str | Path, image: sitk.Image) -> np.ndarray:
    """The fat fraction (0-1, NaN outside tissue) of Dixon water and fat images on the grid of `image`.

    Where `image` is their in-phase image, the bias by noise is taken away (`myot2.core.fat_fraction`).

    Raises
    ------
    MyoT2Error
        An image is not readable, or lies on another grid.
    """
    parts = [read_volume(path) for path in (water, fat)]
    for path, part in zip((water, fat), parts, strict=True):
        require_same_grid(image, part, where=path, what="water, fat and the image that is labelled")
    values = [array_of(part).astype(np.float32) for part in (*parts, image)]
    return from_water_fat(*(values if shares_scale(*values) else values[:2])).fraction


def given_fraction(path: str | Path, image: sitk.Image) -> tuple[np.ndarray, bool]:
    """A map of the fat fraction (0-1, NaN unknown), and whether it had to be interpolated to the grid of `image`.

    A map on another grid is interpolated linearly; a voxel beside an unknown one, or beyond its field, is unknown.

    Raises
    ------
    MyoT2Error
        The map is not readable, or holds no fractions.
    """
    own, values = read_map(path)
    require_fractions(values, path)
    if same_grid(own, image):
        return values, False
    known = np.isfinite(values).astype(np.float32)
    parts = (image_like(part, own) for part in (np.where(known > 0, values, np.float32(0)), known))
    fraction, share = (array_of(sitk.Resample(part, image, sitk.Transform(), sitk.sitkLinear, 0.0)) for part in parts)
    return np.where(share > 1 - 1e-3, fraction, np.float32(np.nan)), True


def cut_fat(labels: np.ndarray, fraction: np.ndarray, muscles: Collection[int], limit: float) -> np.ndarray:
    """The labels without the muscles' voxels whose fat fraction is above the limit; bone, full of fat, stays.

    Parameters
    ----------
    labels : ndarray of unsigned integer
    fraction : ndarray of float, same shape
        0-1, NaN where unknown.
    muscles : collection of int
        Numbers of the muscles.
    limit : float
    """
    # NaN is above no limit
    return np.where((fraction > limit) & np.isin(labels, list(muscles)), labels.dtype.type(0), labels)
