"""Images of one slice: what each sequence shows of a slab of tissue, without and with noise.

All functions take a `Slab` (see `myot2.simulate.body`) and give arrays (rows, columns[, echoes]) in units of the
magnetisation of free water at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from myot2.simulate.anatomy import Tissue
from myot2.simulate.body import TISSUES, Slab
from myot2.simulate.grid import VoxelAverage
from myot2.simulate.protocol import DIXON, MULTI_ECHO, PULSE_TIME_BANDWIDTH, REFOCUSING_WIDTH
from myot2.simulate.signal import (
    FAT_T1_MS,
    FAT_T2_MS,
    MUSCLE_T1_MS,
    SignalTable,
    complex_noise,
    multi_echo_table,
    saturation_recovery,
    spin_echo,
)

MUSCLE = TISSUES[Tissue.MUSCLE]
HEALTHY_T2_MS = MUSCLE.t2_ms
COVERAGE = 0.5
"""A voxel belongs to a label that fills at least this share of it."""

VENDOR_LARGEST_MS = 400

WaterSignal = Callable[[np.ndarray | float, np.ndarray | float], np.ndarray]


@dataclass(frozen=True)
class MultiEcho:
    """The multi-echo spin echo: signal of water and of fat for magnetisation 1 at rest, by T2 and B1."""

    water: SignalTable
    fat: SignalTable
    echo_times_ms: tuple[float, ...]
    repetition_time_ms: float

    @classmethod
    def of(cls, refocusing: str) -> MultiEcho:
        """The protocol's sequence with 'ideal' or 'realistic' refocusing."""
        pulses = {"time_bandwidth": PULSE_TIME_BANDWIDTH, "refocusing_width": REFOCUSING_WIDTH}
        times = MULTI_ECHO.echo_times_ms
        return cls(
            water=multi_echo_table(times, t1_ms=MUSCLE_T1_MS, refocusing=refocusing, **pulses),
            fat=multi_echo_table(
                times,
                t1_ms=FAT_T1_MS,
                refocusing=refocusing,
                t2_nodes_ms=FAT_T2_MS * np.array([0.98, 1.0, 1 / 0.98]),
                **pulses,
            ),
            echo_times_ms=times,
            repetition_time_ms=MULTI_ECHO.repetition_time_ms,
        )

    @property
    def muscle_signal(self) -> float:
        """First echo of healthy muscle at nominal B1, the signal that an SNR refers to."""
        first = self.water.at(np.array([HEALTHY_T2_MS]), np.array([1.0]))[0, 0]
        return float(MUSCLE.water * saturation_recovery(MUSCLE.t1_ms, self.repetition_time_ms) * first)


def dixon_muscle_signal() -> float:
    """In-phase signal of healthy muscle in the Dixon series, the signal that an SNR refers to."""
    times = {"repetition_ms": DIXON.repetition_time_ms, "echo_ms": DIXON.echo_times_ms[0]}
    return float(MUSCLE.water * spin_echo(MUSCLE.t1_ms, HEALTHY_T2_MS, **times))


def tissue_fractions(slab: Slab, average: VoxelAverage) -> dict[Tissue, np.ndarray]:
    """Share of each voxel that each tissue fills, for the tissues that occur; air and muscle left out."""
    counts = {
        tissue: (slab.tissue == tissue).mean(axis=0, dtype=np.float32)
        for tissue in TISSUES
        if tissue not in (Tissue.AIR, Tissue.MUSCLE)
    }
    return {tissue: average(count) for tissue, count in counts.items() if count.any()}


def body_fraction(slab: Slab, average: VoxelAverage) -> np.ndarray:
    """Share of each voxel that lies in the body."""
    return average((slab.tissue != Tissue.AIR).mean(axis=0, dtype=np.float32))


def label_map(slab: Slab, average: VoxelAverage) -> np.ndarray:
    """Label numbers (uint8): the label that fills at least `COVERAGE` of the voxel, else 0."""
    result = np.zeros(average.coarse, dtype=np.uint8)
    for label in np.unique(slab.labels):
        if label:
            share = average((slab.labels == label).mean(axis=0, dtype=np.float32))
            result[share >= COVERAGE - 1e-6] = label
    return result


