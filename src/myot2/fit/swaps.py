"""Whether water and fat were exchanged: under the skin of a limb there is fat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from myot2.core.fat_fraction import FatFraction, FatStatus

RIM_MM = (2.0, 5.0)
"""Depth below the surface that is fat in a thigh: deeper than the skin and the voxels it shares with air."""

LEAST_RIM_VOXELS = 50
"""Regions with fewer voxels in their rim are specks, not limbs."""


def with_swap_check(result: FatFraction, spacing_mm: tuple[float, float]) -> FatFraction:
    """The same fractions, with the status of regions whose rim is not fat set to `SWAP_SUSPECTED`.

    Where fractions are ambiguous, the smaller part stands for fat everywhere, and a rim says nothing.

    Parameters
    ----------
    result : FatFraction
        Arrays of shape (slices, rows, columns).
    spacing_mm : tuple of float
        Distance of rows and of columns in mm.
    """
    status = result.status.copy()
    status[swapped_regions(result.fraction, spacing_mm) & (status == FatStatus.OK)] = FatStatus.SWAP_SUSPECTED
    return replace(result, status=status)


def swapped_regions(fraction: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """Connected regions of a slice whose rim is mostly water.

    A separation that went wrong as a whole leaves an image that looks perfect, with the roles exchanged; it is known
    only by anatomy. The rim is the part of a region between `RIM_MM` below its surface; holes in the region (cortical
    bone, vessels) and the edge of the image are no surface.

    Parameters
    ----------
    fraction : np.ndarray
        Fat fraction, shape (slices, rows, columns), NaN outside tissue.
    spacing_mm : tuple of float
        Distance of rows and of columns in mm.

    Returns
    -------
    np.ndarray
        Booleans, shape of `fraction`: the tissue of every region in which the median fat fraction of the rim is below
        one half.
    """
    suspected = np.zeros(fraction.shape, dtype=bool)
    for number, values in enumerate(fraction):
        tissue = np.isfinite(values)
        # One voxel of closing keeps a limb whole where dark fasciae or chemical shift part it from its skin.
        filled = ndimage.binary_fill_holes(ndimage.binary_closing(tissue) | tissue)
        if filled.all():
            continue  # No surface is in sight, and the distance to it is not defined.
        depth = ndimage.distance_transform_edt(filled, sampling=spacing_mm)
        rim = tissue & (depth > RIM_MM[0]) & (depth <= RIM_MM[1])
        regions, count = ndimage.label(filled)
        for region in range(1, count + 1):
            of_rim = values[rim & (regions == region)]
            if of_rim.size >= LEAST_RIM_VOXELS and np.median(of_rim) < 0.5:
                suspected[number] |= tissue & (regions == region)
    return suspected
