"""Simulated volumes of known T2 for `fit_peers.py`: sums of isochromats (`tests/unit/fit`), no code of the fits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "unit" / "fit"))

from fit_truth_bloch import hard_train, sinc_train  # noqa: E402
from fit_truth_voxels import Table, Voxels, fat_table, make_voxels  # noqa: E402

SHAPE = (8, 128, 128)
VOXELS = 128 * 128 * 8
TIMES_MS = 10.0 * np.arange(1, 11)
M0, SNR = 4000.0, 50.0
DIXON_SD = 0.03
"""Of the fat fraction that the fits are given."""


@dataclass(frozen=True)
class Volume:
    """Voxels, the noise of one channel, and a random order in which some of them stand for all."""

    voxels: Voxels
    sigma: float
    order: np.ndarray

    @property
    def t2_ms(self) -> np.ndarray:
        """The truth, shape (voxels,)."""
        return self.voxels.truth["t2_ms"]


def simulate(kind: Callable[[np.random.Generator], Voxels], path: Path, seed: int = 0) -> Volume:
    """Make a volume and write what a program is given of it."""
    rng = np.random.default_rng(seed)
    voxels = kind(rng)
    volume = Volume(voxels, float(voxels.clean[0].mean() / SNR), rng.permutation(VOXELS))
    fraction = np.clip(voxels.truth["fat_fraction"] + rng.normal(0, DIXON_SD, VOXELS), 0, 1)
    np.savez(
        path,
        signal=voxels.noisy(volume.sigma, seed + 1).astype(np.float32),
        shape=SHAPE,
        times_ms=TIMES_MS,
        sigma=volume.sigma,
        fat_fraction=fraction,
        b1=voxels.truth["b1"],
        order=volume.order,
    )
    return volume


def smooth_b1(low: float, high: float) -> np.ndarray:
    """A field that varies over centimetres, evenly between two values on the whole; shape (voxels,)."""
    z, y, x = (np.linspace(0, 1, count) for count in SHAPE)
    wave = np.sin(4 * x + 1) + np.cos(5 * y)[:, None] + 0.3 * z[:, None, None]
    rank = np.argsort(np.argsort(wave, axis=None)) / (VOXELS - 1)
    return low + (high - low) * rank


def exponentials(rng: np.random.Generator) -> Voxels:
    """T2 20-120 ms under perfect pulses."""
    t2 = rng.uniform(20, 120, VOXELS)
    unit = np.exp(-TIMES_MS[:, None] / t2)
    nothing = np.zeros_like(unit)
    by_t2 = M0 * unit * TIMES_MS[:, None] / t2**2
    truth = {"m0": np.full(VOXELS, M0), "t2_ms": t2, "fat_fraction": np.zeros(VOXELS), "b1": np.ones(VOXELS)}
    return Voxels(truth, M0 * unit, np.stack([unit, by_t2, nothing, nothing]))


def phase_graphs(rng: np.random.Generator) -> Voxels:
    """T2 20-120 ms, refocusing 120-180 degrees, no slice."""
    truth = {"t2_ms": rng.uniform(20, 120, VOXELS), "b1": smooth_b1(2 / 3, 1)}
    return make_voxels(Table(hard_train()), m0=np.full(VOXELS, M0), **truth)


def slices(rng: np.random.Generator) -> Voxels:
    """T2 20-80 ms, B1 0.6-1.2, Hann-sinc pulses."""
    truth = {"t2_ms": rng.uniform(20, 80, VOXELS), "b1": smooth_b1(0.6, 1.2)}
    return make_voxels(Table(sinc_train()), m0=np.full(VOXELS, M0), **truth)


def water_and_fat(rng: np.random.Generator) -> Voxels:
    """Water of T2 25-60 ms with 0-60 % fat, B1 0.7-1, Hann-sinc pulses."""
    train = sinc_train()
    truth = {"t2_ms": rng.uniform(25, 60, VOXELS), "b1": smooth_b1(0.7, 1), "fat_fraction": rng.uniform(0, 0.6, VOXELS)}
    return make_voxels(Table(train), fat_table(train), m0=np.full(VOXELS, M0), **truth)
