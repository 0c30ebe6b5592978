"""The tabulated signal models against sums of isochromats, and their derivatives against differences."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fit"))

from fit_truth_bloch import echo_signals, sinc_train  # noqa: E402

from myot2.fit.dixon_weight import DixonWeight  # noqa: E402
from myot2.fit.epg import Train  # noqa: E402
from myot2.fit.pulses import hann_sinc  # noqa: E402
from myot2.reconstruct.signal_models import B1_RANGE, MOST_FAT, FatModel, MonoModel, epg_model  # noqa: E402

TRAIN = Train(10, 10.0, hann_sinc(90.0), hann_sinc(180.0, width=1.2))
LOG_R2 = -np.log(np.array([[20.0, 35.0, 60.0], [35.0, 110.0, 200.0]]))
B1 = np.array([[0.6, 0.713, 0.85], [0.99, 1.048, 1.2]])


@pytest.fixture(scope="module")
def epg():
    return epg_model(TRAIN)


def image(value):
    return np.full((1, 1), value)


@pytest.mark.parametrize(("t2", "b1"), [(35.0, 0.8), (50.0, 0.613), (110.0, 1.0), (20.0, 1.13)])
def test_echoes_are_those_of_isochromats_and_m0_that_of_a_nominal_spin_echo(epg, t2, b1):
    value = epg.at(image(-np.log(t2)), image(b1)).value[:, 0, 0]
    truth = echo_signals(sinc_train(), t2, b1=b1).real
    # a spin echo of nominal pulses, by the same isochromats, without relaxation
    ideal = echo_signals(sinc_train(echoes=1), 1e9, t1_ms=np.inf, b1=1.0).real[0]
    np.testing.assert_allclose(value, truth / ideal, atol=2e-4)


def test_one_ideal_train_decays_exponentially_from_one():
    value = epg_model(Train(8, 12.0)).at(image(-np.log(40.0)), image(1.0)).value[:, 0, 0]
    np.testing.assert_allclose(value, np.exp(-12.0 * np.arange(1, 9) / 40), rtol=1e-5)


def models(epg):
    fat = epg_model(replace(TRAIN, t1_ms=370.0))
    fraction = np.array([[0.0, 0.02, 0.1], [0.3, 0.7, 1.0]])
    spin_echo = DixonWeight(51.0, 3000.0, fat_t2_ms=110.0)
    beyond = np.array([[-0.03, 0.02, 0.1], [0.3, 0.6, 1.04]])
    return {
        "epg": epg,
        "mono": MonoModel(10.0 * np.arange(1, 11)),
        "fat": FatModel(epg, fat, fraction, 110.0, 0.5),
        "fat by a spin echo": FatModel(epg, fat, beyond, 110.0, 0.9, spin_echo),
    }


@pytest.mark.parametrize("name", ["epg", "mono", "fat", "fat by a spin echo"])
def test_derivatives_are_those_of_differences(epg, name):
    model, step = models(epg)[name], 2e-3
    at = model.at(LOG_R2, B1)
    by_r2 = (model.at(LOG_R2 + step, B1).value - model.at(LOG_R2 - step, B1).value) / (2 * step)
    np.testing.assert_allclose(at.by_log_r2, by_r2, atol=2e-4)
    # the table is linear between nodes of B1, so that a difference over several of them is its mean
    by_b1 = (model.at(LOG_R2, B1 + step).value - model.at(LOG_R2, B1 - step).value) / (2 * step)
    np.testing.assert_allclose(at.by_b1, by_b1, atol=0.02)


def test_b1_beyond_the_table_is_taken_as_its_end_and_changes_nothing(epg):
    beyond = epg.at(LOG_R2, np.full(LOG_R2.shape, B1_RANGE[1] + 0.1))
    end = epg.at(LOG_R2, np.full(LOG_R2.shape, B1_RANGE[1]))
    np.testing.assert_array_equal(beyond.value, end.value)
    assert not beyond.by_b1.any()


def test_water_and_fat_add_by_their_shares_and_a_voxel_of_fat_keeps_some_water(epg):
    model = models(epg)["fat"]
    mixed = model.at(LOG_R2, B1).value
    water = epg.at(LOG_R2, B1).value
    fat = model.fat.at(np.full(LOG_R2.shape, -np.log(110.0)), B1).value
    share = np.minimum(model.fraction, MOST_FAT)
    np.testing.assert_allclose(mixed, (1 - share) * water + 0.5 * share * fat, atol=1e-6)
    assert np.all(model.at(LOG_R2, B1).by_log_r2[0] < 0)


def test_the_weight_of_a_spin_echo_is_undone_at_the_t2_of_each_voxel(epg):
    protons = np.array([[0.0, 0.02, 0.1], [0.3, 0.5, 0.85]])
    t2, fat_t2, te = np.exp(-LOG_R2), 110.0, 51.0
    water = (1 - protons) * np.exp(-te / t2)
    fat = protons * np.exp(-te / fat_t2)
    seen = FatModel(epg, epg, fat / (fat + water), fat_t2, 1.0, DixonWeight(te, fat_t2_ms=fat_t2))
    straight = FatModel(epg, epg, protons, fat_t2)
    np.testing.assert_allclose(seen.at(LOG_R2, B1).value, straight.at(LOG_R2, B1).value, atol=1e-5)
