"""The model `epg`: M0, T2 and B1 of a multi-echo spin echo with imperfect refocusing.

The signal is M0 times the phase graph of the train (`epg.Train`) at T2 in ms and a relative B1, with the slice
profiles of its pulses and a T1 that is set. All echoes are used: the first ones tell B1. Where the effect of B1 turns
back, at a refocusing angle of 180 degrees, a voxel cannot tell which side it is on, though T2 depends on it: the
neighbourhood can (`fit_smoothed`, the default).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from myot2.fit.epg_kernel import Nodes, find_c
from myot2.fit.epg_kernel import fit_free as _fit_free
from myot2.fit.epg_kernel import fit_held as _fit_held
from myot2.fit.epg_table import Table
from myot2.fit.mono import run_in_blocks
from myot2.fit.smoothing import smooth_inside
from myot2.fit.status import LEAST_SNR, T2_LIMITS_MS

SMOOTHING = (3, 7, 7)
"""Slices, rows and columns of the neighbourhood of which B1 is the median: it varies over centimetres."""

_SIDE = (5, 15, 15)
# Which of the maps of a compiled fit is which.
_M0, _RMSE, _C = 1, 3, 4
# How many steps of c an offset from a node may be long: with longer ones T2 is off by more than 0.01 of its SD.
_NEAR_B1, _NEAR_COS2 = 1.0, 0.5


@dataclass(frozen=True)
class EpgFit:
    """Maps of the shape of a volume, 32-bit floats, NaN where there is no fit.

    Attributes
    ----------
    t2_ms : np.ndarray
        T2 in ms.
    m0 : np.ndarray
        Signal at TE = 0 after an ideal excitation, in the units of the signal.
    sd_ms : np.ndarray
        Standard deviation of T2 in ms, from the information matrix of the fit; where B1 is held, for that B1.
    rmse : np.ndarray
        Root mean square of the residuals over the echoes, in the units of the signal.
    b1 : np.ndarray
        B1 relative to nominal.
    status : np.ndarray
        `Status`, 8-bit integers.
    freedom : float
        Degrees of freedom of the noise in `sd_ms`, see `mono.MonoFit`.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    sd_ms: np.ndarray
    rmse: np.ndarray
    b1: np.ndarray
    status: np.ndarray
    freedom: float


def fit_free(
    signal: np.ndarray, table: Table, *, limits_ms: tuple[float, float] = T2_LIMITS_MS, threads: int = 1
) -> EpgFit:
    """Fit M0, T2 and B1 to every voxel, on the side of the turning B1 that leaves the smaller residual.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes of all echoes, shape (echoes, ...), any number type and scale.
    table : Table
        Of the train that made them, see `epg_table.build`.
    limits_ms : tuple of float
        T2 outside is kept and marked `Status.AT_BOUND`.
    threads : int
        How many to use; the result does not depend on it.

    Raises
    ------
    ValueError
        The signal has not as many echoes as the train.
    """
    return _free(signal, table, limits_ms, threads, count=1)[0]


def fit_sides(
    signal: np.ndarray, table: Table, *, limits_ms: tuple[float, float] = T2_LIMITS_MS, threads: int = 1
) -> list[EpgFit]:
    """The fits below and above the turning B1; one where both sides are the same. As `fit_free` otherwise."""
    return _free(signal, table, limits_ms, threads, count=len(table.sides))


def fit_held(
    signal: np.ndarray,
    table: Table,
    b1: np.ndarray | float,
    *,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    threads: int = 1,
) -> EpgFit:
    """Fit M0 and T2 to every voxel at a given B1, relative to nominal; NaN in B1 leaves a voxel out.

    The map `b1` is the given one, also on the side of the turning B1 that the echoes cannot tell. B1 beyond the table
    (`epg_table.LEAST_B1`, `MOST_B1`) is extrapolated linearly and not to be trusted. Other parameters and errors as in
    `fit_free`.
    """
    voxels, shape = _voxels(signal, table)
    given = np.broadcast_to(np.asarray(b1, float), shape).reshape(1, -1)
    (maps,), (status,) = _hold(voxels, table, np.ascontiguousarray(table.c_of(given), np.float32), limits_ms, threads)
    maps[_C] = np.where(np.isnan(maps[_C]), np.nan, given[0])
    maps[_M0] /= table.excited(maps[_C])
    return _result(maps.reshape(len(maps), *shape), status.reshape(shape), len(voxels) - 2.0)


