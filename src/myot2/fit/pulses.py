"""Radio-frequency pulses of a multi-echo spin echo: what each turns, across the slice and with B1.

A pulse is its samples and how far its slice gradient winds the phase; simulated sample by sample with Cayley-Klein
parameters (hard-pulse approximation: Pauly et al. 1991, doi:10.1109/42.75611, eq. 9-13), so that also a B1 that is not
one has its true profile, which is not the nominal one scaled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EXTENT = 1.2
"""How far the signal is summed up, in slice thicknesses from the centre; a Hann-sinc excites nothing beyond."""


@dataclass(frozen=True)
class Pulse:
    """One pulse.

    Attributes
    ----------
    angle_deg : float
        What it turns in the centre of the slice at a B1 of 1.
    shape : np.ndarray
        Its samples, evenly spaced in time, real, any scale.
    time_bandwidth : float
        Product of length and bandwidth: turns of phase that the gradient winds across a slice of thickness `width`
        during the pulse; 0 for a pulse without slice.
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
        1.2 for the refocusing pulses of most spin echoes.
    samples : int
        Of the pulse.
    """
    when = (np.arange(samples) + 0.5) / samples - 0.5
    return Pulse(angle_deg, np.sinc(time_bandwidth * when) * np.cos(np.pi * when) ** 2, time_bandwidth, width)


def positions(*pulses: Pulse, count: int = 32) -> np.ndarray:
    """Where the slice is sampled: one half of it, in thicknesses; the centre alone where no pulse has a slice."""
    if all(pulse.time_bandwidth == 0 for pulse in pulses):
        return np.zeros(1)
    return (np.arange(count) + 0.5) / count * EXTENT


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
    half = np.exp(0.5j * phase)
    alpha = np.ones((len(b1), len(z)), complex)
    beta = np.zeros_like(alpha)
    # each sample: half of its precession, the turn about x, the other half
    for turn in turns.T:
        c, s = np.cos(turn / 2)[:, None], 1j * np.sin(turn / 2)[:, None]
        alpha, beta = alpha * np.sqrt(half), beta / np.sqrt(half)
        alpha, beta = c * alpha - np.conj(s) * beta, s * alpha + c * beta
        alpha, beta = alpha * np.sqrt(half), beta / np.sqrt(half)
    undo = np.exp(-0.5j * phase * samples)
    # half of the phase before and half after the pulse: both act on alpha, on beta they cancel
    return alpha * undo, beta
