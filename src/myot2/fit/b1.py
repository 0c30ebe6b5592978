"""Relative B1 from two images whose nominal flip angles differ by a factor of two."""

from __future__ import annotations

import numpy as np


def double_angle_b1(single: np.ndarray, double: np.ndarray, angle_deg: float = 60.0) -> np.ndarray:
    """B1 relative to nominal by the double angle method (Insko and Bolinger 1993, J Magn Reson A 103:82).

    Signals sin(a) and sin(2 a) of fully recovered magnetisation have the ratio 2 cos(a), so a = arccos(double / (2
    single)) and B1 = a / nominal. A magnitude does not show when sin(2 a) turns negative, at a = 90 degrees: with a
    nominal 60 degrees a B1 above 1.5 is folded back below it. A repetition time below five T1 biases B1.

    Parameters
    ----------
    single, double : np.ndarray
        Magnitudes at the nominal angle and at twice that, one shape and scale.
    angle_deg : float
        Nominal angle of `single` in degrees, above 0 and below 90.

    Returns
    -------
    np.ndarray
        B1, 0 to 90 / angle_deg; NaN without signal in `single`, and where `double` is more than twice `single`.

    Raises
    ------
    ValueError
        The shapes differ, or the angle is out of range.
    """
    if np.shape(single) != np.shape(double):
        raise ValueError(f"images of shapes {np.shape(single)} and {np.shape(double)} do not share a grid")
    if not 0 < angle_deg < 90:
        raise ValueError(f"a nominal angle of {angle_deg:g} degrees; it must lie between 0 and 90")
    single, double = np.asarray(single, dtype=float), np.asarray(double, dtype=float)
    usable = (single > 0) & (double >= 0) & (double <= 2 * single)
    cosine = np.divide(double, 2 * single, out=np.full(single.shape, np.nan), where=usable)
    return np.rad2deg(np.arccos(cosine)) / angle_deg
