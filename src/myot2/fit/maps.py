"""T2 maps as images: the scanner's own taken over, and what a mask leaves of a map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.bids import map_in_ms
from myot2.core.errors import MyoT2Error
from myot2.core.images import (
    array_of,
    image_like,
    read_image,
    read_map,
    read_sidecar,
    read_volume,
    require_same_grid,
)

PLAUSIBLE_MEDIAN_MS = (5.0, 500.0)
"""Where the median of a T2 map of tissue lies, at any field strength in use, background noise included."""

PLAUSIBLE_B1 = (0.4, 1.6)
"""Where the median of B1 relative to nominal lies; outside, the map is in per cent or degrees, or of something else."""


def read_mask(path: str | Path, grid: sitk.Image) -> np.ndarray:
    """The voxels of a mask that are not zero; it must lie on the given grid."""
    mask = read_image(path)
    require_same_grid(grid, mask, where=path, what="mask and images")
    return array_of(mask) != 0


def read_vendor_map(path: str | Path) -> sitk.Image:
    """A scanner's T2 map as 32-bit floats in ms; its sidecar's `Units` say s or ms, and without them it is in ms.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        It is no volume, or its positive values cannot be milliseconds of tissue.
    """
    image, units = read_volume(path), read_sidecar(path).get("Units", "ms")
    if units not in ("s", "ms"):
        raise MyoT2Error(
            expected="a T2 map whose sidecar says s or ms as Units",
            found="another unit",
            where=path,
            do="Convert the map to ms, and correct its sidecar.",
        )
    values = array_of(map_in_ms(image) if units == "s" else image).astype(np.float32)
    positive = values[np.isfinite(values) & (values > 0)]
    median = float(np.median(positive)) if positive.size else 0.0
    low, high = PLAUSIBLE_MEDIAN_MS
    if not low <= median <= high:
        raise MyoT2Error(
            expected=f"a T2 map in ms, the median of its positive values between {low:g} and {high:g}",
            found=f"a median of {median:.4g}" if positive.size else "no positive value",
            where=path,
            do="Check that this is the T2 map and its unit; convert seconds or tenths of a ms to ms.",
        )
    return image_like(values, image)


def read_b1(path: str | Path, grid: sitk.Image) -> np.ndarray:
    """A map of B1 relative to nominal, interpolated linearly to the given grid; NaN where it has no value.

    B1 varies over centimetres, so that its maps are coarse, and their grid another than that of the echoes; between
    their voxels a straight line is as good as any. 0 is no value.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        It is no volume, does not reach the echoes, or its values are no relative B1.
    """
    image, values = read_map(path)
    # a voxel between one with a value and one without has none: the share of known neighbours tells
    known = (np.nan_to_num(values) > 0).astype(np.float32)
    parts = (image_like(part, image) for part in (np.where(known > 0, values, np.float32(0)), known))
    b1, share = (array_of(sitk.Resample(part, grid, sitk.Transform(), sitk.sitkLinear, 0.0)) for part in parts)
    b1 = np.where(share > 1 - 1e-3, b1, np.float32(np.nan))
    median = float(np.nanmedian(b1)) if np.isfinite(b1).any() else 0.0
    low, high = PLAUSIBLE_B1
    if not low <= median <= high:
        raise MyoT2Error(
            expected=f"a map of B1 relative to nominal, its median on the echoes between {low:g} and {high:g}",
            found=f"a median of {median:.4g}" if median else "no value where the echoes lie",
            where=path,
            do="Divide per cent by 100, or degrees by the nominal angle; check that map and echoes share a frame.",
        )
    return b1


def keep_inside(image: sitk.Image, mask: np.ndarray) -> sitk.Image:
    """A map with NaN outside the mask."""
    return image_like(np.where(mask, array_of(image), np.float32(np.nan)), image)
