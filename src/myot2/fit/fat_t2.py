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

MOST_IN_MUSCLE = 0.2
"""Fat fraction of muscle, to compare its signal with that of fat."""

LEAST_BRIGHTNESS = 0.4
"""Signal of fat over that of muscle in the first echo below which fat was suppressed."""

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


def require_fat_signal(signal: np.ndarray, fraction: np.ndarray, where: str) -> None:
    """Refuse echoes in which fat was suppressed.

    Asked of the medians of the first echo: in voxels of fat, and in those of muscle, with less than `MOST_IN_MUSCLE` of
    it. Fat that was not suppressed is the brighter of both; a suppressed one has a few per cent of its signal left.
    Where there are not `LEAST_VOXELS` of each nothing is known.

    Parameters
    ----------
    signal, fraction, where
        As in `calibrate`.

    Raises
    ------
    MyoT2Error
        Fat has less than `LEAST_BRIGHTNESS` of the signal of muscle.
    """
    with np.errstate(invalid="ignore"):
        fat, muscle = signal[0][fraction > LEAST_FRACTION], signal[0][fraction < MOST_IN_MUSCLE]
    if min(fat.size, muscle.size) < LEAST_VOXELS:
        return
    brightness = float(np.median(fat) / np.median(muscle))
    if brightness < LEAST_BRIGHTNESS:
        raise MyoT2Error(
            expected="echoes without fat suppression, for epg-water-fat",
            found=f"fat with {brightness:.2f} of the signal of muscle in the first echo",
            where=where,
            do="Choose the model epg: the Dixon fraction is not that of these echoes.",
        )


def _refusal(expected: str, found: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"{expected}, to calibrate the T2 of fat",
        found=found,
        where=where,
        do=f"Check fat fraction and slice profile, or set the T2 of fat as a number (about {FAT_T2_MS:g} ms at 3 T).",
    )
