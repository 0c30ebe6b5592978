"""Conditions and measures of the reconstruction benchmarks; the truth is `tests/unit/reconstruct`'s."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "unit" / "reconstruct"))

import reconstruct_truth_thighs as thighs  # noqa: E402

from myot2.fit.epg import Train  # noqa: E402
from myot2.fit.pulses import hann_sinc  # noqa: E402
from myot2.reconstruct.raw import RawSlice  # noqa: E402
from myot2.reconstruct.signal_models import FatModel, MonoModel, SignalModel, epg_model  # noqa: E402
from myot2.reconstruct.voxel_fit import fit_images  # noqa: E402

SHAPE = (130, 256)
TIMES_MS = 10.0 * np.arange(1, 11)
ORDERS = {
    "30/80": (0, 1, 2, 3, 4),
    "20/70": (1, 2, 3, 4, 0),
    "10/60": (2, 3, 4, 0, 1),
    "50/100": (3, 4, 0, 1, 2),
    "40/90": (4, 0, 1, 2, 3),
}
"""Blocks by the echo times that see the middle of k-space."""

SUPPRESSED = 0.1
FRACTION_SD = 0.02
TRAIN = Train(10, 10.0, hann_sinc(90.0), hann_sinc(180.0, width=1.2), thighs.T1_MS)
MONO = MonoModel(TIMES_MS)


@lru_cache(maxsize=1)
def water_model() -> SignalModel:
    """The phase graph of the pulses that the truth is made with."""
    return epg_model(TRAIN)


@lru_cache(maxsize=8)
def with_fat(seed: int = 0, kept: float = 1.0) -> FatModel:
    """The same with the fat fraction that a Dixon scan tells, with noise."""
    fraction = thighs.fat_fraction(thing(seed), sd=FRACTION_SD)
    return FatModel(water_model(), epg_model(replace(TRAIN, t1_ms=thighs.FAT_T1_MS)), fraction, thighs.FAT_T2_MS, kept)


@lru_cache(maxsize=2)
def thing(seed: int = 0) -> thighs.Object:
    """The thighs."""
    return thighs.draw(SHAPE, seed=seed)


@lru_cache(maxsize=4)
def _echoes(seed: int, model: str, fat: float) -> np.ndarray:
    return thighs.echoes_of(thing(seed), model=model, fat=fat)


@lru_cache(maxsize=2)
def _coils(count: int) -> np.ndarray:
    return thighs.loops(SHAPE, coils=count)


def data(
    *,
    seed: int = 0,
    snr: float = 60.0,
    fat: float = 1.0,
    model: str = "isochromats",
    phase_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    coils: int = 8,
    noise_seed: int = 1,
) -> thighs.Data:
    """Noisy k-space of the thighs."""
    images = _echoes(seed, model, fat)
    if any(phase_deg):
        images = images.copy()
        images[1::2] *= thighs.even_echo_phase(*phase_deg, SHAPE).astype(np.complex64)
    return thighs.acquire(thing(seed), images, _coils(coils), snr=snr, seed=noise_seed)


def raw(of: thighs.Data, order: str, **pattern) -> RawSlice:
    """The lines of a block order."""
    lines = tuple(thighs.block_lines(SHAPE[0], ORDERS[order], **pattern))
    return RawSlice(lines, of.sampled(lines), tuple(np.ones(len(rows), int) for rows in lines), of.calibration)


def unit(maps: np.ndarray) -> np.ndarray:
    """Coil maps whose squares sum to 1."""
    return maps / np.maximum(np.sqrt((np.abs(maps) ** 2).sum(axis=0)), 1e-12)


def fully_sampled(kspace: np.ndarray, of: thighs.Data, model: SignalModel) -> np.ndarray:
    """T2 in ms of a fit, voxel by voxel, to all lines and coils, their true maps known."""
    maps = unit(of.maps)
    images = (np.conj(maps) * thighs.centred_fft(kspace, 2, inverse=True)).sum(axis=1)
    return fit_images(images.astype(np.complex64), model, of.b1)[0]


@dataclass(frozen=True)
class Errors:
    """In per cent: mean over muscle voxels, the largest of a muscle's mean in absolute terms, root mean square."""

    bias: float
    worst: float
    rmse: float

    def __str__(self) -> str:
        return f"{self.bias:+.1f} | {self.worst:.1f} | {self.rmse:.1f}"


def errors(t2_ms: np.ndarray, reference: np.ndarray, seed: int = 0, held: np.ndarray | None = None) -> Errors:
    """Against a reference, in muscles without infiltration, a voxel away from their borders, and where `held`."""
    regions = list(thighs.muscle_regions(thing(seed)).values())
    if held is not None:
        regions = [region & held for region in regions]
    everywhere = np.any(regions, axis=0)
    difference, mean = (t2_ms - reference)[everywhere], reference[everywhere].mean()
    of_muscles = [t2_ms[region].mean() / reference[region].mean() - 1 for region in regions]
    return Errors(
        float(100 * difference.mean() / mean),
        float(100 * np.abs(of_muscles).max()),
        float(100 * np.sqrt((difference**2).mean()) / mean),
    )


def lesion(t2_ms: np.ndarray) -> float:
    """Mean T2 of the voxels that lie wholly within the lesion of 10 mm and 50 ms."""
    return float(t2_ms[thighs.regions(thing())[thighs.SMALL_LESION]].mean())


class Clock:
    """CPU seconds of a block."""

    def __enter__(self) -> Clock:
        self._begin, self.seconds = time.process_time(), 0.0
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.process_time() - self._begin
