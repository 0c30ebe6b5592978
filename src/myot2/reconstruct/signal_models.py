"""The signal of an echo for M0 = 1 and its derivatives, for whole images at once.

The phase graph of `myot2.fit.epg` gives echo n as a polynomial in e2 = exp(-dTE R2),

    s_n = sum_k c_nk(B1) e2^k,   k = 1 ... n.

Its coefficients are tabulated over B1 and interpolated linearly; in R2 the value and the derivative are exact. They are
divided by c_11 at B1 = 1, what an ideal spin echo of the slice would give, so that M0 is that of exp(-TE R2) and
M0 exp(-TE / T2) is the image that a train of perfect pulses would have given at TE.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numba import njit

from myot2.fit.dixon_weight import DixonWeight
from myot2.fit.epg import Train, coefficients

B1_RANGE = (0.3, 1.6)
"""Where the table of the phase graph has nodes; a B1 beyond is taken as the nearest."""

MOST_FAT = 0.9
"""Fat fraction above which `FatModel` assumes this one; R2 of water is not known there anyway."""

_B1_STEP = 0.005
_NODES_AT_ONCE = 16
_compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@dataclass(frozen=True)
class Signal:
    """Echoes for M0 = 1 and their derivatives; 32-bit floats of shape (echoes, rows, columns).

    Attributes
    ----------
    value : np.ndarray
    by_log_r2 : np.ndarray
        Derivative by the natural logarithm of R2.
    by_b1 : np.ndarray
        Derivative by relative B1; 0 for a model without B1, and outside `B1_RANGE`.
    """

    value: np.ndarray
    by_log_r2: np.ndarray
    by_b1: np.ndarray


class SignalModel(Protocol):
    """What the inversion asks of a model."""

    name: str
    times_ms: np.ndarray
    uses_b1: bool

    def at(self, log_r2: np.ndarray, b1: np.ndarray) -> Signal:
        """The signal for images of ln R2 (R2 in 1/ms) and relative B1, both of shape (rows, columns)."""


@dataclass(frozen=True)
class MonoModel:
    """exp(-TE R2), what vendors' maps are made with; blind to B1."""

    times_ms: np.ndarray
    name: str = "mono"
    uses_b1: bool = False

    def at(self, log_r2: np.ndarray, b1: np.ndarray) -> Signal:
        """See `SignalModel.at`; B1 changes nothing."""
        exponent = -np.asarray(self.times_ms, np.float32)[:, None, None] * np.exp(log_r2.astype(np.float32))
        value = np.exp(exponent)
        return Signal(value, value * exponent, np.zeros_like(value))


@dataclass(frozen=True)
class EpgModel:
    """The extended phase graph with slice profile and B1.

    Attributes
    ----------
    train : Train
        Pulses, spacing, T1.
    table : np.ndarray
        Coefficients c_nk, 32-bit floats, shape (B1 nodes, powers, echoes).
    """

    train: Train
    table: np.ndarray
    name: str = "epg"
    uses_b1: bool = True

    @property
    def times_ms(self) -> np.ndarray:
        """Echo times, all multiples of the spacing."""
        return self.train.spacing_ms * np.arange(1, self.train.echoes + 1)

    def at(self, log_r2: np.ndarray, b1: np.ndarray) -> Signal:
        """See `SignalModel.at`."""
        parts = np.empty((3, self.train.echoes, *log_r2.shape), np.float32)
        place = (np.asarray(b1, np.float32) - np.float32(B1_RANGE[0])) / np.float32(_B1_STEP)
        rate = np.float32(self.train.spacing_ms) * np.exp(log_r2.astype(np.float32))
        flat = parts.reshape(3, self.train.echoes, -1)
        _evaluate(self.table, rate.ravel(), np.broadcast_to(place, log_r2.shape).ravel(), np.float32(_B1_STEP), flat)
        return Signal(*parts)


