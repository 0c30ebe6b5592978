"""Water and fat in the mean of a region without a prior, and the calibration of fat on a person's own."""

from __future__ import annotations

import numpy as np
import pytest
from fit_truth_bloch import echo_amplitudes, hard_train, sinc_train

from myot2.core.errors import MyoT2Error
from myot2.fit.epg import Train
from myot2.fit.fat_t2 import calibrate
from myot2.fit.pulses import hann_sinc, hard
from myot2.fit.status import Status
from myot2.fit.water_fat_region import fit_region_means
from myot2.fit.water_fat_table import build

FAT_T1 = 365.0
TRAINS = {
    "hard": (hard_train(180.0, echoes=12), Train(12, 10.0)),
    "sinc": (sinc_train(echoes=12), Train(12, 10.0, hann_sinc(90.0), hann_sinc(180.0, width=1.2))),
}


def mixed(pulses, t2, fraction, b1, fat_t2=150.0):
    water = echo_amplitudes(pulses, t2, b1=b1)
    return (1 - fraction) * water + fraction * echo_amplitudes(pulses, fat_t2, t1_ms=FAT_T1, b1=b1)


@pytest.fixture(scope="module")
def tables():
    return {name: build(train, 150.0) for name, (_, train) in TRAINS.items()}


@pytest.mark.parametrize("name", TRAINS)
@pytest.mark.parametrize("b1", [0.7, 0.85, 1.15])
def test_four_unknowns_are_recovered_from_means(tables, name, b1):
    truth = [(30.0, 0.0), (30.0, 0.1), (38.0, 0.3), (50.0, 0.6)]
    means = 700 * np.stack([mixed(TRAINS[name][0], t2, f, b1) for t2, f in truth], axis=1)
    fit = fit_region_means(means, tables[name])
    np.testing.assert_allclose(fit.t2_ms, [t2 for t2, _ in truth], atol=0.3)
    np.testing.assert_allclose(fit.fat_fraction, [f for _, f in truth], atol=0.01)
    np.testing.assert_allclose(fit.b1, b1 if name == "sinc" else 1 - abs(1 - b1), atol=0.01)
    np.testing.assert_allclose(fit.m0, 700, rtol=0.02)


def test_the_standard_deviations_of_means_are_honest(tables):
    clean = 1000 * mixed(TRAINS["hard"][0], 35.0, 0.15, 0.8)
    signal = clean[:, None] + np.random.default_rng(0).normal(0, 1.0, (12, 60))
    fit = fit_region_means(signal, tables["hard"])
    assert np.std(fit.t2_ms) == pytest.approx(np.sqrt(np.mean(fit.t2_sd_ms**2)), rel=0.25)
    assert np.std(fit.fat_fraction) == pytest.approx(np.sqrt(np.mean(fit.fat_fraction_sd**2)), rel=0.25)
    assert abs(np.mean(fit.t2_ms) - 35) < 0.2


def test_amplitudes_are_not_negative(tables):
    fit = fit_region_means(1000 * mixed(TRAINS["hard"][0], 40.0, -0.05, 0.8)[:, None], tables["hard"])
    assert fit.fat_fraction[0] == 0
    assert np.isnan(fit.fat_fraction_sd[0]) and fit.t2_sd_ms[0] > 0
    assert fit.status.tolist() == [Status.OK]


@pytest.mark.parametrize("name", TRAINS)
@pytest.mark.parametrize(
    ("t2", "b1", "bound"),
    [(8.0, 0.8, {"t2_ms": 10.0}), (120.0, 0.8, {"t2_ms": 120.0}), (35.0, 0.3, {"b1": 0.4})],
)
def test_what_ends_on_a_bound_is_marked_and_has_no_standard_deviation(tables, name, t2, b1, bound):
    fit = fit_region_means(1000 * mixed(TRAINS[name][0], t2, 0.0, b1)[:, None], tables[name])
    for value, expected in bound.items():
        assert getattr(fit, value)[0] == pytest.approx(expected, rel=1e-3)
    assert np.isnan([fit.t2_sd_ms[0], fit.fat_fraction_sd[0]]).all()
    assert fit.status.dtype == np.uint8 and fit.status.tolist() == [Status.AT_BOUND]


