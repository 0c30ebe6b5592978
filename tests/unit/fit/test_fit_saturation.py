"""Clipped samples are found, left out, and refused where they are many; what only looks like them is not."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes, read_echoes
from myot2.fit.saturation import leave_out_clipped

TIMES = np.arange(1, 6) * 10.0


def series(signal: np.ndarray) -> Echoes:
    return Echoes(signal, TIMES, sitk.Image(80, 60, 4, sitk.sitkFloat32), "echoes.nii.gz")


@pytest.fixture
def signal() -> np.ndarray:
    """Whole numbers, brightness spread by a third around 1000, as a 12-bit receiver has them."""
    rng = np.random.default_rng(3)
    m0 = 1000 * np.exp(0.33 * rng.normal(size=(1, 4, 60, 80)))
    return np.rint(m0 * np.exp(-TIMES[:, None, None, None] / 40) + rng.normal(0, 5, (5, 4, 60, 80))).astype(np.uint16)


@pytest.mark.parametrize("ceiling", [1700, 1900])
def test_the_voxels_at_a_ceiling_are_left_out_and_counted(signal, ceiling):
    clipped = (signal >= ceiling).any(axis=0)
    kept, count = leave_out_clipped(series(np.minimum(signal, ceiling)))
    assert count == clipped.sum() > 10
    assert np.isnan(kept.signal[:, clipped]).all()
    np.testing.assert_array_equal(kept.signal[:, ~clipped], signal[:, ~clipped])


def test_many_clipped_voxels_are_refused(signal):
    with pytest.raises(MyoT2Error, match="clipped the signal") as error:
        leave_out_clipped(series(np.minimum(signal, 900)))
    assert error.value.found.endswith("at 900")


def test_an_unclipped_series_is_returned_as_it_is(signal):
    echoes = series(signal)
    assert leave_out_clipped(echoes) == (echoes, 0)


def test_a_phantom_without_noise_is_not_clipped():
    echoes = series(np.exp(-TIMES / 40)[:, None, None, None] * np.ones((1, 4, 60, 80)))
    assert leave_out_clipped(echoes)[1] == 0


def test_the_real_calves_are_not_clipped(shared_data):
    echoes = read_echoes([shared_data / "calf-mese/echoes_17x7.6ms.nii.gz"], 7.6 * np.arange(1, 18))
    assert leave_out_clipped(echoes)[1] == 0
