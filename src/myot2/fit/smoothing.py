"""The median and the mean of a map over a neighbourhood, inside a mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import ndimage

LEVELS = 2048
"""Steps between the least and the greatest value; for a B1 of 0.4 to 1.4 one is 0.0005."""

_compiled = njit(cache=True, nogil=True)


def median_inside(values: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """The median of the numbers in the neighbourhood of each number; NaN stays NaN and takes no part.

    A histogram moves along the columns (Huang et al. 1979, doi:10.1109/TASSP.1979.1163188), so that the time does not
    depend on the number of columns in the neighbourhood. Of an even number the lower middle one is taken.

    Parameters
    ----------
    values : np.ndarray
        Shape (slices, rows, columns).
    size : tuple of int
        Slices, rows and columns of the neighbourhood, each odd.

    Returns
    -------
    np.ndarray
        32-bit floats, known to half a step of `LEVELS`.
    """
    if any(extent % 2 == 0 or extent < 1 for extent in size):
        raise ValueError(f"a neighbourhood has an odd number of voxels each way, not {size}")
    values = np.ascontiguousarray(values, np.float32)
    medians = np.full(values.shape, np.nan, np.float32)
    known = np.isfinite(values)
    if known.any():
        low, high = np.min(values, where=known, initial=np.inf), np.max(values, where=known, initial=-np.inf)
        step = (high - low) / np.float32(LEVELS - 1) or np.float32(1)
        _medians(values, low, step, *(extent // 2 for extent in size), medians)
    return medians


def mean_inside(values: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """The mean of the numbers in the neighbourhood of each number; as `median_inside` otherwise."""
    known = np.isfinite(values)
    total = ndimage.uniform_filter(np.where(known, values, 0).astype(float), size, mode="constant")
    share = ndimage.uniform_filter(known.astype(float), size, mode="constant")
    return np.divide(total, share, out=np.full(values.shape, np.nan), where=known).astype(np.float32)


@_compiled
def _medians(values, low, step, slices, rows, columns, medians):
    """Fill in the medians; the reach of the neighbourhood is given each way."""
    # what is no number has the level above all others, and never comes below the median
    levels = np.full(values.shape, LEVELS, np.int32)
    for z, row, column in np.ndindex(values.shape):
        share = (values[z, row, column] - low) / step
        if np.isfinite(share):
            levels[z, row, column] = np.int32(share + np.float32(0.5))
    histogram = np.zeros(LEVELS + 1, np.int32)
    last = values.shape[2] - 1
    for z in range(values.shape[0]):
        part = levels[max(z - slices, 0) : z + slices + 1]
        for row in range(values.shape[1]):
            strip = part[:, max(row - rows, 0) : row + rows + 1]
            histogram[:] = 0
            below = level = held = 0
            for column in range(-columns, last + 1):
                if column + columns <= last:
                    below += _count(strip, column + columns, 1, level, histogram)
                    held += strip.shape[0] * strip.shape[1]
                if column > columns:
                    below += _count(strip, column - columns - 1, -1, level, histogram)
                    held -= strip.shape[0] * strip.shape[1]
                if column < 0 or levels[z, row, column] == LEVELS:
                    continue
                # the level with at most half of the others below it and more than half not above it
                half = (held - histogram[LEVELS] - 1) // 2
                while below > half:
                    level -= 1
                    below -= histogram[level]
                while below + histogram[level] <= half:
                    below += histogram[level]
                    level += 1
                medians[z, row, column] = low + step * np.float32(level)


@_compiled
def _count(strip, column, sign, level, histogram):
    """Put a column of voxels into the histogram or take it out; how many that brings below a level."""
    below = 0
    for z in range(strip.shape[0]):
        for row in range(strip.shape[1]):
            value = strip[z, row, column]
            histogram[value] += sign
            below += value < level
    return sign * below
