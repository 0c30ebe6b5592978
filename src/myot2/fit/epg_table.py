"""Nodes in (ln T2, B1) at which the phase-graph model is linearised, with the solution of each stored.

At a node the model for M0 = a is a (s + s_T dlnT2 + s_c dc): the pseudo-inverse of [s, s_T, s_c] times the samples
gives (a, a dlnT2, a dc), one Gauss-Newton step for three inner products. c stands for B1 in the coordinate in which
the model is regular. For pulses without a slice that is c = cos^2 of half the refocusing angle: angles above and below
180 degrees give the same echoes, so that in B1 itself the derivative vanishes there. With slice profiles it is B1: its
effect turns back near 180 degrees too, but the two sides then differ a little, and so does the T2 that goes with them
(by 1 ms at 35 ms for a Hann-sinc and a B1 of 0.8). Each side is therefore searched on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myot2.fit.epg import Train, coefficients
from myot2.fit.epg_kernel import LANES
from myot2.fit.pulses import hard

T2_RANGE_MS = (4.0, 1000.0)
"""Where there are nodes; beyond there is no fit."""

LEAST_B1 = 0.4
"""The table begins here: a third of the signal is left."""

MOST_B1 = 1.4
"""The table ends here."""

_T2_RATIO = 1.05
_B1_STEP = 0.0125
_COS2_STEP = 0.0125
_DIFFERENCE = 1e-4
_TYPICAL_T2_MS = 40.0
_START_BINS, _THIN, _DECAY_WEIGHT = (64, 32), 3, 4.0
_FINE_B1 = np.arange(0.8, MOST_B1 + 1e-9, 0.01)


@dataclass(frozen=True)
class Table:
    """The nodes of one train.

    Attributes
    ----------
    solution : np.ndarray
        The pseudo-inverse echo by echo: what a sample adds to a, a dlnT2 and a dc, and a zero, so that four numbers
        are read at once; 32-bit floats, shape (T2 nodes, c nodes, echoes, 4).
    model : np.ndarray
        s, s_T and s_c, each filled up with zeros to a multiple of four echoes; shape (T2 nodes, c nodes, 3, echoes).
    spread : np.ndarray
        Variance of ln T2 for a = 1 and a noise of 1 with B1 free and with B1 held; how much of an offset in c that B1
        may not take up goes to a and to a ln T2; shape (T2 nodes, c nodes, 4).
    starts : np.ndarray
        Where to start: the node (T2, c) for the decay of an echo to the next, in even bins from 0 to 1, and the bend
        s1 s3 / s2^2 of the first echoes, in even bins from 0 to 2; integers, shape (decays, bends, 2).
    t2_ms : np.ndarray
        T2 of the nodes, evenly spaced in its logarithm.
    c : np.ndarray
        The nodes of c, evenly spaced.
    turn_b1 : float
        Where the effect of B1 on the echoes turns back: at 180 degrees without a slice.
    train : Train
    """

    solution: np.ndarray
    model: np.ndarray
    spread: np.ndarray
    starts: np.ndarray
    t2_ms: np.ndarray
    c: np.ndarray
    turn_b1: float
    train: Train

    def b1_of(self, c: np.ndarray) -> np.ndarray:
        """Relative B1 of the coordinate c; without a slice the one up to `turn_b1`, which has the same echoes."""
        if self.train.selective:
            return c
        return self.turn_b1 * (1 - 2 / np.pi * np.arcsin(np.sqrt(np.clip(c, 0, 1))))

    def c_of(self, b1: np.ndarray) -> np.ndarray:
        """The coordinate c of a relative B1."""
        return b1 if self.train.selective else np.cos(np.pi / 2 * b1 / self.turn_b1) ** 2

    @property
    def sides(self) -> list[np.ndarray]:
        """First and last node of c below `turn_b1`, and above it where that makes a difference."""
        last = len(self.c) - 1
        if not self.train.selective:
            return [np.array([0, last])]
        turn = int(np.abs(self.c - self.turn_b1).argmin())
        return [np.array([0, turn]), np.array([turn, last])]

    def excited(self, b1: np.ndarray) -> np.ndarray | float:
        """What the excitation leaves of M0 and the table does not hold."""
        return 1.0 if self.train.selective else np.sin(np.deg2rad(self.train.excitation.angle_deg) * b1)


def build(train: Train) -> Table:
    """The table of a train.

    Raises
    ------
    ValueError
        Fewer than four echoes, which leave nothing over for three unknowns.
    """
    if train.echoes < 4:
        raise ValueError(f"at least four echoes are needed for M0, T2 and B1, not {train.echoes}")
    turn = _turning_b1(train)
    table = Table(*(np.zeros(0) for _ in range(6)), turn, train)
    if train.selective:
        before = int(np.floor((turn - LEAST_B1) / _B1_STEP))
        c = turn + _B1_STEP * np.arange(-before, int(np.floor((MOST_B1 - turn) / _B1_STEP)) + 1)
    else:
        c = _COS2_STEP * np.arange(int(np.ceil(table.c_of(np.array(LEAST_B1)) / _COS2_STEP)) + 1)
    count = int(np.ceil(np.log(T2_RANGE_MS[1] / T2_RANGE_MS[0]) / np.log(_T2_RATIO))) + 1
    t2 = T2_RANGE_MS[0] * _T2_RATIO ** np.arange(count)
    jacobian = _jacobian(table, t2, c)
    solution, spread = _solutions(jacobian)
    model = _filled(np.swapaxes(jacobian, -1, -2))
    starts = _first_nodes(jacobian[..., 0])
    return replace(table, solution=solution, model=model, spread=spread, starts=starts, t2_ms=t2, c=c)


def _turning_b1(train: Train) -> float:
    """Where the course of the echoes, apart from size and T2, changes least with B1; there its effect turns back."""
    if not train.selective:
        return 180.0 / train.refocusing.angle_deg
    step = 1e-3
    below, here, above = (_courses(train, np.array([_TYPICAL_T2_MS]), _FINE_B1 + shift) for shift in (-step, 0, step))
    s, s_t = (part[0] for part in here)
    change = (above[0][0] - below[0][0]) / (2 * step)
    basis = np.linalg.qr(np.stack([s, s_t], axis=-1))[0]
    left = change - np.einsum("bne,bme,bm->bn", basis, basis, change)
    size = np.linalg.norm(left, axis=1) / np.linalg.norm(s, axis=1)
    return float(_FINE_B1[size.argmin()])


def _courses(train: Train, t2: np.ndarray, b1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signal and its derivative by ln T2, shape (T2, B1, echoes)."""
    power = np.arange(1, train.echoes + 1)
    rate = train.spacing_ms / t2[:, None]
    powers = np.exp(-rate * power)
    parts = coefficients(train, b1)
    return tuple(np.einsum("bnk,tk->tbn", parts, values) for values in (powers, powers * rate * power))


