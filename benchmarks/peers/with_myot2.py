"""MyoT2 itself, as a program of the comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from worker import Echoes, Method, serve

from myot2.fit import water_fat_fit, water_fat_table
from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_free, fit_smoothed
from myot2.fit.epg_table import Table, build
from myot2.fit.mono import fit_mono
from myot2.fit.pulses import hann_sinc, hard

FAT_T2_MS = 150.0


def mono(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Least squares."""
    return lambda: fit_mono(echoes.signal, echoes.times_ms).t2_ms


def on_threads(fit: Callable[..., np.ndarray], threads: int, volumes: int) -> Method:
    """A fit of some volumes in one: eight are about as many voxels as a series of both thighs."""

    def prepare(echoes: Echoes) -> Callable[[], np.ndarray]:
        signal, nodes = np.tile(echoes.signal, volumes), table(echoes, slices=False)
        return lambda: fit(signal, echoes.times_ms, nodes, threads)

    return prepare


def mono_rician(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Maximum likelihood, sigma known."""
    return lambda: fit_mono(echoes.signal, echoes.times_ms, sigma=echoes.sigma).t2_ms


def train(echoes: Echoes, *, slices: bool) -> Train:
    """What was simulated."""
    pulses = (hann_sinc(90.0), hann_sinc(180.0, width=1.2)) if slices else (hard(90.0), hard(180.0))
    return Train(len(echoes.times_ms), echoes.spacing_ms, *pulses)


def table(echoes: Echoes, *, slices: bool) -> Table:
    """The nodes of the simulated train."""
    return build(train(echoes, slices=slices))


def epg(*, slices: bool) -> Method:
    """M0, T2 and B1 of every voxel."""

    def prepare(echoes: Echoes) -> Callable[[], np.ndarray]:
        nodes = table(echoes, slices=slices)
        return lambda: fit_free(echoes.signal, nodes).t2_ms

    return prepare


def epg_smoothed(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0 and T2 of every voxel at the smoothed B1: the default."""
    nodes, volume = table(echoes, slices=True), echoes.signal.reshape(-1, *echoes.shape)
    return lambda: fit_smoothed(volume, nodes).t2_ms.ravel()


def water_fat_given(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0, T2 of water and fat fraction, the Dixon fraction as a prior and B1 given."""
    nodes = water_fat_table.build(train(echoes, slices=True), FAT_T2_MS)
    prior, b1 = echoes.fat_fraction, echoes.b1
    return lambda: water_fat_fit.fit_held(echoes.signal, nodes, prior, b1, sigma=echoes.sigma).t2_ms


def water_fat_smoothed(echoes: Echoes) -> Callable[[], np.ndarray]:
    """The same at the smoothed B1, the noise estimated: the default."""
    nodes = water_fat_table.build(train(echoes, slices=True), FAT_T2_MS)
    volume, prior = echoes.signal.reshape(-1, *echoes.shape), echoes.fat_fraction.reshape(echoes.shape)
    return lambda: water_fat_fit.fit_smoothed(volume, nodes, prior).t2_ms.ravel()


def fit_mono_on(signal: np.ndarray, times_ms: np.ndarray, _nodes: Table, threads: int) -> np.ndarray:
    """As `mono`."""
    return fit_mono(signal, times_ms, threads=threads).t2_ms


def fit_epg_on(signal: np.ndarray, _times_ms: np.ndarray, nodes: Table, threads: int) -> np.ndarray:
    """As `epg`."""
    return fit_free(signal, nodes, threads=threads).t2_ms


serve(
    {
        "mono": mono,
        "mono, Rician": mono_rician,
        "epg, B1 free": epg(slices=False),
        "epg with slices, B1 free": epg(slices=True),
        "epg with slices, B1 smoothed": epg_smoothed,
        "epg-water-fat, fraction and B1 given": water_fat_given,
        "epg-water-fat, B1 smoothed": water_fat_smoothed,
        "mono, one thread": on_threads(fit_mono_on, 1, 8),
        "mono, two threads": on_threads(fit_mono_on, 2, 8),
        "epg, one thread": on_threads(fit_epg_on, 1, 1),
        "epg, two threads": on_threads(fit_epg_on, 2, 1),
    }
)
