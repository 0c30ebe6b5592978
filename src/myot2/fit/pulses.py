"""Radio-frequency pulses of a multi-echo spin echo: what each turns, across the slice and with B1.

A pulse is its samples and how far its slice gradient winds the phase; simulated sample by sample with Cayley-Klein
parameters (hard-pulse approximation: Pauly et al. 1991, doi:10.1109/42.75611, eq. 9-13), so that also a B1 that is not
one has its true profile, which is not the nominal one scaled.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_LEFT = 1e-3
_SLICE_B1 = np.array([0.5, 1.2])
_EDGE_TURNS = 6.0
_POINTS_PER_TURN = 6.6
_EXTENT_STEP = 0.1


@dataclass(frozen=True, eq=False)
class Pulse:
    """One pulse; compared by identity, so that what follows from its samples is worked out once.

    Attributes
    ----------
    angle_deg : float
        What it turns in the centre of the slice at a B1 of 1.
    shape : np.ndarray
        Its samples, evenly spaced in time, real, any scale.
    time_bandwidth : float
        Product of length and bandwidth: turns of phase that the gradient winds across a slice of thickness `width`
        during the pulse, gamma / 2 pi times gradient, length and thickness; 0 for a pulse without slice.
    width : float
        Nominal thickness over that of the excited slice.
    """

    angle_deg: float
    shape: np.ndarray
    time_bandwidth: float = 0.0
    width: float = 1.0


def hard(angle_deg: float) -> Pulse:
    """A pulse that turns all of the slice alike."""
    return Pulse(angle_deg, np.ones(1))


def hann_sinc(angle_deg: float, *, time_bandwidth: float = 2.0, width: float = 1.0, samples: int = 128) -> Pulse:
    """A sinc under a Hann window, what vendors play when nothing better is known.

    Parameters
    ----------
    angle_deg : float
    time_bandwidth : float
        2 is soft (as in MyoQMRI), 4 and more is sharp.
    width : float
        Of its nominal slice, 1.2 for the refocusing pulses of most spin echoes. What it really turns is another: at
        half of the signal a Hann-sinc of 180 degrees refocuses 0.67 to 0.8 of its nominal slice, one of 90 degrees
        excites 1.02 (time-bandwidth 8) to 1.4 (2) of it.
    samples : int
        Of the pulse.
    """
    when = (np.arange(samples) + 0.5) / samples - 0.5
    return Pulse(angle_deg, np.sinc(time_bandwidth * when) * np.cos(np.pi * when) ** 2, time_bandwidth, width)


@lru_cache(maxsize=8)
def positions(excitation: Pulse, refocusing: Pulse) -> np.ndarray:
    """Where the slice is sampled: one half of it, evenly, in thicknesses; the centre alone where no pulse has a slice.

    Out to where, at a B1 of 0.5 and of 1.2, both pulses together leave a thousandth (as a root sum of squares) of what
    they act upon; for a B1 in between, what lies beyond changes T2 by less than 0.1 ms. The sum converges exponentially
    with the number of points, once a step is less than a sixth of a turn of the steeper gradient.

    Returns
    -------
    np.ndarray
        Shape (positions,), not to be written to.
    """
    selective = [pulse for pulse in (excitation, refocusing) if pulse.time_bandwidth > 0]
    if not selective:
        return np.zeros(1)
    points_each = _POINTS_PER_TURN * max(pulse.time_bandwidth / pulse.width for pulse in selective)
    reach = min(pulse.width * (0.5 + _EDGE_TURNS / pulse.time_bandwidth) for pulse in selective)
    z = _middles(reach, points_each)
    alpha, beta = cayley_klein(excitation, _SLICE_B1, z)
    signal = np.abs(alpha * beta * cayley_klein(refocusing, _SLICE_B1, z)[1])
    beyond = np.cumsum(signal[:, ::-1] ** 2, axis=1)[:, ::-1]
    last = z[np.flatnonzero((beyond > _LEFT**2 * beyond[:, :1]).any(axis=0))[-1]]
    half = _middles(np.ceil(last / _EXTENT_STEP) * _EXTENT_STEP, points_each)
    half.flags.writeable = False
    return half


def _middles(extent: float, points_each: float) -> np.ndarray:
    """The middles of equal steps from 0 to an extent."""
    count = int(np.ceil(extent * points_each - 1e-9))
    return (np.arange(count) + 0.5) / count * extent


def cayley_klein(pulse: Pulse, b1: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cayley-Klein parameters of a pulse about x, the phase of its gradient undone in equal parts before and after.

    Parameters
    ----------
    pulse : Pulse
    b1 : np.ndarray
        Relative B1, shape (b1,).
    z : np.ndarray
        Positions in slice thicknesses, shape (z,).

    Returns
    -------
    alpha, beta : np.ndarray
        Complex, shape (b1, z).
    """
    samples = len(pulse.shape)
    turns = np.deg2rad(pulse.angle_deg) * pulse.shape / np.sum(pulse.shape) * np.asarray(b1)[:, None]
    phase = 2 * np.pi * pulse.time_bandwidth / pulse.width * np.asarray(z) / samples
    # half of a sample's precession comes before its turn and half after, so that two halves lie between turns
    half, whole = np.exp(0.25j * phase), np.exp(0.5j * phase)
    alpha = np.ones((len(b1), len(z)), complex) * half
    beta = np.zeros_like(alpha)
    for turn in turns.T:
        c, s = np.cos(turn / 2)[:, None], 1j * np.sin(turn / 2)[:, None]
        alpha, beta = (c * alpha + s * beta) * whole, (s * alpha + c * beta) * np.conj(whole)
    undo = np.exp(-0.5j * phase * samples)
    # half of the phase before and half after the pulse: both act on alpha, on beta they cancel
    return alpha / half * undo, beta * half
