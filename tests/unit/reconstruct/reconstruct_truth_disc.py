"""A small smooth object on the grid of the image, without partial volumes: what an inversion must return exactly."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "fit"))

from fit_truth_bloch import hard_train  # noqa: E402
from fit_truth_voxels import Table  # noqa: E402
from reconstruct_truth_thighs import centred_fft, noise  # noqa: E402

from myot2.reconstruct.raw import RawSlice  # noqa: E402


@dataclass(frozen=True)
class Disc:
    """Maps of shape (rows, columns) and what coils with maps of shape (coils, rows, columns) receive of ten echoes."""

    t2_ms: np.ndarray
    m0: np.ndarray
    b1: np.ndarray
    maps: np.ndarray
    kspace: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Where there is something."""
        return np.abs(self.m0) > 0


@lru_cache(maxsize=1)
def _table() -> Table:
    return Table(hard_train(), (15.0, 120.0), (0.6, 1.1))


def make_disc(
    shape: tuple[int, int] = (40, 30), *, coils: int = 12, size: float = 100.0, even_phase: np.ndarray | float = 0.0
) -> Disc:
    """T2 of 30 to 50 ms and B1 of 0.7 to 1 under pulses without a slice; noise-free k-space, k in rows."""
    y, x = (2 * (np.arange(count) - count // 2) / count for count in shape)
    y, x = np.broadcast_arrays(y[:, None], x)
    inside = np.hypot(y / 0.85, x / 0.8) < 1
    t2 = 40 + 6 * np.sin(2.5 * x) + 4 * np.cos(3 * y)
    b1 = 0.85 + 0.1 * np.cos(2 * x - 1) * np.cos(y) - 0.04 * y
    m0 = size * inside * (1 + 0.2 * x * y) * np.exp(1j * (0.5 * x - 0.3 * y))
    angles = 2 * np.pi * np.arange(coils) / coils + 0.3
    reach = np.hypot(x - 1.2 * np.cos(angles)[:, None, None], y - 1.2 * np.sin(angles)[:, None, None])
    maps = np.exp(-((reach / 1.1) ** 2)) * np.exp(1j * (angles[:, None, None] + x * np.cos(angles)[:, None, None]))
    maps = maps / np.sqrt((np.abs(maps) ** 2).sum(axis=0))
    echoes = _table()(t2.ravel(), b1.ravel()).reshape(10, *shape) * m0
    echoes[1::2] *= np.exp(1j * np.asarray(even_phase))
    return Disc(t2, m0, b1, maps.astype(np.complex64), centred_fft(echoes[:, None] * maps, 2).astype(np.complex64))


def slice_of(disc: Disc, lines: list[np.ndarray], *, seed: int | None = None, sd: float = 1.0) -> RawSlice:
    """The given lines of each echo, with noise if there is a seed."""
    kspace = disc.kspace
    if seed is not None:
        kspace = kspace + np.float32(sd) * noise(kspace.shape, np.random.default_rng(seed))
    samples = tuple(
        np.ascontiguousarray(echo[:, rows].transpose(1, 0, 2)) for echo, rows in zip(kspace, lines, strict=True)
    )
    middle = centred_fft(kspace[0], 2)[:, 8:32, 3:27]
    return RawSlice(tuple(lines), samples, tuple(np.ones(len(rows), int) for rows in lines), middle)


def all_lines(rows: int = 40) -> list[np.ndarray]:
    """Every line in every echo."""
    return [np.arange(rows)] * 10
