"""T2 of a person's fat, from the fat under the skin.

The T2 of fat in a multi-echo spin echo depends on the echo spacing (J coupling), the pulses and the scanner. A value
that is 10 ms too short makes a water T2 of 35 ms too long by 0.3 ms beside 10 % of fat and by 1.2 ms beside 30 %. It
is therefore calibrated on each person (Barbieri et al. 2024, Sci Rep 14:8253), with the pulses of the fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from myot2.core.errors import MyoT2Error
from myot2.fit.dixon_weight import FAT_T1_MS, FAT_T2_MS
from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_smoothed
from myot2.fit.epg_table import build
from myot2.fit.status import Status

LEAST_FRACTION = 0.9
"""Fat fraction of fat: subcutaneous fat holds a few per cent of water."""

LEAST_VOXELS = 200
"""At SNR 50 and ten echoes to 100 ms the median of this many is known to about 2 %."""

PLAUSIBLE_MS = (80.0, 250.0)

_FITTED_MS = (10.0, 900.0)
_INSIDE = np.ones((1, 3, 3), bool)


def calibrate(
    signal: np.ndarray,
    fraction: np.ndarray,
    train: Train,
    *,
    fat_t1_ms: float = FAT_T1_MS,
    where: str = "the echoes",
    threads: int = 1,
) -> float:
    """The median T2 in ms of voxels of fat whose neighbours in the slice are fat too, B1 fitted and smoothed.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes of all echoes, shape (echoes, slices, rows, columns).
    fraction : np.ndarray
        Fat fraction on the grid of the echoes, shape (slices, rows, columns); NaN is no fat.
    train : Train
        Of the echoes; its T1 is not used.
    fat_t1_ms : float
    where : str
        What the echoes are called in an error.
    threads : int

    Raises
    ------
    MyoT2Error
        Fewer than `LEAST_VOXELS` such voxels are fitted, or the median is not one of fat (`PLAUSIBLE_MS`).
    """
    with np.errstate(invalid="ignore"):
        fat = ndimage.binary_erosion(np.asarray(fraction) > LEAST_FRACTION, _INSIDE)
    voxels = int(fat.sum())
    if voxels >= LEAST_VOXELS:
        found = fit_smoothed(signal, build(replace(train, t1_ms=fat_t1_ms)), fat, limits_ms=_FITTED_MS, threads=threads)
        t2 = found.t2_ms[found.status == Status.OK]
        voxels = t2.size
    if voxels < LEAST_VOXELS:
        raise _refusal(f"at least {LEAST_VOXELS} voxels of fat, among fat, that can be fitted", str(voxels), where)
    median = float(np.median(t2))
    low, high = PLAUSIBLE_MS
    if not low <= median <= high:
        raise _refusal(f"a T2 of fat of {low:g} to {high:g} ms", f"a median of {median:.0f} ms", where)
    return median


def _refusal(expected: str, found: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"{expected}, to calibrate the T2 of fat",
        found=found,
        where=where,
        do=f"Check fat fraction and slice profile, or set the T2 of fat as a number (about {FAT_T2_MS:g} ms at 3 T).",
    )