@dataclass(frozen=True)
class FatModel:
    """Water and a known share of fat; R2 is that of the water.

    A muscle with 2 % fat has 4 % fat signal at a TE of 50 ms and 16 % at 100 ms. A model without fat then finds another
    T2 where the middle of k-space comes from late echoes than where it comes from early ones; this one does not.

    Attributes
    ----------
    water, fat : SignalModel
        Of the same echoes.
    fraction : np.ndarray
        Signal fat fraction of a Dixon scan, 0 to 1 and by noise a little beyond, shape (rows, columns).
    fat_t2_ms : float
    kept : float
        The signal of fat over what as many protons of water give without relaxation: what a suppression leaves of it.
    dixon : DixonWeight
        How T2 and T1 weight `fraction`; the share of fat of the protons then hangs on the T2 of the water, and is taken
        at that of the voxel.
    """

    water: SignalModel
    fat: SignalModel
    fraction: np.ndarray
    fat_t2_ms: float
    kept: float = 1.0
    dixon: DixonWeight = field(default_factory=DixonWeight)

    @property
    def name(self) -> str:
        """That of the model of water, and fat."""
        return f"{self.water.name}+fat"

    @property
    def times_ms(self) -> np.ndarray:
        """Echo times."""
        return self.water.times_ms

    @property
    def uses_b1(self) -> bool:
        """As the model of water."""
        return self.water.uses_b1

    def at(self, log_r2: np.ndarray, b1: np.ndarray) -> Signal:
        """See `SignalModel.at`."""
        protons, by_log_r2 = self._protons(log_r2)
        fat_share, water_share = np.float32(self.kept) * protons, 1 - protons
        of_water = self.water.at(log_r2, b1)
        of_fat = self.fat.at(np.full(log_r2.shape, -np.log(self.fat_t2_ms), np.float32), b1)
        return Signal(
            water_share * of_water.value + fat_share * of_fat.value,
            water_share * of_water.by_log_r2 + by_log_r2 * (np.float32(self.kept) * of_fat.value - of_water.value),
            water_share * of_water.by_b1 + fat_share * of_fat.by_b1,
        )

    def _protons(self, log_r2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The share of fat f = d r / (1 - d + d r) of the protons, and its derivative by ln R2 (`DixonWeight`)."""
        d = np.minimum(self.fraction, 1.0)
        protons = self.dixon.proton_fraction(d, np.exp(-log_r2))
        # without any water nothing would depend on its R2
        f = np.minimum(protons, MOST_FAT).astype(np.float32)
        if self.dixon.echo_ms == 0:
            return f, np.zeros_like(f)
        # r falls as exp(-TE R2), so that df/d ln R2 = -TE R2 f (1 - f), and where noise has d below 0 -TE R2 f
        slope = -self.dixon.echo_ms * np.exp(log_r2) * protons * np.where(d < 0, 1, 1 - protons)
        return f, np.where(protons < MOST_FAT, slope, 0).astype(np.float32)


def epg_model(train: Train) -> EpgModel:
    """The model of a train; takes about a second for ten echoes with slice profiles."""
    nodes = B1_RANGE[0] + _B1_STEP * np.arange(round((B1_RANGE[1] - B1_RANGE[0]) / _B1_STEP) + 1)
    # a few nodes at a time: the phase graph of all with their slice profiles would take 130 MB
    parts = np.array_split(nodes, -(-len(nodes) // _NODES_AT_ONCE))
    table = np.concatenate([coefficients(train, part) for part in parts]).transpose(0, 2, 1)
    ideal = coefficients(train, np.ones(1))[0, 0, 0]
    return EpgModel(train, np.ascontiguousarray(table / ideal, np.float32))


@_compiled
def _evaluate(table, rate, place, step, parts):
    """Fill in value and derivatives; `rate` is the spacing times R2, `place` B1 in nodes."""
    nodes, powers, echoes = table.shape
    value, slope, change = np.empty(echoes, np.float32), np.empty(echoes, np.float32), np.empty(echoes, np.float32)
    for voxel in range(rate.size):
        at = min(max(place[voxel], np.float32(0)), np.float32(nodes - 1))
        node = min(int(at), nodes - 2)
        part = at - np.float32(node)
        inside = np.float32(1) / step if at == place[voxel] else np.float32(0)
        e2 = np.exp(-rate[voxel])
        value[:], slope[:], change[:] = 0, 0, 0
        power = np.float32(1)
        for k in range(powers):
            power *= e2
            weight = power * np.float32(k + 1)
            for n in range(echoes):
                difference = table[node + 1, k, n] - table[node, k, n]
                c = table[node, k, n] + part * difference
                value[n] += c * power
                slope[n] += c * weight
                change[n] += difference * power
        for n in range(echoes):
            parts[0, n, voxel] = value[n]
            parts[1, n, voxel] = -rate[voxel] * slope[n]
            parts[2, n, voxel] = inside * change[n]