def fit_smoothed(
    signal: np.ndarray,
    table: Table,
    mask: np.ndarray | None = None,
    *,
    size: tuple[int, int, int] = SMOOTHING,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    threads: int = 1,
) -> EpgFit:
    """Fit B1, smooth it inside the mask, and fit M0 and T2 with it.

    c, which stands for B1, becomes a mean of medians over a neighbourhood (`smoothing.smooth_inside`) on either side of
    the turning B1. Of the two fits with it, that counts which leaves the smaller sum of squared residuals over a larger
    neighbourhood: at an SNR of 50 one voxel hardly tells the sides apart, a thousand do, and better so where B1 is not
    free to make up for the wrong side.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes of all echoes, shape (echoes, slices, rows, columns).
    table : Table
    mask : np.ndarray, optional
        Where to fit and to take B1 from, shape (slices, rows, columns); everywhere without it.
    size : tuple of int
        The neighbourhood of the medians in voxels, odd numbers.

    Other parameters and errors as in `fit_free`.
    """
    shape = np.shape(signal)[1:]
    chosen = np.ones(shape, bool) if mask is None else np.asarray(mask, bool)
    inside, _ = _voxels(signal if mask is None else np.stack([echo[chosen] for echo in np.asarray(signal)]), table)
    c = _find_c(inside, table, threads)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        c = np.stack(list(pool.map(lambda side: smooth_inside(_spread(side, chosen), size)[chosen], c)))
    maps, status = _hold(inside, table, c, limits_ms, threads)
    best, code = maps[0], status[0]
    if len(c) == 2:
        gain = _spread(maps[0, _RMSE] ** 2 - maps[1, _RMSE] ** 2, chosen)
        above = ndimage.uniform_filter(np.nan_to_num(gain), _SIDE, output=float, mode="constant")[chosen] > 0
        best, code = np.where(above, maps[1], best), np.where(above, status[1], code)
    volume = np.stack([_spread(values, chosen) for values in best])
    codes = np.zeros(shape, np.uint8)
    codes[chosen] = code
    _convert(volume, table)
    return _result(volume, codes, len(inside) - 2.0)


def _voxels(signal: np.ndarray, table: Table) -> tuple[np.ndarray, tuple[int, ...]]:
    if len(signal) != table.train.echoes:
        raise ValueError(f"the signal has {len(signal)} echoes, the train {table.train.echoes}")
    return np.reshape(signal, (len(signal), -1)), np.shape(signal)[1:]


def _free(signal: np.ndarray, table: Table, limits_ms: tuple[float, float], threads: int, count: int) -> list[EpgFit]:
    """The fits of so many sides; of one, the better."""
    voxels, shape = _voxels(signal, table)
    maps, status = _empty(count, voxels)
    echoes, nodes = _nodes(voxels, table)

    def work(first: int, stop: int) -> None:
        _fit_free(voxels, np.array(table.sides), first, stop, echoes, nodes, _limits(limits_ms), maps, status)
        for side in maps:
            _convert(side[:, first:stop], table)

    run_in_blocks(work, voxels.shape[1], threads)
    sides = zip(maps.reshape(*maps.shape[:2], *shape), status.reshape(count, *shape), strict=True)
    return [_result(side, code, len(voxels) - 3.0) for side, code in sides]


def _find_c(voxels: np.ndarray, table: Table, threads: int) -> np.ndarray:
    """c of every voxel on each side, shape (sides, voxels)."""
    c = np.empty((len(table.sides), voxels.shape[1]), np.float32)
    shared = (*_nodes(voxels, table), c)
    run_in_blocks(lambda *part: find_c(voxels, np.array(table.sides), *part, *shared), voxels.shape[1], threads)
    return c


def _hold(
    voxels: np.ndarray, table: Table, c: np.ndarray, limits_ms: tuple[float, float], threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Maps and status at each of some maps of c."""
    maps, status = _empty(len(c), voxels)
    shared = (*_nodes(voxels, table), _limits(limits_ms), maps, status)
    run_in_blocks(lambda *part: _fit_held(voxels, c, *part, *shared), voxels.shape[1], threads)
    return maps, status


def _empty(count: int, voxels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Room for the maps and the status of some fits."""
    return np.empty((count, 5, voxels.shape[1]), np.float32), np.empty((count, voxels.shape[1]), np.uint8)


def _nodes(voxels: np.ndarray, table: Table) -> tuple[tuple, Nodes]:
    """What all compiled fits take: a tuple as long as there are echoes, and the table."""
    steps = (np.log(table.t2_ms[1] / table.t2_ms[0]), table.c[1] - table.c[0])
    near = steps[1] * (_NEAR_B1 if table.train.selective else _NEAR_COS2)
    grid, t2 = np.array([*steps, table.c[0], near], np.float32), table.t2_ms.astype(np.float32)
    return (0,) * len(voxels), Nodes(grid, table.starts, table.solution, table.model, table.spread, t2)


def _limits(limits_ms: tuple[float, float]) -> np.ndarray:
    return np.array([LEAST_SNR, *limits_ms], np.float32)


def _convert(maps: np.ndarray, table: Table) -> None:
    """Turn the amplitude into M0 and c into B1, in their places."""
    maps[_C] = table.b1_of(maps[_C])
    maps[_M0] /= table.excited(maps[_C])


def _result(maps: np.ndarray, status: np.ndarray, freedom: float) -> EpgFit:
    t2, m0, sd, rmse, b1 = maps
    return EpgFit(t2, m0, sd, rmse, b1, status, freedom)


def _spread(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Values of the chosen voxels in their volume, NaN elsewhere."""
    volume = np.full(chosen.shape, np.nan, np.float32)
    volume[chosen] = values
    return volume
