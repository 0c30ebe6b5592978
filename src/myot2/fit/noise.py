"""The noise of a magnitude series: measured in the air around the body, and its floor taken away.

In air the magnitude of one channel is Rayleigh distributed: m^2 / (2 sigma^2), summed over K echoes, has the gamma
distribution of shape K. Voxels of air are found and sigma estimated together until neither changes (PIESNO: Koay,
Oezarslan and Pierpaoli 2009, doi:10.1016/j.jmr.2009.03.005). Muscle can fill the same window of magnitudes as air, but
it decays: only voxels whose first echoes are as strong as their last, by an F test, take part.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes

LEAST_VOXELS = 500
"""Sigma of this many voxels of nine echoes is known to 1 %."""

_TAIL = 0.005
_CANDIDATES = 200
_RAYLEIGH = np.pi / 4
_DEPARTURE = 0.02


def without_floor(signal: np.ndarray, sigma: float) -> np.ndarray:
    """Magnitudes rid of the noise floor, to first order in the noise, as 32-bit floats.

    The mean of a magnitude is about sqrt(m^2 + sigma^2), so sqrt(|y^2 - sigma^2|) has the mean m (Gudbjartsson and Patz
    1995, doi:10.1002/mrm.1910340618). Here it keeps the sign of y^2 - sigma^2: of noise alone the mean is then 0.48
    sigma (without the sign 1.04, of the magnitude 1.25), and from one sigma on it is right within 0.1 sigma. The
    scatter of a fit stays what it was.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes, any shape.
    sigma : float
        Noise of one channel, in the units of the signal.
    """
    power = np.square(signal, dtype=np.float32) - np.float32(sigma) ** 2
    return np.copysign(np.sqrt(np.abs(power)), power)


def measure_sigma(echoes: Echoes) -> float:
    """Noise of one channel (real or imaginary part), in the units of the signal.

    Raises
    ------
    MyoT2Error
        There is too little air, as where a scanner sets it to zero, or its magnitudes are not those of one channel
        (Rayleigh: squared mean over mean square is pi / 4).
    """
    signal = np.reshape(echoes.signal, (len(echoes.signal), -1))
    flat = _without_decay(signal)
    power = np.sort(_power(signal, flat))
    sigma, first, last = _settle(power, len(signal))
    if last - first < LEAST_VOXELS:
        raise _refusal(echoes, f"air around the body, at least {LEAST_VOXELS} voxels", f"{last - first} voxels of it")
    chosen = signal[:, flat]
    total = _power(signal, flat)
    air = chosen[:, (total >= power[first]) & (total <= power[last - 1])].astype(float)
    shape = air.mean() ** 2 / (air**2).mean()
    if abs(shape - _RAYLEIGH) > _DEPARTURE:
        raise _refusal(
            echoes,
            f"air with the magnitudes of one channel (squared mean over mean square {_RAYLEIGH:.3f})",
            f"{shape:.3f}, as of several channels or a filtered background",
        )
    return sigma


def _power(signal: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Sum of the squared magnitudes over the echoes, of the chosen voxels."""
    return np.einsum("ev,ev->v", signal, signal, dtype=float)[chosen]


def _without_decay(signal: np.ndarray) -> np.ndarray:
    """Voxels with signal in every echo whose first and last halves differ no more than noise does."""
    half = len(signal) // 2
    early = np.einsum("ev,ev->v", signal[:half], signal[:half], dtype=float)
    late = np.einsum("ev,ev->v", signal[-half:], signal[-half:], dtype=float)
    low, high = special.fdtri(2 * half, 2 * half, [_TAIL, 1 - _TAIL])
    with np.errstate(invalid="ignore"):
        return (signal > 0).all(axis=0) & np.isfinite(early) & (early >= low * late) & (early <= high * late)


def _settle(power: np.ndarray, echoes: int) -> tuple[float, int, int]:
    """Sigma, and the run of the sorted powers that is air: the fixed point that holds most voxels."""
    low, middle, high = 2 * special.gammaincinv(echoes, [_TAIL, 0.5, 1 - _TAIL])

    def window(variance: np.ndarray | float) -> np.ndarray:
        return np.searchsorted(power, [low * variance, high * variance])

    if not power.size:
        return np.nan, 0, 0
    candidates = np.geomspace(power[0], power[-1], _CANDIDATES) / middle
    first, last = window(candidates)
    variance = float(candidates[(last - first).argmax()])
    for _ in range(100):
        first, last = window(variance)
        found = float(np.median(power[first:last])) / middle if last > first else variance
        if found == variance:
            break
        variance = found
    return float(np.sqrt(variance)), int(first), int(last)


def _refusal(echoes: Echoes, expected: str, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"{expected}, to measure the noise",
        found=found,
        where=echoes.where,
        do="Give the noise as a number (fit.noise, --noise), or fit without it (none).",
    )
