"""Sigma from the air against the one that was drawn, and refusals where air cannot tell it."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes, read_echoes
from myot2.fit.noise import measure_sigma, without_floor

TIMES = np.arange(1, 11) * 10.0


def series(air: float, sigma: float = 7.0, channels: int = 1, scale: float = 1.0, seed: int = 0) -> Echoes:
    """Muscle of 35 ms and varying brightness, and a part of air, in root-sum-of-squares magnitudes of the channels."""
    rng = np.random.default_rng(seed)
    shape = (8, 50, 50)
    m0 = np.where(rng.random(shape) < air, 0.0, 400 * np.exp(0.3 * rng.normal(size=shape)))
    clean = m0 * np.exp(-TIMES[:, None, None, None] / 35)
    parts = [rng.normal(0, sigma, (2, *clean.shape)) for _ in range(channels)]
    power = sum(real**2 + imaginary**2 for real, imaginary in parts[1:])
    magnitude = np.sqrt((clean + parts[0][0]) ** 2 + parts[0][1] ** 2 + power)
    return Echoes(scale * magnitude, TIMES, sitk.Image(50, 50, 8, sitk.sitkFloat32), "echoes.nii.gz")


@pytest.mark.parametrize("air", [0.06, 0.3, 0.8])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e5])
def test_sigma_is_found_whatever_the_scale_and_however_little_air_there_is(air, scale):
    assert measure_sigma(series(air, scale=scale)) == pytest.approx(7 * scale, rel=0.015)


def test_whole_numbers_give_the_same_sigma():
    drawn = series(0.5)
    whole = Echoes(np.rint(drawn.signal).astype(np.int16), drawn.times_ms, drawn.grid, drawn.where)
    assert measure_sigma(whole) == pytest.approx(7, rel=0.02)


@pytest.mark.parametrize(("air", "found"), [(0.0, "voxels of it"), (0.01, "voxels of it")])
def test_a_field_of_view_without_air_is_refused(air, found):
    with pytest.raises(MyoT2Error, match="at least 500 voxels") as error:
        measure_sigma(series(air))
    assert found in error.value.found


def test_air_that_was_set_to_zero_is_refused():
    masked = series(0.5)
    masked.signal[:, masked.signal.mean(axis=0) < 50] = 0
    with pytest.raises(MyoT2Error, match="at least 500 voxels"):
        measure_sigma(masked)


@pytest.mark.parametrize("channels", [2, 8])
def test_the_air_of_several_channels_is_refused(channels):
    with pytest.raises(MyoT2Error, match="magnitudes of one channel"):
        measure_sigma(series(0.5, channels=channels))


def test_the_many_channels_of_the_real_calves_are_noticed(shared_data):
    with pytest.raises(MyoT2Error, match="magnitudes of one channel"):
        measure_sigma(read_echoes([shared_data / "calf-mese/echoes_17x7.6ms.nii.gz"], 7.6 * np.arange(1, 18)))


@pytest.mark.parametrize(("amplitude", "bias"), [(0.0, 0.5), (1.0, 0.1), (2.0, 0.1), (3.0, 0.03), (10.0, 0.01)])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_without_the_floor_the_mean_is_that_of_the_signal(amplitude, bias, scale):
    """In units of sigma; the magnitude itself has a mean of 1.25 without signal, of 1.55 at 1 and of 2.27 at 2."""
    rng = np.random.default_rng(0)
    magnitude = scale * np.hypot(amplitude + rng.normal(size=400_000), rng.normal(size=400_000))
    found = without_floor(magnitude, scale).mean(dtype=float) / scale
    assert found == pytest.approx(amplitude, abs=bias)
    assert abs(found - amplitude) < 0.4 * (magnitude.mean() / scale - amplitude)
