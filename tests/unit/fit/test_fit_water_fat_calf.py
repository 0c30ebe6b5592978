"""Water T2 of real calves without a Dixon scan and without knowledge of the pulses, by what the library offers.

Philips 3 T, 17 echoes from 7.6 to 129.2 ms, no fat suppression. The T2 of fat is calibrated on what is bright and
decays slowly (the rim under the skin, marrow). Muscle's fat fraction is that of the free fit of the mean signals of 26
regions (13 slices, two legs), and their median the prior of every voxel. A voxel's own fraction differs from that of
its muscle: hence a standard deviation of 0.05.

The refocusing pulses are not known, and the answer depends on them. What is asked of all of them is what does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from myot2.fit.echoes import read_echoes
from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_smoothed as fit_one_tissue
from myot2.fit.epg_table import build as build_one_tissue
from myot2.fit.fat_t2 import calibrate
from myot2.fit.mono import fit_mono
from myot2.fit.pulses import hann_sinc, hard
from myot2.fit.status import Status
from myot2.fit.water_fat_fit import WaterFatFit, fit_smoothed
from myot2.fit.water_fat_region import RegionFit, fit_region_means
from myot2.fit.water_fat_table import build

ECHOES, SPACING_MS = 17, 7.6
FRACTION_SD = 0.05
BETWEEN_LEGS = 76


def sincs(time_bandwidth, width):
    """The pulses of the train, the refocusing slice wider than the excited one."""
    angles = (90.0, 1.0), (180.0, width)
    return tuple(hann_sinc(angle, time_bandwidth=time_bandwidth, width=wide) for angle, wide in angles)


PULSES = {
    "none": (hard(90.0), hard(180.0)),
    "soft": sincs(2.0, 1.2),
    "sharp": sincs(4.0, 1.5),
    "sharper": sincs(6.0, 1.2),
    "sharper and wider": sincs(6.0, 1.5),
}


@dataclass(frozen=True)
class Calves:
    """Echoes, shape (echoes, slices, rows, columns), and where there is fat and muscle well inside."""

    signal: np.ndarray
    fat: np.ndarray
    muscle: np.ndarray


@dataclass(frozen=True)
class Reading:
    """What a choice of pulses makes of the calves; `one_tissue_rmse` is that of the fit without fat, in muscle."""

    fat_t2_ms: float
    regions: RegionFit
    voxels: WaterFatFit
    one_tissue_t2_ms: float
    one_tissue_rmse: float

    @property
    def t2_ms(self) -> float:
        """Median over muscle."""
        return float(np.median(self.voxels.t2_ms[self.voxels.status == Status.OK]))

    @property
    def rmse(self) -> float:
        """Median residual in muscle."""
        return float(np.nanmedian(self.voxels.rmse))


@pytest.fixture(scope="module")
def calves(shared_data):
    times = SPACING_MS * np.arange(1, ECHOES + 1)
    signal = read_echoes([shared_data / "calf-mese/echoes_17x7.6ms.nii.gz"], times).signal.astype(np.float32)
    apparent = fit_mono(signal, times).t2_ms
    tissue = signal[0] > 0.2 * np.percentile(signal[0][signal[0] > 0], 99)
    muscle = ndimage.binary_erosion(tissue & (apparent > 25) & (apparent < 55), np.ones((1, 5, 5)))
    return Calves(signal, tissue & (apparent > 90), muscle)


def read(calves: Calves, name: str) -> Reading:
    """The whole way from echoes to water T2."""
    train = Train(ECHOES, SPACING_MS, *PULSES[name])
    fat_t2 = calibrate(calves.signal, calves.fat.astype(float), train)
    table = build(train, fat_t2)
    left = np.arange(calves.muscle.shape[2]) > BETWEEN_LEGS
    means = [
        calves.signal[:, z, part & leg].mean(axis=1) for z, part in enumerate(calves.muscle) for leg in (left, ~left)
    ]
    regions = fit_region_means(np.stack(means, axis=1), table)
    prior = np.full(calves.muscle.shape, np.median(regions.fat_fraction))
    voxels = fit_smoothed(calves.signal, table, prior, calves.muscle, fraction_sd=FRACTION_SD)
    one = fit_one_tissue(calves.signal, build_one_tissue(train), calves.muscle)
    return Reading(fat_t2, regions, voxels, float(np.nanmedian(one.t2_ms)), float(np.nanmedian(one.rmse)))


@pytest.fixture(scope="module")
def readings(calves):
    return {name: read(calves, name) for name in PULSES}


@pytest.mark.parametrize("name", ["none", "sharp", "sharper", "sharper and wider"])
def test_water_t2_of_muscle_is_26_to_33_ms(readings, name):
    assert 26 < readings[name].t2_ms < 33


def test_the_pulses_that_leave_the_smallest_residual_are_sharp_ones_and_soft_ones_read_too_low(readings):
    residuals = {name: reading.rmse for name, reading in readings.items()}
    assert min(residuals, key=residuals.get) == "sharp"
    assert residuals["soft"] > 1.5 * residuals["sharp"]
    assert residuals["none"] > 2 * residuals["sharp"]
    assert 23 < readings["soft"].t2_ms < 26


@pytest.mark.parametrize("name", PULSES)
def test_whatever_the_pulses_fat_of_its_own_t2_describes_muscle_better_than_one_tissue(readings, name):
    reading = readings[name]
    assert 120 < reading.fat_t2_ms < 170
    assert 0.05 < np.median(reading.regions.fat_fraction) < 0.10
    assert reading.rmse < 0.8 * reading.one_tissue_rmse
    # 7 % of fat read as water
    assert 4 < reading.one_tissue_t2_ms - reading.t2_ms < 8


@pytest.mark.parametrize("name", PULSES)
def test_all_of_muscle_is_fitted_and_slices_and_legs_agree(readings, calves, name):
    reading = readings[name]
    assert np.mean(reading.voxels.status[calves.muscle] == Status.OK) > 0.99
    assert np.ptp(reading.regions.t2_ms) < 2.5
    assert abs(np.median(reading.regions.t2_ms) - reading.t2_ms) < 0.5
