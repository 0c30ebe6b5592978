"""Nodes in (ln T2, B1) at which the model of water and fat is linearised.

The model is y = W w(T2, c) + F v(c): w and v are the phase graphs of water and of fat for an amplitude of 1, c is B1
in the coordinate of `epg_table`. Near a node

    y = W (w + w_T dlnT2 + w_c dc) + F (v + v_c dc),

all of which lies in the space of w, v, w_T, w_c and v_c. A node stores an orthonormal basis of that space and the
triangular factor (QR), not inner products: those would square the condition number, which is large, for water and fat
differ little and are equal where their T2 is. Of a voxel only five inner products with the basis are needed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myot2.fit import epg_table
from myot2.fit.dixon_weight import FAT_T1_MS, DixonWeight
from myot2.fit.epg import Train, coefficients
from myot2.fit.pulses import hard

DIRECTIONS = 5

_T2_RATIO = 1.03
_PROTON_DENSITY = DixonWeight()
_DIFFERENCE = 1e-4
_TYPICAL_T2_MS = 40.0
_BINS = 64


@dataclass(frozen=True)
class WaterFatTable:
    """The nodes of one train and one fat.

    Attributes
    ----------
    basis : np.ndarray
        Orthonormal basis of w, v, w_T, w_c, v_c echo by echo: 32-bit floats, shape (T2 nodes, c nodes, echoes, 5).
    factor : np.ndarray
        Upper triangle of the factor, column by column, shape (T2 nodes, c nodes, 15).
    weight : np.ndarray
        What a Dixon scan sees of water over what it sees of fat, r, and dr / dlnT2; shape (T2 nodes, 2).
    fat : np.ndarray
        v, shape (c nodes, echoes).
    typical : np.ndarray
        First echo and r of water of a T2 of muscle, shape (c nodes, 2).
    starts : np.ndarray
        Node of T2 for the decay of an echo of water to the next, in even bins from 0 to 1; shape (c nodes, decays).
    water : epg_table.Table
        Nodes, coordinate and train of the water.
    fat_t2_ms, fat_t1_ms : float
    """

    basis: np.ndarray
    factor: np.ndarray
    weight: np.ndarray
    fat: np.ndarray
    typical: np.ndarray
    starts: np.ndarray
    water: epg_table.Table
    fat_t2_ms: float
    fat_t1_ms: float


def build(
    train: Train,
    fat_t2_ms: float,
    *,
    fat_t1_ms: float = FAT_T1_MS,
    dixon: DixonWeight = _PROTON_DENSITY,
) -> WaterFatTable:
    """The table of a train.

    Parameters
    ----------
    train : Train
        Of the water: its `t1_ms` is that of muscle.
    fat_t2_ms : float
        T2 of fat in ms, see `fat_t2.calibrate`.
    fat_t1_ms : float
        T1 of fat in ms.
    dixon : DixonWeight
        Echo and repetition time of the scan that measured the fat fraction; its tissue is that of the other parameters.

    Raises
    ------
    ValueError
        Fewer than five echoes.
    """
    if train.echoes < DIRECTIONS:
        raise ValueError(f"at least {DIRECTIONS} echoes are needed for water, fat, T2 and B1, not {train.echoes}")
    water = _finer(epg_table.build(train))
    t2 = water.t2_ms
    w, w_t, w_c = _courses(water, train, t2)
    v, _, v_c = (part[0] for part in _courses(water, replace(train, t1_ms=fat_t1_ms), np.array([fat_t2_ms])))
    columns = [w, np.broadcast_to(v, w.shape), w_t, w_c, np.broadcast_to(v_c, w.shape)]
    basis, factor = np.linalg.qr(np.stack(columns, axis=-1))
    upper = [factor[..., row, column] for column in range(DIRECTIONS) for row in range(column + 1)]
    tissue = {"water_t1_ms": train.t1_ms, "fat_t2_ms": fat_t2_ms, "fat_t1_ms": fat_t1_ms}
    weight = _dixon_weights(t2, replace(dixon, **tissue))
    muscle = int(np.abs(t2 - _TYPICAL_T2_MS).argmin())
    typical = np.stack(np.broadcast_arrays(w[muscle, :, 0], weight[muscle, 0]), axis=-1)
    return WaterFatTable(
        np.ascontiguousarray(basis, np.float32),
        np.ascontiguousarray(np.stack(upper, axis=-1), np.float32),
        weight.astype(np.float32),
        np.ascontiguousarray(v, np.float32),
        np.ascontiguousarray(typical, np.float32),
        _starts(w),
        water,
        float(fat_t2_ms),
        float(fat_t1_ms),
    )


def _finer(water: epg_table.Table) -> epg_table.Table:
    """The same range with more nodes: beside fat a T2 is less sure, and what a node leaves out weighs more."""
    low, high = epg_table.T2_RANGE_MS
    t2 = np.geomspace(low, high, int(np.ceil(np.log(high / low) / np.log(_T2_RATIO))) + 1)
    c = water.c if water.train.selective else np.linspace(water.c[0], water.c[-1], 2 * len(water.c) - 1)
    return replace(water, t2_ms=t2, c=c)


def _dixon_weights(t2: np.ndarray, dixon: DixonWeight) -> np.ndarray:
    """`WaterFatTable.weight`."""
    ratio = dixon.water_over_fat(t2)
    return np.stack([ratio, ratio * dixon.echo_ms / t2], axis=-1)


def _courses(water: epg_table.Table, train: Train, t2: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signal and its derivatives by ln T2 and c, shape (T2, c, echoes)."""
    if not train.selective:
        # the excitation only scales the echoes, by a factor that is not regular in c
        train = replace(train, excitation=hard(90.0))
    power = np.arange(1, train.echoes + 1)
    rate = train.spacing_ms / t2[:, None]
    powers = np.exp(-rate * power)

    def parts(c: np.ndarray) -> np.ndarray:
        b1 = water.b1_of(c)
        size = 1.0 if train.selective else np.sin(np.pi / 2 * b1)[:, None, None]
        return coefficients(train, b1) / size

    here = parts(water.c)
    above, below = water.c + _DIFFERENCE, np.maximum(water.c - _DIFFERENCE, 0)
    change = (parts(above) - parts(below)) / (above - below)[:, None, None]
    pairs = ((here, powers), (here, powers * rate * power), (change, powers))
    return tuple(np.einsum("bnk,tk->tbn", of, values) for of, values in pairs)


def _starts(w: np.ndarray) -> np.ndarray:
    """`WaterFatTable.starts`: the node whose decay, the first echo left out, is nearest to the middle of a bin."""
    decay = (w[..., 1:-1] * w[..., 2:]).sum(axis=-1) / (w[..., 1:-1] ** 2).sum(axis=-1)
    middles = (np.arange(_BINS) + 0.5) / _BINS
    return np.ascontiguousarray(np.abs(decay[..., None] - middles).argmin(axis=0), np.int32)