def _jacobian(table: Table, t2: np.ndarray, c: np.ndarray) -> np.ndarray:
    """[s, s_T, s_c] at the nodes, shape (T2, c, echoes, 3)."""
    train = table.train
    if not train.selective:
        # the excitation only scales the echoes, by a factor that is not regular in c
        train = replace(train, excitation=hard(90.0))
    above, below = c + _DIFFERENCE, np.maximum(c - _DIFFERENCE, 0)

    def courses(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        b1 = table.b1_of(at)
        size = 1.0 if train.selective else np.sin(np.pi / 2 * b1)[:, None]
        return tuple(values / size for values in _courses(train, t2, b1))

    s, s_t = courses(c)
    change = (courses(above)[0] - courses(below)[0]) / (above - below)[:, None]
    return np.stack([s, s_t, change], axis=-1)


def _solutions(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Table.solution` and `Table.spread` from the Jacobians."""
    (free, solution), (held, held_solution) = _solve(jacobian), _solve(jacobian[..., :2])
    follow = np.einsum("tcnp,tcn->tcp", held_solution, jacobian[..., 2])
    spread = np.concatenate([free[..., 1, 1, None], held[..., 1, 1, None], follow], axis=-1)
    return _filled(solution), np.ascontiguousarray(spread, np.float32)


def _filled(values: np.ndarray) -> np.ndarray:
    """As 32-bit floats, the last axis filled up with zeros to a multiple of the kernel's lanes."""
    missing = -values.shape[-1] % LANES
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(padded, np.float32)


def _solve(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of the normal matrix, and the pseudo-inverse with the echoes first, shape (..., echoes, parameters)."""
    inverse = np.linalg.inv(np.swapaxes(jacobian, -1, -2) @ jacobian)
    return inverse, jacobian @ inverse


def _first_nodes(signal: np.ndarray) -> np.ndarray:
    """`Table.starts`: the node, of every third, whose decay and bend are nearest to the middle of a bin."""
    thin = signal[::_THIN, ::_THIN].reshape(-1, signal.shape[-1])
    decay = (thin[:, 1:-1] * thin[:, 2:]).sum(axis=1) / (thin[:, 1:-1] ** 2).sum(axis=1)
    bend = thin[:, 0] * thin[:, 2] / thin[:, 1] ** 2 / 2
    decays, bends = (((np.arange(count) + 0.5) / count) for count in _START_BINS)
    # T2 follows from the decay, so that a bin of bend may be missed by more than one of decay
    distance = (decays[:, None] - decay) ** 2 * _DECAY_WEIGHT
    nearest = np.stack([(distance + (value - bend) ** 2).argmin(axis=1) for value in bends], axis=1)
    rows, columns = np.divmod(nearest, len(range(0, signal.shape[1], _THIN)))
    return np.ascontiguousarray(np.stack([rows, columns], axis=-1) * _THIN, np.int32)
