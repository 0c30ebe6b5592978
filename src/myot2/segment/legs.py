"""Where the legs are: the body against air, one leg or two, and whose left and right they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.errors import MyoT2Error

SIDES = ("left", "right")

SMALLEST_LEG_MM2 = 3000.0
"""A leg's mean cross-section is larger than this (a circle of 62 mm); smaller things are cushions, hands or noise."""

ONE_LEG_ASPECT = 1.35
"""A body wider than this times its depth is two legs that touch; one thigh is about as deep as wide."""

MIDLINE_DOUBT_MM = 30.0
"""A single leg whose centre lies nearer to x = 0 than this could be either."""


@dataclass(frozen=True)
class Leg:
    """One leg in a workspace array.

    Attributes
    ----------
    side : str
        The subject's 'left' or 'right'.
    first_column, last_column : int
        The leg's half of the field: columns first <= c < last belong to it.
    centre : tuple of int
        Row and column of the middle of its body mask.
    """

    side: str
    first_column: int
    last_column: int
    centre: tuple[int, int]


def body_mask(values: np.ndarray) -> np.ndarray:
    """Tell body from air.

    The threshold lies 0.3 of the way from the median of what Otsu's method calls dark to Otsu's threshold: low enough
    for suppressed fat, above the noise of air. Specks below 2 % of the largest part are dropped; holes are filled
    slice by slice.

    Parameters
    ----------
    values : ndarray of float, shape (slices, rows, columns)
        Magnitudes, air dark.

    Returns
    -------
    ndarray of bool, same shape
    """
    smooth = ndimage.gaussian_filter(values, (0, 1, 1))
    top = float(np.percentile(smooth, 99.5))
    if top <= 0:
        return np.zeros(values.shape, bool)
    smooth = np.clip(smooth, 0, top)
    otsu = _otsu(smooth / top) * top
    air = float(np.median(smooth[smooth <= otsu]))
    mask = smooth > air + 0.3 * (otsu - air)
    components, count = ndimage.label(mask)
    if count > 1:
        sizes = np.bincount(components.ravel())
        sizes[0] = 0
        mask = (sizes >= 0.02 * sizes.max())[components]
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


def find_legs(
    body: np.ndarray, workspace: sitk.Image, *, where: str | Path, side: str | None = None
) -> tuple[Leg, ...]:
    """Find up to two legs; left and right come from world coordinates.

    Parameters
    ----------
    body : ndarray of bool, shape (slices, rows, columns)
        As `body_mask` gives it.
    workspace : SimpleITK.Image
        The grid of `body`, columns towards the subject's left.
    where : str or Path
        What an error message names.
    side : str, optional
        The side of the only leg in the field, where coordinates cannot tell.

    Returns
    -------
    tuple of Leg
        The subject's right leg first; empty where there is no leg.

    Raises
    ------
    MyoT2Error
        A single leg's side cannot be told.
    """
    spacing = np.asarray(workspace.GetSpacing())
    profile = body.sum(axis=(0, 1)) * spacing[0] * spacing[1] / body.shape[0]
    if profile.sum() < SMALLEST_LEG_MM2:
        return ()
    split = _split_column(body, profile, spacing)
    if split is None:
        leg_side = side or _side_of_single_leg(body, workspace, where)
        return (Leg(leg_side, 0, body.shape[2], _centre(body, 0, body.shape[2])),)
    return (
        Leg("right", 0, split, _centre(body, 0, split)),
        Leg("left", split, body.shape[2], _centre(body, split, body.shape[2])),
    )


def _split_column(body: np.ndarray, profile: np.ndarray, spacing: np.ndarray) -> int | None:
    """The column between two legs, or None where there is one leg only."""
    present = np.flatnonzero(profile > 0.02 * profile.max())
    first, last = int(present[0]), int(present[-1])
    rows = np.flatnonzero(body.any(axis=(0, 2)))
    depth = (rows[-1] - rows[0] + 1) * spacing[1]
    width = (last - first + 1) * spacing[0]
    smooth = ndimage.gaussian_filter1d(profile, 2.0)
    low, high = (round(first + share * (last - first)) for share in (0.3, 0.7))
    middle = smooth[low : high + 1]
    # The widest flat stretch at the minimum is the gap; its middle is as far from both legs as can be.
    candidates = np.flatnonzero(middle <= middle.min() + 1e-3 * smooth.max())
    split = low + int(np.median(candidates))
    if width < ONE_LEG_ASPECT * depth and smooth[split] > 0.2 * smooth.max():
        return None
    smallest_side = min(profile[:split].sum(), profile[split:].sum())
    return split if smallest_side >= SMALLEST_LEG_MM2 else None


def _side_of_single_leg(body: np.ndarray, workspace: sitk.Image, where: str | Path) -> str:
    middle = np.array(ndimage.center_of_mass(body))[::-1]
    x = workspace.TransformContinuousIndexToPhysicalPoint(middle.tolist())[0]
    if abs(x) < MIDLINE_DOUBT_MM:
        raise MyoT2Error(
            expected=f"two legs, or one whose centre is at least {MIDLINE_DOUBT_MM:g} mm from the scanner's midline",
            found=f"one leg at x = {x:+.0f} mm",
            where=where,
            do="Say which leg it is with --side left or --side right.",
        )
    return "left" if x > 0 else "right"


def _centre(body: np.ndarray, first: int, last: int) -> tuple[int, int]:
    _, row, column = ndimage.center_of_mass(body[:, :, first:last])
    return round(row), first + round(column)


def _otsu(values: np.ndarray) -> float:
    """Otsu's threshold (IEEE Trans SMC 1979;9:62) of values between 0 and 1."""
    counts, edges = np.histogram(values, bins=256, range=(0.0, 1.0))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    total = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total[-1] * below / below[-1] - total) ** 2 / (below * (below[-1] - below))
    return float(centres[int(np.nanargmax(np.where(np.isfinite(between), between, -1.0)))])
