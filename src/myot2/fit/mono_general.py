"""The mono-exponential fit for any echo times, with or without an offset: plain numpy, in double precision.

It is the reference that the compiled fit of evenly spaced echoes is tested against, and takes the cases that the
latter leaves out. The model is S(TE) = M0 exp(-TE / T2) + C, C = 0 unless asked for: with ten echoes an offset
multiplies the error of T2 (Milford et al. 2015, doi:10.1371/journal.pone.0145255, recommends it for long trains
only). For a given T2 the other parameters are linear and projected out (variable projection: Golub and Pereyra 1973,
doi:10.1137/0710036). With e_i = exp(-TE_i / T2), both y and e less their means where there is an offset, the sum of
squares is

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
class GeneralFit:
    """The fit of every voxel; NaN in all maps where there is none (see `fit_general`).

    Attributes
    ----------
    t2_ms : np.ndarray
        T2 in ms, in the open interval `T2_RANGE_MS`.
    m0 : np.ndarray
        Signal at TE = 0, in the units of the signal.
    rmse : np.ndarray
        Root mean square of the residuals over the echoes, in the units of the signal.
    sd_ms : np.ndarray
        Standard deviation of T2 in ms, from the information matrix and the residual variance of the voxel.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    rmse: np.ndarray
    sd_ms: np.ndarray


def fit_general(signal: np.ndarray, echo_times_ms: np.ndarray, *, offset: bool = False) -> GeneralFit:
    """Fit M0 exp(-TE / T2), and an offset if asked for, to every voxel by least squares.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes, shape (echoes, ...), any scale.
    echo_times_ms : np.ndarray
        Echo times in ms, shape (echoes,), increasing; their spacing may be uneven.
    offset : bool
        Whether a constant is fitted too.

    Returns
    -------
    GeneralFit
        Arrays of shape (...). A voxel is NaN where a sample is not finite, where no positive signal is left, or where
        the best T2 lies outside `T2_RANGE_MS`.

    Raises
    ------
    ValueError
        Fewer than three echoes (four with an offset), or echo times that do not increase or do not match the signal.
    """
    times = np.asarray(echo_times_ms, dtype=float)
    least = 4 if offset else 3
    if times.ndim != 1 or len(times) != len(signal) or len(times) < least or np.any(np.diff(times) <= 0):
        raise ValueError(f"echo times must be at least {least}, increasing, one per echo of the signal")
    voxels = np.reshape(signal, (len(times), -1))
    result = np.full((4, voxels.shape[1]), np.nan)
    for start in range(0, voxels.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        result[:, part] = _fit_chunk(voxels[:, part].astype(float), times, offset)
    return GeneralFit(*result.reshape(4, *np.shape(signal)[1:]))


def _fit_chunk(y: np.ndarray, times: np.ndarray, offset: bool) -> np.ndarray:
    """T2, M0, RMSE and SD of T2, shape (4, voxels), of signal y with shape (echoes, voxels)."""
    result = np.full((4, y.shape[1]), np.nan)
    usable = np.flatnonzero(np.isfinite(y).all(axis=0) & (y > 0).any(axis=0))
    if not usable.size:
        return result
    scale = np.abs(y[:, usable]).max(axis=0)
    y = y[:, usable] / scale
    y = y - y.mean(axis=0) if offset else y
    # Counting time from the first echo keeps exp() from underflowing for a T2 far below the first echo time.
    since_first = times - times[0]
    low, high, inside = _bracket(y, since_first, offset)
    usable, scale, y = usable[inside], scale[inside], y[:, inside]
    t2 = np.exp(_maximise(y, since_first, low[inside], high[inside], offset))
    decay = _centred(np.exp(-since_first[:, None] / t2), offset)
    first = (y * decay).sum(axis=0) / (decay * decay).sum(axis=0)
    residual = y - first * decay
    change = _centred(np.exp(-since_first[:, None] / t2) * since_first[:, None] / t2**2, offset) * first
    shared = (change * decay).sum(axis=0) ** 2 / (decay * decay).sum(axis=0)
    variance = (residual * residual).sum(axis=0) / (len(times) - (3 if offset else 2))
    result[0, usable] = t2
    result[1, usable] = scale * first * np.exp(times[0] / t2)
    result[2, usable] = scale * np.sqrt((residual * residual).mean(axis=0))
    result[3, usable] = np.sqrt(variance / ((change * change).sum(axis=0) - shared))
    return result


def _centred(values: np.ndarray, offset: bool) -> np.ndarray:
    """What an offset leaves of a course over the echoes."""
    return values - values.mean(axis=0) if offset else values


def _bracket(y: np.ndarray, times: np.ndarray, offset: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln T2 below and above the best T2 of each voxel, and whether that lies inside the range."""
    nodes = np.linspace(*np.log(T2_RANGE_MS), _NODES)
    decay = _centred(np.exp(-times[:, None] / np.exp(nodes)), offset)
    match = (decay / np.linalg.norm(decay, axis=0)).T @ y
    best = match.argmax(axis=0)
    slope, _ = _slope(y, times, nodes[best], offset)
    low = np.where(slope > 0, best, best - 1)
    inside = (match.max(axis=0) > 0) & (low >= 0) & (low < _NODES - 1)
    low = np.clip(low, 0, _NODES - 2)
    return nodes[low], nodes[low + 1], inside


def _maximise(y: np.ndarray, times: np.ndarray, low: np.ndarray, high: np.ndarray, offset: bool) -> np.ndarray:
    """ln T2 at which (y.e)/|e| is largest between `low`, where it rises, and `high`, where it falls."""
    result = (low + high) / 2
    active = np.arange(y.shape[1])
    x = result.copy()
    for _ in range(_MOST_STEPS):
        slope, curvature = _slope(y, times, x, offset)
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


def _slope(y: np.ndarray, times: np.ndarray, log_t2: np.ndarray, offset: bool) -> tuple[np.ndarray, np.ndarray]:
    """A function of ln T2 with the sign of d/d(ln T2) [(y.e)/|e|], and its derivative.

    With a = y.e and b = e.e it is a' b - a b'/2; x = TE/T2 gives e' = x e and e'' = (x^2 - x) e. An offset takes the
    products of the sums of e, e' and e'' over the number of echoes from b and its derivatives.
    """
    rate = np.exp(-log_t2)
    a = a1 = a2 = b = b1 = b2 = c = c1 = c2 = 0.0
    for sample, time in zip(y, times, strict=True):
        x = time * rate
        e = np.exp(-x)
        ye, ee = sample * e, e * e
        yex, eex = ye * x, ee * x
        a, a1, a2 = a + ye, a1 + yex, a2 + yex * (x - 1)
        b, b1, b2 = b + ee, b1 + 2 * eex, b2 + 2 * eex * (2 * x - 1)
        if offset:
            c, c1, c2 = c + e, c1 + e * x, c2 + e * x * (x - 1)
    if offset:
        b, b1, b2 = (
            value - taken / len(times) for value, taken in ((b, c * c), (b1, 2 * c * c1), (b2, 2 * (c1 * c1 + c * c2)))
        )
    return a1 * b - a * b1 / 2, a2 * b + a1 * b1 / 2 - a * b2 / 2
