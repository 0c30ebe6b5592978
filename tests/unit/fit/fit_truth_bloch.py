"""A CPMG multi-echo spin echo by summing isochromats: the truth that the fits are tested against.

Nothing is shared with `myot2`: there is no phase graph here, only vectors that are rotated and relax (Bloch, Phys Rev
1946;70:460). Magnetisation precesses as dM/dt = gamma M x B; rotations of a sampled pulse are composed per position
(hard-pulse approximation: each sample is one rotation about the total field). What is assumed:

- a pulse acts at its centre, without relaxation; the phase of its slice gradient before and after the centre is undone,
  by the rephasing lobe after the excitation and as part of the equal crushers around each refocusing pulse;
- the crushers wind the phase many times over a distance in which the pulse's action is constant, so that at each
  position across the slice the sum runs over one full cycle; more isochromats than twice the number of echoes, the
  highest harmonic that the magnetisation can hold, make the sum exact;
- no diffusion, magnetisation transfer or off-resonance.

Units: ms, degrees, mm, uT, mT/m.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

GAMMA_RAD_PER_MS_UT = 0.2675221874
"""Gyromagnetic ratio of the proton (CODATA 2018); mT/m times mm is uT, so it serves gradients as well."""


@dataclass(frozen=True)
class Pulse:
    """A sampled RF pulse with its slice-selection gradient.

    Attributes
    ----------
    rf_ut : np.ndarray
        Field of each sample in uT, complex: argument 0 turns about x, 90 degrees about y.
    gradient_mt_m : np.ndarray
        Slice gradient of each sample in mT/m.
    step_ms : float
        Length of a sample.
    """

    rf_ut: np.ndarray
    gradient_mt_m: np.ndarray
    step_ms: float


def hard_pulse(angle_deg: float) -> Pulse:
    """A pulse about x that turns every position by the same angle at once."""
    step = 1e-3
    b1_ut = np.deg2rad(angle_deg) / (GAMMA_RAD_PER_MS_UT * step)
    return Pulse(np.array([b1_ut + 0j]), np.zeros(1), step)


def sinc_pulse(angle_deg: float, *, thickness_mm: float, time_bandwidth: float, length_ms: float = 2.0) -> Pulse:
    """A Hann-windowed sinc about x; its nominal slice is time_bandwidth / (length gamma G / 2 pi) thick."""
    samples = 200
    when = (np.arange(samples) + 0.5) / samples - 0.5
    shape = np.sinc(time_bandwidth * when) * (0.5 + 0.5 * np.cos(2 * np.pi * when))
    step = length_ms / samples
    rf = shape * np.deg2rad(angle_deg) / (GAMMA_RAD_PER_MS_UT * step * shape.sum())
    gradient = 2 * np.pi * time_bandwidth / (length_ms * GAMMA_RAD_PER_MS_UT * thickness_mm)
    return Pulse(rf.astype(complex), np.full(samples, gradient), step)


def rotations(pulse: Pulse, z_mm: np.ndarray, b1: float = 1.0) -> np.ndarray:
    """What a pulse does to (Mx, My, Mz) at each position, shape (positions, 3, 3), its gradient phase undone.

    Each sample is a rotation by -gamma |B| dt about B = (Re rf, Im rf, G z) (Rodrigues' formula).
    """
    total = np.broadcast_to(np.eye(3), (len(z_mm), 3, 3))
    for rf, gradient in zip(pulse.rf_ut * b1, pulse.gradient_mt_m, strict=True):
        b_ut = np.stack([np.full(len(z_mm), rf.real), np.full(len(z_mm), rf.imag), gradient * z_mm], axis=-1)
        total = _turn(-GAMMA_RAD_PER_MS_UT * pulse.step_ms * b_ut) @ total
    half = 0.5 * GAMMA_RAD_PER_MS_UT * pulse.step_ms * pulse.gradient_mt_m.sum() * z_mm
    undo = _turn(np.stack([np.zeros_like(half), np.zeros_like(half), half], axis=-1))
    return undo @ total @ undo


def _turn(vector: np.ndarray) -> np.ndarray:
    """Matrices of right-handed rotations, by |vector| in radians about vector; shape (n, 3) to (n, 3, 3)."""
    angle = np.linalg.norm(vector, axis=-1)[:, None, None]
    axis = vector / np.maximum(angle[:, :, 0], np.finfo(float).tiny)
    cross = np.zeros((len(vector), 3, 3))
    for row, column, part, sign in ((0, 1, 2, -1), (0, 2, 1, 1), (1, 2, 0, -1)):
        cross[:, row, column] = sign * axis[:, part]
        cross[:, column, row] = -sign * axis[:, part]
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


@dataclass(frozen=True)
class Train:
    """A multi-echo spin echo; both pulses are given about x, and the excitation is played a quarter turn ahead (CPMG).

    Attributes
    ----------
    excitation, refocusing : Pulse
        At a relative B1 of 1.
    spacing_ms : float
        Time between echoes; the first comes one spacing after the excitation.
    echoes : int
        Length of the train.
    z_mm : np.ndarray
        Positions across the slice, evenly spaced; the signal is their mean.
    """

    excitation: Pulse
    refocusing: Pulse
    spacing_ms: float = 10.0
    echoes: int = 10
    z_mm: np.ndarray = field(default_factory=lambda: np.zeros(1))


def hard_train(angle_deg: float = 180.0, *, excitation_deg: float = 90.0, **of_train) -> Train:
    """A train of pulses without a slice."""
    return Train(hard_pulse(excitation_deg), hard_pulse(angle_deg), **of_train)


def sinc_train(angle_deg: float = 180.0, *, wider: float = 1.2, positions: int = 96, **of_train) -> Train:
    """A train of Hann-sincs (time-bandwidth 2), the refocusing slice `wider` times the 5 mm of the excitation.

    Both halves are summed, out to 2.4 times the nominal half thickness, beyond which less than a thousandth of the
    signal is excited: what is excited out of phase is odd across the slice and cancels.
    """
    thickness = 5.0
    z = ((np.arange(positions) + 0.5) / positions - 0.5) * 2.4 * thickness
    excitation = sinc_pulse(90.0, thickness_mm=thickness, time_bandwidth=2.0)
    refocusing = sinc_pulse(angle_deg, thickness_mm=wider * thickness, time_bandwidth=2.0)
    return Train(excitation, refocusing, z_mm=z, **of_train)


def echo_signals(
    train: Train,
    t2_ms: np.ndarray | float,
    *,
    t1_ms: float = 1400.0,
    b1: float = 1.0,
    isochromats: int | None = None,
) -> np.ndarray:
    """Echoes of magnetisation 1 at rest, averaged over the slice, along the axis of the refocusing pulses.

    Parameters
    ----------
    train : Train
    t2_ms : array_like
        Any shape.
    t1_ms, b1 : float
        T1 in ms, inf for none; B1 relative to nominal.
    isochromats : int, optional
        Over one crusher cycle; by default the least number that makes the sum exact.

    Returns
    -------
    np.ndarray
        Complex, shape (echoes,) + shape of `t2_ms`. What is off the axis is odd across a symmetric slice and cancels.
        A T2 as short as the spacing makes some echoes negative: what was stored along z outweighs the spin echo.
    """
    t2 = np.atleast_1d(np.asarray(t2_ms, dtype=float))
    count = isochromats or 2 * train.echoes + 2
    phase = np.exp(2j * np.pi * (np.arange(count) + 0.5) / count)
    quarter_ahead = Pulse(1j * train.excitation.rf_ut, train.excitation.gradient_mt_m, train.excitation.step_ms)
    excite = rotations(quarter_ahead, train.z_mm, b1)
    refocus = rotations(train.refocusing, train.z_mm, b1)
    start = np.zeros((t2.size, len(train.z_mm), 3, count))
    start[:, :, 2] = 1.0
    m = excite @ start
    signal = []
    for _ in range(train.echoes):
        m = _half_spacing(m, phase, train.spacing_ms / 2, t2.ravel(), t1_ms)
        m = _half_spacing(refocus @ m, phase, train.spacing_ms / 2, t2.ravel(), t1_ms)
        signal.append(-(m[:, :, 0] + 1j * m[:, :, 1]).mean(axis=(1, 2)))
    return np.reshape(signal, (train.echoes, *np.shape(t2_ms)))


def echo_amplitudes(train: Train, t2_ms: np.ndarray | float, **tissue: float) -> np.ndarray:
    """Magnitudes of `echo_signals`."""
    return np.abs(echo_signals(train, t2_ms, **tissue))


def _half_spacing(m: np.ndarray, phase: np.ndarray, time_ms: float, t2: np.ndarray, t1: float) -> np.ndarray:
    """Dephasing by the crusher and relaxation; m of shape (voxels, positions, 3, isochromats)."""
    transverse = (m[:, :, 0] + 1j * m[:, :, 1]) * phase * np.exp(-time_ms / t2)[:, None, None]
    recovered = 1 - np.exp(-time_ms / t1)
    longitudinal = m[:, :, 2] * (1 - recovered) + recovered
    return np.stack([transverse.real, transverse.imag, longitudinal], axis=2)