def test_the_largest_b1_is_a_bound_too(tables):
    fit = fit_region_means(1000 * mixed(TRAINS["sinc"][0], 35.0, 0.1, 1.4)[:, None], tables["sinc"])
    assert fit.b1[0] == pytest.approx(1.4, abs=1e-3)
    assert fit.status.tolist() == [Status.AT_BOUND]


def test_refocusing_by_180_degrees_is_no_bound_and_b1_ends_at_its_largest_before_a_smaller_angle_gets_there(tables):
    signal = 1000 * mixed(TRAINS["hard"][0], 35.0, 0.1, 1.0)[:, None]
    at_180 = fit_region_means(signal, tables["hard"])
    assert at_180.status.tolist() == [Status.OK]
    beyond = 1000 * mixed(hard_train(120.0, echoes=12), 35.0, 0.1, 1.45)[:, None]
    of_120 = fit_region_means(beyond, build(Train(12, 10.0, refocusing=hard(120.0)), 150.0))
    assert of_120.b1[0] == pytest.approx(1.4, abs=1e-3)
    assert of_120.status.tolist() == [Status.AT_BOUND]


@pytest.mark.parametrize("name", TRAINS)
def test_without_water_there_is_no_t2_of_it(tables, name):
    """Water of a T2 above the range is best described as fat alone."""
    fit = fit_region_means(1000 * mixed(TRAINS[name][0], 200.0, 0.0, 0.8)[:, None], tables[name])
    assert fit.fat_fraction[0] == 1
    assert np.isnan([fit.t2_ms[0], fit.t2_sd_ms[0], fit.fat_fraction_sd[0]]).all()
    assert fit.status.tolist() == [Status.AT_BOUND]


def test_no_region_is_no_row(tables):
    assert fit_region_means(np.ones((12, 0)), tables["hard"]).status.shape == (0,)


def test_means_that_are_none_are_refused(tables):
    with pytest.raises(ValueError, match="7 echoes"):
        fit_region_means(np.ones((7, 2)), tables["hard"])
    with pytest.raises(ValueError, match="finite and positive"):
        fit_region_means(np.zeros((12, 2)), tables["hard"])


def rim(fat_t2, b1=0.9, sigma=10.0, depth=5):
    """Echoes and fraction of a leg: fat `depth` voxels deep around muscle, shape (echoes, 3, 40, 40)."""
    pulses = TRAINS["sinc"][0]
    fraction = np.full((3, 40, 40), 0.05)
    fraction[:, :depth], fraction[:, -depth:] = 0.97, 0.97
    fraction[:, :, :depth], fraction[:, :, -depth:] = 0.97, 0.97
    of_fat, of_muscle = (mixed(pulses, 35.0, share, b1, fat_t2)[:, None, None, None] for share in (0.97, 0.05))
    clean = 1000 * np.where(fraction > 0.5, of_fat, of_muscle)
    rng = np.random.default_rng(0)
    return clean + rng.normal(0, sigma, clean.shape), fraction + rng.normal(0, 0.02, fraction.shape)


@pytest.mark.parametrize("fat_t2", [120.0, 150.0, 190.0])
@pytest.mark.parametrize("b1", [0.75, 1.1])
def test_the_t2_of_fat_is_found_under_the_skin(fat_t2, b1):
    """The 3 % of water in it are read as fat, and shorten it by 2 %."""
    signal, fraction = rim(fat_t2, b1)
    assert calibrate(signal, fraction, TRAINS["sinc"][1]) == pytest.approx(fat_t2, rel=0.06)


def test_too_little_fat_is_refused_with_what_to_do():
    signal, fraction = rim(150.0, depth=2)
    with pytest.raises(MyoT2Error, match=r"200 voxels of fat.*set the T2 of fat as a number"):
        calibrate(signal, fraction, TRAINS["sinc"][1])


def test_a_median_that_is_not_one_of_fat_is_refused():
    signal, fraction = rim(40.0)
    with pytest.raises(MyoT2Error, match=r"T2 of fat of 80 to 250 ms.*found a median of \d\d ms"):
        calibrate(signal, fraction, TRAINS["sinc"][1], where="sub-01")
