"""The mono-exponential models `mono` and `mono-offset`: T2 and M0 of a decay, how sure they are, what became of them.

`mono` is S(TE) = M0 exp(-TE / T2), T2 in ms, M0 in the units of the signal, by least squares on the magnitudes or,
where the noise is known, by maximum likelihood under its Rician distribution (Sijbers et al. 1998,
doi:10.1109/42.712125), which has no noise floor. Both are compiled for evenly spaced echoes, as a multi-echo spin
echo has them; `mono_general` takes any others. `mono-offset` adds a constant to the model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from myot2.fit.mono_general import T2_RANGE_MS, fit_general
from myot2.fit.mono_kernel import BLOCK, least_squares, maximum_likelihood
from myot2.fit.status import LEAST_SNR, T2_LIMITS_MS, Status

_NODES = 40
_EVEN = 1e-4


@dataclass(frozen=True)
class MonoFit:
    """Maps of the shape of a volume, 32-bit floats, NaN where there is no fit.

    Attributes
    ----------
    t2_ms : np.ndarray
        T2 in ms.
    m0 : np.ndarray
        Signal at TE = 0, in the units of the signal.
    sd_ms : np.ndarray
        Standard deviation of T2 in ms, from the information matrix of the fit.
    rmse : np.ndarray
        Root mean square of the residuals over the echoes, in the units of the signal.
    status : np.ndarray
        `Status`, 8-bit integers.
    freedom : float
        Degrees of freedom of the noise in `sd_ms`: a 95 % interval is T2 +- t(0.975, freedom) sd, with Student's t;
        infinite where the noise was given.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    sd_ms: np.ndarray
    rmse: np.ndarray
    status: np.ndarray
    freedom: float


def fit_mono(
    signal: np.ndarray,
    echo_times_ms: np.ndarray,
    *,
    sigma: float | np.ndarray | None = None,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    threads: int = 1,
) -> MonoFit:
    """Fit M0 exp(-TE / T2) to every voxel.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes, shape (echoes, ...), any number type and scale.
    echo_times_ms : np.ndarray
        Echo times in ms, shape (echoes,), increasing. Whole multiples of one spacing, without a gap, are fitted by the
        compiled code; any others by `fit_general`, a hundred times slower.
    sigma : float or np.ndarray, optional
        Noise of one channel (real or imaginary part), in the units of the signal; one value, or one per voxel. With it
        the fit is the maximum-likelihood one.
    limits_ms : tuple of float
        T2 outside is kept and marked `Status.AT_BOUND`.
    threads : int
        How many to use; the result does not depend on it.

    Returns
    -------
    MonoFit
        Arrays of shape (...).

    Raises
    ------
    ValueError
        Fewer than three echoes; echo times that do not increase or do not match the signal; a sigma that is not
        positive, or that is given for unevenly spaced echoes.
    """
    times = np.asarray(echo_times_ms, dtype=float)
    if times.ndim != 1 or len(times) != len(signal) or len(times) < 3 or np.any(np.diff(times) <= 0):
        raise ValueError("echo times must be at least three, increasing, one per echo of the signal")
    shape = np.shape(signal)[1:]
    before = _echoes_before(times)
    if before is None:
        if sigma is not None:
            raise ValueError("a noise level can only be used with echo times that are whole multiples of their spacing")
        return _fit_unevenly(signal, times, limits_ms, offset=False)
    voxels = np.reshape(signal, (len(times), -1))
    maps = np.empty((4, voxels.shape[1]), np.float32)
    status = np.empty(voxels.shape[1], np.uint8)
    spacing = times[0] / before
    settings = np.array([spacing, before, LEAST_SNR, *limits_ms], np.float32)
    nodes = np.exp(-spacing / np.geomspace(*T2_RANGE_MS, _NODES))
    shared = (settings, nodes, maps, status)
    echoes = (0,) * len(times)
    if sigma is None:
        run_in_blocks(lambda *part: least_squares(voxels, *part, echoes, *shared), len(status), threads)
    else:
        noise = _noise(sigma, shape)
        run_in_blocks(lambda *part: maximum_likelihood(voxels, noise, *part, echoes, *shared), len(status), threads)
    t2, m0, sd, rmse = maps.reshape(4, *shape)
    return MonoFit(t2, m0, sd, rmse, status.reshape(shape), len(times) - 2.0 if sigma is None else np.inf)


def fit_mono_offset(
    signal: np.ndarray, echo_times_ms: np.ndarray, *, limits_ms: tuple[float, float] = T2_LIMITS_MS
) -> MonoFit:
    """Fit M0 exp(-TE / T2) + C to every voxel, and warn: for ten echoes to 100 ms this ruins T2.

    The offset and T2 are nearly the same to such a train: at SNR 50 the error of T2 is five to ten times that without
    an offset. It is for trains of thirty echoes and more (Milford et al. 2015, doi:10.1371/journal.pone.0145255).

    Parameters, returns and errors are those of `fit_mono`; at least four echoes.
    """
    warnings.warn(
        "the model mono-offset multiplies the error of T2 unless the echo train is long; "
        "use mono, with a noise level if there is a noise floor",
        stacklevel=2,
    )
    return _fit_unevenly(signal, np.asarray(echo_times_ms, dtype=float), limits_ms, offset=True)


def run_in_blocks(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call work(first, stop) over all voxels, each thread taking a run of whole blocks.

    Voxels are independent and a compiled fit leaves Python's lock alone, so that threads change only the time it takes.
    """
    threads = max(1, min(threads, -(-count // BLOCK)))
    share = -(-count // (threads * BLOCK)) * BLOCK
    parts = [(first, min(first + share, count)) for first in range(0, count, share)] if count else []
    if len(parts) < 2:
        for part in parts:
            work(*part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, *part) for part in parts]:
            done.result()


def _echoes_before(times: np.ndarray) -> int | None:
    """The first echo time in echo spacings; None where the times are not consecutive multiples of one spacing."""
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    before = round(times[0] / spacing)
    even = np.allclose(times, spacing * np.arange(before, before + len(times)), rtol=0, atol=_EVEN * spacing)
    return before if even and before > 0 else None


def _noise(sigma: float | np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One noise level per voxel, shape (voxels,)."""
    values = np.broadcast_to(np.asarray(sigma, np.float32), shape).reshape(-1)
    if not np.all(values > 0):
        raise ValueError("sigma must be positive everywhere")
    return np.ascontiguousarray(values)


def _fit_unevenly(signal: np.ndarray, times: np.ndarray, limits_ms: tuple[float, float], *, offset: bool) -> MonoFit:
    """The general fit with status, as 32-bit floats."""
    fit = fit_general(signal, times, offset=offset)
    samples = np.asarray(signal, np.float32)
    usable = np.isfinite(samples).all(axis=0) & (samples.sum(axis=0) > 0)
    freedom = len(times) - (3.0 if offset else 2.0)
    noise = fit.rmse * np.sqrt(len(times) / freedom)
    with np.errstate(invalid="ignore"):
        low = fit.m0 * np.exp(-times[0] / fit.t2_ms) < LEAST_SNR * noise
        inside = (fit.t2_ms >= limits_ms[0]) & (fit.t2_ms <= limits_ms[1])
    status = np.select([~usable, low, ~inside], [Status.NOT_FITTED, Status.LOW_SIGNAL, Status.AT_BOUND], Status.OK)
    maps = (np.asarray(values, np.float32) for values in (fit.t2_ms, fit.m0, fit.sd_ms, fit.rmse))
    return MonoFit(*maps, status.astype(np.uint8), freedom)
