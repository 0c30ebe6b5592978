"""The median and the mean of a map over a neighbourhood, inside a mask."""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import ndimage

LEVELS = 2048
"""Steps between the least and the greatest value; for a B1 of 0.4 to 1.4 one is 0.0005."""

_EVERY = 3

_compiled = njit(cache=True, nogil=True)


def median_inside(values: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """The median of the numbers in the neighbourhood of each number; NaN stays NaN and takes no part.

    Of an even number the lower middle one is taken.

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

    Raises
    ------
    ValueError
        A neighbourhood that is even.
    """
    return np.where(np.isfinite(values), _medians(values, size, 1), np.float32(np.nan))


def smooth_inside(values: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """A smooth map that outliers do not draw: the mean of medians; NaN stays NaN and takes no part.

    The medians over the neighbourhood are taken in the middle of squares of three by three voxels, as those of
    neighbours are nearly the same, and averaged over a neighbourhood in the plane that is smaller by two voxels. The
    mean makes them steady: among noise a median alone needs one and a half times as many values as a mean.

    Parameters, returns and errors as in `median_inside`.
    """
    known = np.isfinite(values)
    every = min(_EVERY, *size[1:])
    medians = _medians(values, size, every).repeat(every, axis=1).repeat(every, axis=2)
    medians = medians[:, : values.shape[1], : values.shape[2]]
    plane = (1, max(size[1] - 2, 1), max(size[2] - 2, 1))
    total = ndimage.uniform_filter(np.where(known, medians, 0), plane, output=float, mode="constant")
    share = ndimage.uniform_filter(known.astype(np.float32), plane, output=float, mode="constant")
    return np.divide(total, share, out=np.full(values.shape, np.nan), where=known).astype(np.float32)


def _medians(values: np.ndarray, size: tuple[int, int, int], every: int) -> np.ndarray:
    """The medians around the middle of squares of so many voxels, NaN where there is no number; shape (slices, ...)."""
    if any(extent % 2 == 0 or extent < 1 for extent in size):
        raise ValueError(f"a neighbourhood has an odd number of voxels each way, not {size}")
    values = np.ascontiguousarray(values, np.float32)
    medians = np.full((len(values), -(-values.shape[1] // every), -(-values.shape[2] // every)), np.nan, np.float32)
    known = np.isfinite(values)
    if known.any():
        low, high = np.min(values, where=known, initial=np.inf), np.max(values, where=known, initial=-np.inf)
        step = (high - low) / np.float32(LEVELS - 1) or np.float32(1)
        # what is no number has the level above all others, and never comes below a median
        levels = np.where(known, (values - low) / step + np.float32(0.5), LEVELS).astype(np.uint16)
        _move_histogram(levels, low, step, every, *(extent // 2 for extent in size), medians)
    return medians


@_compiled
def _move_histogram(levels, low, step, every, slices, rows, columns, medians):
    """Fill in the medians; the reach of the neighbourhood is given each way.

    A histogram moves along the columns (Huang et al. 1979, doi:10.1109/TASSP.1979.1163188), so that the time does not
    depend on the number of columns in the neighbourhood.
    """
    histogram = np.zeros(LEVELS + 1, np.int32)
    height, width = levels.shape[1:]
    for z in range(levels.shape[0]):
        part = levels[max(z - slices, 0) : z + slices + 1]
        for y in range(medians.shape[1]):
            row = min(y * every + every // 2, height - 1)
            strip = part[:, max(row - rows, 0) : row + rows + 1]
            histogram[:] = 0
            below = level = entered = left = 0
            for x in range(medians.shape[2]):
                column = min(x * every + every // 2, width - 1)
                while entered < min(column + columns + 1, width):
                    below += _count(strip, entered, 1, level, histogram)
                    entered += 1
                while left < column - columns:
                    below += _count(strip, left, -1, level, histogram)
                    left += 1
                known = (entered - left) * strip.shape[0] * strip.shape[1] - histogram[LEVELS]
                if known == 0:
                    continue
                # the level with at most half of the others below it and more than half not above it
                half = (known - 1) // 2
                while below > half:
                    level -= 1
                    below -= histogram[level]
                while below + histogram[level] <= half:
                    below += histogram[level]
                    level += 1
                medians[z, y, x] = low + step * np.float32(level)


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