def proton_densities(slab: Slab, average: VoxelAverage) -> tuple[np.ndarray, np.ndarray]:
    """Densities of water and of fat."""
    return water_and_fat(slab, average, lambda t1, t2: np.ones_like(t2), oedema_gain_ms=0.0, fat_signal=1.0)


def water_and_fat(
    slab: Slab, average: VoxelAverage, water_signal: WaterSignal, *, oedema_gain_ms: float, fat_signal: float
) -> tuple[np.ndarray, np.ndarray]:
    """Water and fat images of a sequence.

    Parameters
    ----------
    water_signal : callable
        T1 (scalar, ms) and T2 (array, ms) -> signal for density 1.
    fat_signal : float
        Signal of fat for density 1.
    """
    muscle_water = MUSCLE.water * (1 - slab.fat_fraction) * water_signal(MUSCLE.t1_ms, slab.water_t2(oedema_gain_ms))
    muscle_fat = MUSCLE.fat * fat_signal * slab.fat_fraction
    both = average(slab.through_slice(np.stack([muscle_water, muscle_fat], axis=1)))
    water, fat = both[..., 0], both[..., 1]
    for tissue, share in tissue_fractions(slab, average).items():
        own = TISSUES[tissue]
        water = water + share * own.water * float(water_signal(own.t1_ms, np.array([own.t2_ms]))[0])
        fat = fat + share * own.fat * fat_signal
    return water, fat


def dixon_water_and_fat(slab: Slab, average: VoxelAverage, oedema_gain_ms: float) -> tuple[np.ndarray, np.ndarray]:
    """Water and fat images of the T2-weighted Dixon sequence."""
    times = {"repetition_ms": DIXON.repetition_time_ms, "echo_ms": DIXON.echo_times_ms[0]}
    return water_and_fat(
        slab,
        average,
        lambda t1, t2: spin_echo(t1, t2, **times),
        oedema_gain_ms=oedema_gain_ms,
        fat_signal=float(spin_echo(FAT_T1_MS, FAT_T2_MS, **times)),
    )


def multi_echo(
    slab: Slab,
    average: VoxelAverage,
    sequence: MultiEcho,
    *,
    oedema_gain_ms: float,
    b1: np.ndarray,
    residual_fat: np.ndarray,
) -> np.ndarray:
    """Fat-saturated echoes, shape (rows, columns, echoes), without noise and receive sensitivity.

    Parameters
    ----------
    b1, residual_fat : ndarray, shape (rows, columns)
        Relative B1 and the surviving fraction of fat, in the voxel.
    """
    repetition = sequence.repetition_time_ms
    density = MUSCLE.water * saturation_recovery(MUSCLE.t1_ms, repetition) * (1 - slab.fat_fraction)
    muscle = density[:, None] * sequence.water.at(slab.water_t2(oedema_gain_ms), slab.b1)
    echoes = average(slab.through_slice(muscle))
    fat = average(slab.through_slice(MUSCLE.fat * slab.fat_fraction))
    for tissue, share in tissue_fractions(slab, average).items():
        own = TISSUES[tissue]
        held = share > 0
        train = sequence.water.at(np.full(held.sum(), own.t2_ms), b1[held])
        echoes[held] += (share[held] * own.water * saturation_recovery(own.t1_ms, repetition))[:, None] * train
        fat = fat + share * own.fat
    held = fat > 0
    train = sequence.fat.at(np.full(held.sum(), FAT_T2_MS), b1[held])
    echoes[held] += (fat * residual_fat)[held][:, None] * saturation_recovery(FAT_T1_MS, repetition) * train
    return echoes


