"""T2 and M0 voxel by voxel from fully sampled, coil-combined complex echo images."""

from __future__ import annotations

import numpy as np

from myot2.reconstruct.signal_models import SignalModel

_STEPS = 25
_LARGEST_STEP = 0.5


def fit_images(
    images: np.ndarray,
    model: SignalModel,
    b1: np.ndarray,
    *,
    start_t2_ms: float | np.ndarray = 36.0,
    t2_range_ms: tuple[float, float] = (3.3, 333.0),
) -> tuple[np.ndarray, np.ndarray]:
    """Least squares by Levenberg-Marquardt, with M0 projected out (variable projection).

    Parameters
    ----------
    images : np.ndarray
        Complex, shape (echoes, rows, columns); white noise of the same size in all echoes.
    model : SignalModel
    b1 : np.ndarray
        Relative B1, shape (rows, columns).
    start_t2_ms : float or np.ndarray

    Returns
    -------
    t2_ms : np.ndarray
        32-bit floats, shape (rows, columns).
    m0 : np.ndarray
        Complex, shape (rows, columns).
    """
    log_r2 = np.broadcast_to(-np.log(np.float32(start_t2_ms)), images.shape[1:]).astype(np.float32)
    damping = np.full(log_r2.shape, 1e-2, np.float32)
    limits = -np.log(np.float32(t2_range_ms[1])), -np.log(np.float32(t2_range_ms[0]))
    m0, cost, step = _look(images, model, log_r2, b1)
    for _ in range(_STEPS):
        trial = np.clip(log_r2 + np.clip(step[0] / (step[1] * (1 + damping)), -_LARGEST_STEP, _LARGEST_STEP), *limits)
        there = _look(images, model, trial, b1)
        better = there[1] <= cost
        damping = np.where(better, damping * 0.3, damping * 10)
        log_r2, m0, cost = (
            np.where(better, new, old) for new, old in zip((trial, *there[:2]), (log_r2, m0, cost), strict=True)
        )
        step = np.where(better, there[2], step)
    return np.exp(-log_r2), m0


def _look(images, model, log_r2, b1):
    """M0, squared misfit, and gradient and curvature (to be divided by one another) of ln R2."""
    signal = model.at(log_r2, b1)
    s, slope = signal.value, signal.by_log_r2
    power = (s * s).sum(axis=0) + np.float32(1e-12)
    m0 = (s * images).sum(axis=0) / power
    left = images - s * m0
    # the part of the derivative that M0 cannot take up
    rest = slope - s * ((s * slope).sum(axis=0) / power)
    size = (np.abs(m0) ** 2).astype(np.float32)
    gradient = ((np.conj(m0) * left).real * rest).sum(axis=0)
    curvature = size * (rest * rest).sum(axis=0) + np.float32(1e-20)
    return m0, (np.abs(left) ** 2).sum(axis=0), np.stack([gradient, curvature])
