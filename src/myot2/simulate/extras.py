"""What else an examination holds: parts, repeats, and images made of others, often under the number of their source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myot2.simulate.grid import Grid
from myot2.simulate.series import LARGEST_PIXEL, Series


def stations(series: Series, *, right: int, left: int) -> tuple[Series, Series]:
    """Two series whose fields of view abut in the plane: the halves of each row, under two numbers.

    `right` and `left` are the sides of a subject whose rows run from right to left, as on axial series.
    """
    halves = [_half(grid, pixels) for grid, pixels in series.stacks]
    first, second = (tuple(half[side] for half in halves) for side in (0, 1))
    return replace(series, number=right, stacks=first), replace(series, number=left, stacks=second)


def _half(grid: Grid, pixels: np.ndarray) -> tuple[tuple[Grid, np.ndarray], tuple[Grid, np.ndarray]]:
    slices, rows, columns = grid.shape
    half = columns // 2
    parts = []
    for start, stop in ((0, half), (half, columns)):
        centre = grid.centre + ((start + stop) / 2 - columns / 2) * grid.column_step
        parts.append((replace(grid, shape=(slices, rows, stop - start), centre=centre), pixels[..., start:stop]))
    return parts[0], parts[1]


def earlier(series: Series, number: int, seconds: float) -> Series:
    """The same protocol, some time before, with the person two voxels further down."""
    stacks = tuple((grid, np.roll(pixels, 2, axis=2)) for grid, pixels in series.stacks)
    return replace(series, number=number, start_s=series.start_s - seconds, stacks=stacks)


def aborted(series: Series) -> Series:
    """What is there of an acquisition that was stopped half-way: the first slices."""
    stacks = []
    for grid, pixels in series.stacks:
        slices = max(grid.shape[0] // 2, 1)
        centre = grid.centre + (slices - grid.shape[0]) / 2 * grid.slice_step
        stacks.append((replace(grid, shape=(slices, *grid.shape[1:]), centre=centre), pixels[:, :slices]))
    return replace(series, stacks=tuple(stacks))


def mean_echo(series: Series) -> Series:
    """The root mean square of all echoes, which scanners store with the first echo time among the echoes."""
    stacks = tuple(
        (grid, np.sqrt((pixels.astype(float) ** 2).mean(axis=0, keepdims=True)).round().astype(np.uint16))
        for grid, pixels in series.stacks
    )
    image_type = ("ORIGINAL", "PRIMARY", "OTHER", "ND", "MEAN")
    return replace(series, image_type=image_type, echo_times_ms=series.echo_times_ms[:1], stacks=stacks)


def phase(series: Series) -> Series:
    """Phase images of all echoes (12 bits for a full turn) that belong to the magnitudes and share their number."""
    stacks = []
    for grid, pixels in series.stacks:
        echo = np.arange(pixels.shape[0])[:, None, None, None]
        turn = np.arange(grid.shape[2]) * 37 + echo * 511
        stacks.append((grid, np.broadcast_to(turn % (LARGEST_PIXEL + 1), pixels.shape).astype(np.uint16)))
    return replace(series, image_type=("ORIGINAL", "PRIMARY", "P", "ND"), stacks=tuple(stacks))