def mean_water_t2(slab: Slab, average: VoxelAverage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of muscle in each voxel, and over that muscle the means of healthy T2 (ms) and of relative oedema.

    The voxel's true water T2 is healthy + gain x oedema; both are 0 where there is no muscle.
    """
    ones = np.ones(slab.muscle.size, dtype=np.float32)
    sums = average(slab.through_slice(np.stack([ones, slab.healthy_t2, slab.oedema], axis=1)))
    share = sums[..., 0]
    whole = np.where(share > 1e-6, share, np.inf)
    return share, sums[..., 1] / whole, sums[..., 2] / whole


def dixon_images(
    water: np.ndarray, fat: np.ndarray, sensitivity: np.ndarray, sigma: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """In-phase, opposed-phase, water and fat magnitude images of a two-point Dixon (Dixon, Radiology 1984;153:189)."""
    in_phase = (water + fat) * sensitivity + complex_noise(water.shape, sigma, rng)
    opposed = (water - fat) * sensitivity + complex_noise(water.shape, sigma, rng)
    complex_images = {
        "in": in_phase,
        "opp": opposed,
        "water": (in_phase + opposed) / 2,
        "fat": (in_phase - opposed) / 2,
    }
    return {name: np.abs(image) for name, image in complex_images.items()}


def ghosted(image: np.ndarray, shifts_px: Iterable[float], turbo_factor: int) -> np.ndarray:
    """A magnitude image (rows, columns) of an object that moved along the rows between the shots of a turbo spin echo.

    Shot s takes every line k with k mod (number of shots) = s, of `turbo_factor` lines each at most, and sees the
    object shifted by its own entry of `shifts_px`.
    """
    rows = image.shape[0]
    shots = -(-rows // turbo_factor)
    shifts = np.resize(np.fromiter(shifts_px, dtype=float), shots)[np.arange(rows) % shots]
    lines = np.fft.fft(image, axis=0) * np.exp(-2j * np.pi * np.fft.fftfreq(rows) * shifts)[:, None]
    return np.abs(np.fft.ifft(lines, axis=0))


def apparent_t2(echoes: np.ndarray, echo_times_ms: Iterable[float]) -> np.ndarray:
    """T2 (ms) of noise-free echoes (..., echoes) by a straight line through ln S, weighted by S^2; 0 without signal."""
    times = np.asarray(tuple(echo_times_ms))
    signal = np.maximum(echoes, 1e-12)
    weight = signal.astype(float) ** 2
    log = np.log(signal)
    total = weight.sum(axis=-1)
    mean_time, mean_log = (weight * times).sum(axis=-1) / total, (weight * log).sum(axis=-1) / total
    spread = (weight * (times - mean_time[..., None]) ** 2).sum(axis=-1)
    slope = (weight * (times - mean_time[..., None]) * (log - mean_log[..., None])).sum(axis=-1) / spread
    decays = (echoes[..., 0] > 1e-9) & (slope < 0)
    return np.where(decays, -1 / np.where(decays, slope, -1), 0)


def vendor_map(
    ideal_echoes: np.ndarray,
    sequence: MultiEcho,
    *,
    sensitivity: np.ndarray,
    inside: np.ndarray,
    sd_ms: float,
    snr: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """A scanner's T2 map, whole milliseconds (uint16).

    The apparent T2 of the fat-saturated signal with Gaussian noise: `sd_ms` in healthy muscle, growing with T2 and
    as the signal falls. Where tissue gives no signal (cortical bone) the fit finds any value; outside the body
    (`inside` false) the scanner writes 0.
    """
    strength = ideal_echoes[..., 0] * sensitivity / sequence.muscle_signal
    t2 = apparent_t2(ideal_echoes, sequence.echo_times_ms)
    sd = sd_ms * t2 / HEALTHY_T2_MS / np.maximum(strength, 1e-3)
    noisy = t2 + np.minimum(sd, 60) * rng.standard_normal(t2.shape)
    blind = rng.exponential(60, t2.shape)
    value = np.where(strength * snr < 3, blind, noisy)
    return np.where(inside, np.clip(np.rint(value), 1, VENDOR_LARGEST_MS), 0).astype(np.uint16)
