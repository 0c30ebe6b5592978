"""The median of a map over a neighbourhood, inside a mask."""

from __future__ import annotations

import numpy as np
from numba import njit

LEVELS = 2048
"""Steps between the least and the greatest value; for a B1 of 0.4 to 1.4 one is 0.0005."""


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
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.shape, np.nan, np.float32)
    low, high = float(values[known].min()), float(values[known].max())
    step = (high - low) / (LEVELS - 1) or 1.0
    levels = np.full(values.shape, -1, np.int32)
    levels[known] = np.rint((values[known] - low) / step)
    middle = np.full(values.shape, -1, np.int32)
    _medians(levels, *(extent // 2 for extent in size), np.zeros(LEVELS, np.int32), middle)
    return np.where(known, low + step * middle, np.nan).astype(np.float32)


@njit(cache=True, nogil=True)
def _medians(levels, slices, rows, columns, histogram, middle):
    """The median level around each voxel that has a level (others are -1); the reach is given each way."""
    for z in range(levels.shape[0]):
        part = levels[max(z - slices, 0) : z + slices + 1]
        for row in range(levels.shape[1]):
            strip = part[:, max(row - rows, 0) : row + rows + 1]
            histogram[:] = 0
            count = below = level = 0
            for column in range(min(columns, levels.shape[2])):
                count, below = _count(strip, column, 1, level, histogram, count, below)
            for column in range(levels.shape[2]):
                if column + columns < levels.shape[2]:
                    count, below = _count(strip, column + columns, 1, level, histogram, count, below)
                if column > columns:
                    count, below = _count(strip, column - columns - 1, -1, level, histogram, count, below)
                if levels[z, row, column] < 0:
                    continue
                # the level with at most half of the others below it and more than half not above it
                half = (count - 1) // 2
                while below > half:
                    level -= 1
                    below -= histogram[level]
                while below + histogram[level] <= half:
                    below += histogram[level]
                    level += 1
                middle[z, row, column] = level


@njit(cache=True, nogil=True)
def _count(strip, column, sign, level, histogram, count, below):
    """Put a column of voxels into the histogram or take it out; how many it holds, and how many below a level."""
    for z in range(strip.shape[0]):
        for row in range(strip.shape[1]):
            value = strip[z, row, column]
            if value >= 0:
                histogram[value] += sign
                count += sign
                if value < level:
                    below += sign
    return count, below
