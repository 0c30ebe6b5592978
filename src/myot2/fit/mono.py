"""T2 and M0 of a mono-exponential decay by non-linear least squares on the magnitudes.

The model is S(TE) = M0 exp(-TE / T2), without an offset: with ten echoes that end at 100 ms an offset multiplies the
error of T2 (Milford et al. 2015, doi:10.1371/journal.pone.0145255, recommends it for long trains only). For a given T2
the best M0 is linear, so it is projected out (variable projection: Golub and Pereyra 1973, doi:10.1137/0710036) and one
unknown is left. With e_i = exp(-TE_i / T2) the sum of squares is

    |y|^2 - (y.e)^2 / (e.e),        M0 = (y.e) / (e.e),

so the best T2 is where (y.e) / |e| is largest. It is bracketed on a grid over all of `T2_RANGE_MS`, which finds the
global optimum where a start by log-linear regression can land in a noise-made side optimum, and then found by Newton
steps in ln T2 that fall back to bisection when they leave the bracket.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

T2_RANGE_MS = (1.0, 3000.0)
"""T2 outside this range is not told apart from no signal (below) or no decay (above) by any echo train in use."""

_NODES = 64
_CHUNK = 32768
_TOLERANCE = 1e-9
_MOST_STEPS = 60


@dataclass(frozen=True)
class MonoFit:
    """The fit of every voxel; NaN in all three where there is none (see `fit_mono`).

    Attributes
    ----------
    t2_ms : np.ndarray
        T2 in ms, in the open interval `T2_RANGE_MS`.
    m0 : np.ndarray
        Signal at TE = 0, in the units of the signal.
    rmse : np.ndarray
        Root mean square of the residuals over the echoes, in the units of the signal.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    rmse: np.ndarray


def fit_mono(signal: np.ndarray, echo_times_ms: np.ndarray) -> MonoFit:
    """Fit M0 exp(-TE / T2) to every voxel by least squares.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes, shape (echoes, ...), any scale.
    echo_times_ms : np.ndarray
        Echo times in ms, shape (echoes,), increasing; their spacing may be uneven.

    Returns
    -------
    MonoFit
        Arrays of shape (...). A voxel is NaN where a sample is not finite, where no positive signal is left, or where
        the best T2 lies outside `T2_RANGE_MS`.

    Raises
    ------
    ValueError
        Fewer than three echoes, or echo times that do not increase or do not match the signal.
    """
    times = np.asarray(echo_times_ms, dtype=float)
    if times.ndim != 1 or len(times) != len(signal) or len(times) < 3 or np.any(np.diff(times) <= 0):
        raise ValueError("echo times must be at least three, increasing, one per echo of the signal")
    voxels = np.reshape(signal, (len(times), -1))
    result = np.full((3, voxels.shape[1]), np.nan)
    for start in range(0, voxels.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        result[:, part] = _fit_chunk(voxels[:, part].astype(float), times)
    t2, m0, rmse = result.reshape(3, *np.shape(signal)[1:])
    return MonoFit(t2, m0, rmse)


def _fit_chunk(y: np.ndarray, times: np.ndarray) -> np.ndarray:
    """T2, M0 and RMSE, shape (3, voxels), of signal y with shape (echoes, voxels)."""
    result = np.full((3, y.shape[1]), np.nan)
    usable = np.flatnonzero(np.isfinite(y).all(axis=0) & (y > 0).any(axis=0))
    if not usable.size:
        return result
    scale = np.abs(y[:, usable]).max(axis=0)
    y = y[:, usable] / scale
    # Counting time from the first echo keeps exp() from underflowing for a T2 far below the first echo time.
    since_first = times - times[0]
    low, high, inside = _bracket(y, since_first)
    usable, scale, y = usable[inside], scale[inside], y[:, inside]
    log_t2 = _maximise(y, since_first, low[inside], high[inside])
    decay = np.exp(-since_first[:, None] / np.exp(log_t2))
    first = (y * decay).sum(axis=0) / (decay * decay).sum(axis=0)
    residual = y - first * decay
    t2 = np.exp(log_t2)
    result[0, usable] = t2
    result[1, usable] = scale * first * np.exp(times[0] / t2)
    result[2, usable] = scale * np.sqrt((residual * residual).mean(axis=0))
    return result


def _bracket(y: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln T2 below and above the best T2 of each voxel, and whether that lies inside the range."""
    nodes = np.linspace(*np.log(T2_RANGE_MS), _NODES)
    decay = np.exp(-times / np.exp(nodes)[:, None])
    match = (decay / np.linalg.norm(decay, axis=1, keepdims=True)) @ y
    best = match.argmax(axis=0)
    slope, _ = _slope(y, times, nodes[best])
    low = np.where(slope > 0, best, best - 1)
    inside = (match.max(axis=0) > 0) & (low >= 0) & (low < _NODES - 1)
    low = np.clip(low, 0, _NODES - 2)
    return nodes[low], nodes[low + 1], inside


def _maximise(y: np.ndarray, times: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """ln T2 at which (y.e)/|e| is largest between `low`, where it rises, and `high`, where it falls."""
    result = (low + high) / 2
    active = np.arange(y.shape[1])
    x = result.copy()
    for _ in range(_MOST_STEPS):
        slope, curvature = _slope(y, times, x)
        rises = slope > 0
        low, high = np.where(rises, x, low), np.where(rises, high, x)
        newton = x - slope / np.where(curvature < 0, curvature, -np.inf)
        safe = (curvature < 0) & (newton > low) & (newton < high)
        moved = np.where(safe, newton, (low + high) / 2)
        result[active] = moved
        going = np.abs(moved - x) > _TOLERANCE
        if not going.any():
            break
        active, x, low, high, y = active[going], moved[going], low[going], high[going], y[:, going]
    return result


def _slope(y: np.ndarray, times: np.ndarray, log_t2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A function of ln T2 with the sign of d/d(ln T2) [(y.e)/|e|], and its derivative.

    With a = y.e and b = e.e it is a' b - a b'/2; x = TE/T2 gives e' = x e and e'' = (x^2 - x) e.
    """
    rate = np.exp(-log_t2)
    a = a1 = a2 = b = b1 = b2 = 0.0
    for sample, time in zip(y, times, strict=True):
        x = time * rate
        e = np.exp(-x)
        ye, ee = sample * e, e * e
        yex, eex = ye * x, ee * x
        a, a1, a2 = a + ye, a1 + yex, a2 + yex * (x - 1)
        b, b1, b2 = b + ee, b1 + 2 * eex, b2 + 2 * eex * (2 * x - 1)
    return a1 * b - a * b1 / 2, a2 * b + a1 * b1 / 2 - a * b2 / 2
