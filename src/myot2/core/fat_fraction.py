"""The share of fat in the signal, from the magnitude images that a scanner gives.

Two sources are read here; three complex echoes are separated in `myot2.fit.dixon`. All give the *signal* fat fraction,
fat / (water + fat): with a repetition time that is not long against T1 the fat, whose T1 is shorter, is overweighted
(Liu et al. 2007, doi:10.1002/mrm.21301), and only with a small flip angle is it the proton density fat fraction.

Noise: a magnitude is never negative. Where there is no fat, |fat| is sigma sqrt(pi / 2) on average, so
|fat| / (|water| + |fat|) is too large by about 1.25 / SNR: by 0.06 at an SNR of 20 and 0.025 at 50. An in-phase image
takes that away (magnitude discrimination, Liu et al. 2007): the smaller part is then what the larger one leaves of the
whole, and may come out negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import read_map, require_same_grid

TISSUE_SHARE = 0.08
"""Signal that counts as tissue, as a share of the 99.5th percentile of the volume."""

SCALE_TOLERANCE = 0.1
"""Part by which an in-phase image may differ from water plus fat; noise makes the sum too large by a few per cent."""


FRACTIONS = (-0.2, 1.2)
"""Noise carries a fat fraction below 0 and above 1, but not far."""


class FatStatus(IntEnum):
    """One code per voxel, the last that applies in this order.

    Attributes
    ----------
    NOT_COMPUTED
        No tissue, or a sample is not finite: the fraction is NaN.
    OK
        Nothing stands against the value.
    AMBIGUOUS
        Magnitudes alone cannot tell this fraction from one minus it.
    SWAP_SUSPECTED
        Water and fat may be exchanged here.
    """

    NOT_COMPUTED = 0
    OK = 1
    AMBIGUOUS = 2
    SWAP_SUSPECTED = 3


@dataclass(frozen=True)
class FatFraction:
    """Fat fraction of every voxel.

    Attributes
    ----------
    fraction : np.ndarray
        Fat / (water + fat), NaN where not computed. Noise carries it below 0 and above 1; it is not clipped, for
        clipping would bias means.
    status : np.ndarray
        `FatStatus`, 8-bit unsigned integers.
    """

    fraction: np.ndarray
    status: np.ndarray


def tissue_of(magnitude: np.ndarray) -> np.ndarray:
    """Voxels brighter than `TISSUE_SHARE` of the bright ones; not finite counts as dark.

    Parameters
    ----------
    magnitude : np.ndarray
        Any shape, any scale.
    """
    finite = np.isfinite(magnitude)
    bright = np.percentile(magnitude[finite], 99.5) if finite.any() else 0.0
    return finite & (np.nan_to_num(magnitude) > max(TISSUE_SHARE * bright, 0.0))


def from_water_fat(water: np.ndarray, fat: np.ndarray, in_phase: np.ndarray | None = None) -> FatFraction:
    """Fat fraction from separated water and fat magnitudes.

    Parameters
    ----------
    water, fat : np.ndarray
        Magnitudes of one shape and scale.
    in_phase : np.ndarray, optional
        Magnitude of water plus fat on the same scale. With it the bias by noise goes (see the module).

    Raises
    ------
    ValueError
        The shapes differ.
    """
    water, fat = _same_shape(water, fat)
    whole = water + fat if in_phase is None else _same_shape(water, in_phase)[1]
    tissue = tissue_of(water + fat) & np.isfinite(whole) & (whole > 0)
    known = np.where(tissue, whole, 1.0)
    fraction = np.where(fat > water, fat / known, 1 - water / known)
    return _finished(fraction, tissue, FatStatus.OK)


def from_in_opposed(
    in_phase: np.ndarray, opposed_phase: np.ndarray, fat_dominant: np.ndarray | None = None
) -> FatFraction:
    """Fat fraction from the magnitudes of an in-phase and an opposed-phase image.

    (in - opposed) / (2 in) is the share of the *smaller* part, whichever that is: 0.8 and 0.2 of fat look alike
    (Dixon 1984, Radiology 153:189). Without `fat_dominant` water is taken to be the larger part and every voxel is
    marked `AMBIGUOUS`, for none can be told.

    Two systematic errors remain. Signal lost between the echoes by T2* moves the fraction by half the loss: 2 ms at a
    T2* of 30 ms by 0.03, up if the in-phase image came first, down if last. And fat has more than one peak: at 3 T pure
    fat reads 0.98 with echoes at 1.15 and 2.3 ms, 0.89 at 2.3 and 3.45, 1.06 at 3.45 and 4.6.

    Parameters
    ----------
    in_phase, opposed_phase : np.ndarray
        Magnitudes of one shape and scale.
    fat_dominant : np.ndarray, optional
        Booleans: where fat is known to be the larger part, such as subcutaneous fat; False where water is.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    whole, difference = _same_shape(in_phase, opposed_phase)
    tissue = tissue_of(whole) & np.isfinite(difference)
    smaller = 0.5 * (1 - difference / np.where(tissue, whole, 1.0))
    if fat_dominant is None:
        return _finished(smaller, tissue, FatStatus.AMBIGUOUS)
    return _finished(np.where(_same_shape(whole, fat_dominant)[1] > 0, 1 - smaller, smaller), tissue, FatStatus.OK)


def as_given(fraction: np.ndarray) -> FatFraction:
    """A fraction that a scanner computed, as it is; NaN is unknown."""
    values = np.asarray(fraction, dtype=np.float32)
    return _finished(values, np.isfinite(values), FatStatus.OK)


def shares_scale(water: np.ndarray, fat: np.ndarray, in_phase: np.ndarray) -> bool:
    """Whether an in-phase image is on the scale of water plus fat: some scanners scale each image by itself.

    The median of in-phase over water plus fat, in tissue, lies within `SCALE_TOLERANCE` of 1.
    """
    whole = water + fat
    tissue = tissue_of(whole) & np.isfinite(in_phase)
    return bool(tissue.any() and abs(np.median(in_phase[tissue] / whole[tissue]) - 1) < SCALE_TOLERANCE)


def read_fraction(path: str | Path, grid: sitk.Image) -> np.ndarray:
    """A map of the fat fraction (0-1) on the given grid, NaN where it is unknown.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        The map is no volume, lies on another grid, or holds no fractions (`require_fractions`).
    """
    image, values = read_map(path)
    require_same_grid(grid, image, where=path, what="fat fraction and images")
    require_fractions(values, path)
    return values


def require_fractions(values: np.ndarray, where: str | Path) -> None:
    """Refuse what is no map of the fat fraction.

    Raises
    ------
    MyoT2Error
        No voxel is known, or more than one in a hundred lies outside `FRACTIONS`, as in per cent.
    """
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [1, 99]) if known.size else (np.nan, np.nan)
    if not (low >= FRACTIONS[0] and high <= FRACTIONS[1]):
        raise MyoT2Error(
            expected="a fat fraction from 0 to 1",
            found=f"values from {low:.4g} to {high:.4g} (1st and 99th percentile)" if known.size else "no known voxel",
            where=where,
            do="Check that this is the map of the fat fraction; divide per cent by 100.",
        )


def _same_shape(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(first) != np.shape(second):
        raise ValueError(f"images of shapes {np.shape(first)} and {np.shape(second)} do not share a grid")
    return np.asarray(first, dtype=float), np.asarray(second, dtype=float)


def _finished(fraction: np.ndarray, tissue: np.ndarray, status: FatStatus) -> FatFraction:
    return FatFraction(
        np.where(tissue, fraction, np.nan).astype(np.float32),
        np.where(tissue, status, FatStatus.NOT_COMPUTED).astype(np.uint8),
    )
