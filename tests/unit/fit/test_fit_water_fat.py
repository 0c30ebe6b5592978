"""Water and fat against isochromats and against a plain optimiser, and what a voxel's fit may not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from fit_reference_water_fat import Posterior
from fit_truth_bloch import echo_amplitudes, hard_train, sinc_train

from myot2.fit.dixon_weight import DixonWeight
from myot2.fit.epg import Train
from myot2.fit.pulses import hann_sinc, hard
from myot2.fit.status import Status
from myot2.fit.water_fat_fit import estimate_sigma, fit_free, fit_held, fit_sides, fit_smoothed
from myot2.fit.water_fat_table import build

HARD = Train(10, 10.0)
SINC = Train(10, 10.0, hann_sinc(90.0), hann_sinc(180.0, width=1.2))
TRAINS = {"hard": (hard_train(180.0), HARD), "sinc": (sinc_train(), SINC)}
FAT_T2, FAT_T1 = 150.0, 365.0
DIXON = (51.0, 2500.0)
T2, FRACTION = (
    grid.ravel() for grid in np.meshgrid([20.0, 30.0, 42.0, 80.0], [0.0, 0.05, 0.2, 0.4, 0.6], indexing="ij")
)
MAPS = ("t2_ms", "m0", "sd_ms", "rmse", "b1", "fat_fraction", "status")


@pytest.fixture(scope="module")
def tables():
    return {name: build(train, FAT_T2) for name, (_, train) in TRAINS.items()}


def mixed(pulses, t2, fraction, b1, m0=1000.0):
    """Echoes of water and fat by summing isochromats, shape (echoes, voxels)."""
    water = echo_amplitudes(pulses, t2, b1=b1)
    return m0 * ((1 - fraction) * water + fraction * echo_amplitudes(pulses, FAT_T2, t1_ms=FAT_T1, b1=b1)[:, None])


def noisy(clean, sigma, seed=0):
    return (clean + np.random.default_rng(seed).normal(0, sigma, clean.shape)).astype(np.float32)


def weighted(t2, fraction):
    """The fraction that a spin-echo Dixon sees, in its closed form."""
    te, tr = DIXON
    water = (1 - fraction) * np.exp(-te / t2) * (1 - np.exp(-tr / 1400.0))
    fat = fraction * np.exp(-te / FAT_T2) * (1 - np.exp(-tr / FAT_T1))
    return fat / (water + fat)


@pytest.mark.parametrize("name", TRAINS)
@pytest.mark.parametrize("b1", [0.6, 0.8, 0.95, 1.05, 1.2])
@pytest.mark.parametrize("sigma", [15.0, 1.5])
def test_t2_fraction_and_b1_are_recovered_from_isochromats(tables, name, b1, sigma):
    signal = mixed(TRAINS[name][0], T2, FRACTION, b1)
    held = fit_held(signal, tables[name], FRACTION, b1, sigma=sigma)
    free = fit_free(signal, tables[name], FRACTION, sigma=sigma)
    for fit in (held, free):
        np.testing.assert_allclose(fit.t2_ms, T2, atol=0.03)
        np.testing.assert_allclose(fit.fat_fraction, FRACTION, atol=0.001)
        np.testing.assert_allclose(fit.m0, 1000, rtol=0.01)
    # pulses without a slice do the same on both sides of 180 degrees
    np.testing.assert_allclose(free.b1, b1 if name == "sinc" else 1 - abs(1 - b1), atol=0.01)


@pytest.mark.parametrize("name", TRAINS)
@pytest.mark.parametrize("b1", [0.7, 0.9, 1.1])
def test_a_t2_weighted_dixon_fraction_is_no_proton_fraction_and_is_taken_as_such(tables, name, b1):
    signal, seen = mixed(TRAINS[name][0], T2, FRACTION, b1), weighted(T2, FRACTION)
    fit = fit_held(signal, build(TRAINS[name][1], FAT_T2, dixon=DixonWeight(*DIXON)), seen, b1, sigma=10.0)
    np.testing.assert_allclose(fit.t2_ms, T2, atol=0.05)
    np.testing.assert_allclose(fit.fat_fraction, FRACTION, atol=0.001)
    taken_as_protons = fit_held(signal, tables[name], seen, b1, sigma=10.0)
    assert taken_as_protons.t2_ms[(T2 == 42) & (FRACTION == 0.2)] < 42 - 5


@pytest.mark.parametrize("dixon", [None, DIXON])
@pytest.mark.parametrize("b1", [0.75, 0.9])
def test_noisy_voxels_agree_with_a_plain_optimiser(dixon, b1):
    posterior = Posterior(HARD, sigma=15.0, fraction_sd=0.04, scale=1000.0, dixon=dixon)
    table = build(HARD, FAT_T2, dixon=DixonWeight(*(dixon or ())))
    t2, fraction = np.tile([30.0, 45.0], 6), np.repeat([0.02, 0.2, 0.45], 4)
    signal = noisy(mixed(TRAINS["hard"][0], t2, fraction, b1), 15.0, seed=1)
    prior = (fraction if dixon is None else weighted(t2, fraction)) + np.random.default_rng(2).normal(0, 0.04, 12)
    held = fit_held(signal, table, prior, b1, sigma=15.0)
    free = fit_free(signal, table, prior, sigma=15.0)
    for voxel in range(12):
        start = 1000.0, t2[voxel], fraction[voxel], b1
        for fit, known in ((held, b1), (free, None)):
            m0, best, share, _, sd = posterior.fit(signal[:, voxel], prior[voxel], start, known)
            assert fit.t2_ms[voxel] == pytest.approx(best, abs=0.06 * sd)
            assert fit.fat_fraction[voxel] == pytest.approx(share, abs=0.004)
            assert fit.m0[voxel] == pytest.approx(m0, rel=0.01)
            assert fit.sd_ms[voxel] == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_scale_changes_m0_and_residual_only(tables, scale):
    signal = noisy(mixed(TRAINS["sinc"][0], T2, FRACTION, 0.85), 15.0)
    one = fit_held(signal, tables["sinc"], FRACTION, 0.85, sigma=15.0)
    other = fit_held(signal * np.float32(scale), tables["sinc"], FRACTION, 0.85, sigma=15.0 * scale)
    for name in ("t2_ms", "sd_ms", "fat_fraction", "b1"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=2e-4, atol=1e-6)
    np.testing.assert_allclose(other.m0, one.m0 * scale, rtol=1e-5)
    np.testing.assert_allclose(other.rmse, one.rmse * scale, rtol=1e-3)
    np.testing.assert_array_equal(other.status, one.status)


def test_order_other_voxels_threads_and_blocks_change_no_byte(tables):
    t2, fraction = np.linspace(20, 80, 1500), np.tile(np.linspace(0, 0.6, 50), 30)
    signal = noisy(mixed(TRAINS["hard"][0], t2, fraction, 0.85), 15.0)
    order = np.random.default_rng(0).permutation(1500)
    table = tables["hard"]
    for fit in (
        lambda signal, fraction, **more: fit_held(signal, table, fraction, 0.85, sigma=15.0, **more),
        lambda signal, fraction, **more: fit_free(signal, table, fraction, sigma=15.0, **more),
    ):
        whole = fit(signal, fraction)
        for other, where in (
            (fit(signal[:, order], fraction[order], threads=3), order),
            (fit(signal[:, 700:701], fraction[700:701]), slice(700, 701)),
            (fit(signal[:, 77:], fraction[77:]), slice(77, None)),
        ):
            for name in MAPS:
                np.testing.assert_array_equal(getattr(other, name), getattr(whole, name)[where])


def test_a_prior_that_is_off_by_two_per_cent_moves_t2_by_a_millisecond(tables):
    """What the echoes cannot correct: the prior is sharper than their own information on the fraction."""
    b1 = 0.85
    signal = mixed(TRAINS["sinc"][0], np.full(3, 40.0), np.array([0.02, 0.15, 0.3]), b1)
    exact, more = (
        fit_held(signal, tables["sinc"], np.array([0.02, 0.15, 0.3]) + off, b1, sigma=8.0, fraction_sd=0.005)
        for off in (0.0, 0.02)
    )
    np.testing.assert_allclose(more.t2_ms - exact.t2_ms, [-1.1, -1.3, -1.7], atol=0.25)


def test_a_wide_prior_leaves_the_fraction_to_the_echoes(tables):
    signal = mixed(TRAINS["sinc"][0], np.array([35.0]), np.array([0.2]), 0.85)
    narrow, wide = (
        fit_held(signal, tables["sinc"], 0.3, 0.85, sigma=1.0, fraction_sd=sd).fat_fraction[0] for sd in (0.002, 0.5)
    )
    assert narrow == pytest.approx(0.3, abs=0.01)
    assert wide == pytest.approx(0.2, abs=0.005)


@pytest.mark.parametrize("sd", [1e-6, 1e-3, 0.1])
def test_a_prior_may_be_of_any_sharpness(tables, sd):
    signal = mixed(TRAINS["hard"][0], T2, FRACTION, 0.85)
    fit = fit_held(signal, tables["hard"], FRACTION, 0.85, sigma=15.0, fraction_sd=sd)
    np.testing.assert_allclose(fit.t2_ms, T2, atol=0.03)


def test_a_water_t2_equal_to_that_of_fat_is_no_singularity(tables):
    t2 = np.array([100.0, 140.0, FAT_T2, 160.0, 250.0])
    signal = mixed(TRAINS["hard"][0], t2, np.full(5, 0.15), 0.85)
    for fit in (
        fit_held(signal, tables["hard"], 0.15, 0.85, sigma=15.0),
        fit_free(signal, tables["hard"], 0.15, sigma=15.0),
    ):
        np.testing.assert_allclose(fit.t2_ms, t2, atol=0.05)
        assert np.all(fit.status == Status.OK)


def test_a_fraction_below_zero_is_not_clipped(tables):
    signal = noisy(mixed(TRAINS["hard"][0], np.full(4000, 35.0), np.zeros(4000), 0.8), 15.0)
    prior = np.random.default_rng(1).normal(0, 0.04, 4000)
    fit = fit_held(signal, tables["hard"], prior, 0.8, sigma=15.0)
    assert fit.fat_fraction.min() < -0.05
    assert abs(fit.fat_fraction.mean()) < 0.003


@pytest.mark.parametrize(
    ("voxel", "prior", "status"),
    [
        (np.zeros(10), 0.1, Status.NOT_FITTED),
        (np.full(10, np.nan), 0.1, Status.NOT_FITTED),
        (np.exp(-np.arange(1, 11) / 4.0), np.nan, Status.NOT_FITTED),
        (np.exp(-np.arange(1, 11) / 0.7), 0.0, Status.AT_BOUND),
        (np.exp(-np.arange(1, 11) / 45.0), 0.0, Status.AT_BOUND),
        (0.3 * np.exp(-np.arange(1, 11) / 4.0) + 0.7 * np.exp(-np.arange(1, 11) / 15.0), 0.7, Status.FAT_ABOVE_LIMIT),
        (0.005 * np.exp(-np.arange(1, 11) / 4.0), 0.0, Status.LOW_SIGNAL),
        (np.exp(-np.arange(1, 11) / 4.0), 0.0, Status.OK),
    ],
    ids=["zero", "nan", "no prior", "7 ms", "450 ms", "fat", "dark", "40 ms"],
)
def test_the_status_says_what_became_of_a_voxel(tables, voxel, prior, status):
    held = fit_held(voxel.reshape(-1, 1), tables["hard"], prior, 1.0, sigma=0.01, fat_limit=0.6)
    free = fit_free(voxel.reshape(-1, 1), tables["hard"], prior, sigma=0.01, fat_limit=0.6)
    assert held.status.tolist() == free.status.tolist() == [status]
    nothing = status == Status.NOT_FITTED
    for name in MAPS[:-1]:
        assert np.isnan(getattr(held, name)[0]) or not nothing


def test_pure_fat_is_never_ok(tables):
    signal = noisy(mixed(TRAINS["hard"][0], np.full(2000, 40.0), np.ones(2000), 0.9), 15.0)
    prior = np.random.default_rng(1).normal(1, 0.04, 2000)
    fit = fit_held(signal, tables["hard"], prior, 0.9, sigma=15.0, fat_limit=0.6)
    assert not np.any(fit.status == Status.OK)


def test_a_given_b1_is_used_and_a_missing_one_leaves_the_voxel_out(tables):
    signal = np.repeat(mixed(TRAINS["sinc"][0], np.array([35.0]), np.array([0.1]), 0.8), 3, axis=1)
    fit = fit_held(signal, tables["sinc"], 0.1, np.array([0.8, np.nan, 0.9]), sigma=10.0)
    assert fit.t2_ms[0] == pytest.approx(35, abs=0.03)
    assert abs(fit.t2_ms[2] - 35) > 1
    assert fit.status.tolist() == [Status.OK, Status.NOT_FITTED, Status.OK]


@pytest.mark.parametrize(("angle", "b1"), [(180.0, 0.9), (180.0, 1.1), (180.0, 1.45), (120.0, 1.3), (120.0, 1.6)])
def test_a_given_b1_is_given_back_and_scales_m0_on_either_side_of_180_degrees(angle, b1):
    """Pulses without a slice cannot tell the two sides, but what was given can."""
    table = build(Train(10, 10.0, refocusing=hard(angle)), FAT_T2)
    signal = mixed(hard_train(angle), np.array([30.0, 42.0, 42.0]), np.array([0.05, 0.2, 0.2]), b1)
    fit = fit_held(signal, table, np.array([0.05, 0.2, np.nan]), b1, sigma=10.0)
    np.testing.assert_allclose(fit.b1, [b1, b1, np.nan], rtol=1e-6)
    np.testing.assert_allclose(fit.m0[:2], 1000, rtol=0.003)
    np.testing.assert_allclose(fit.t2_ms[:2], [30, 42], atol=0.05)


def test_a_limit_of_the_fat_fraction_is_only_where_one_is_given(tables):
    signal = mixed(TRAINS["hard"][0], np.array([40.0]), np.array([0.8]), 0.9)
    none, some = (fit_held(signal, tables["hard"], 0.8, 0.9, sigma=1.0, **more) for more in ({}, {"fat_limit": 0.7}))
    assert (none.status[0], some.status[0]) == (Status.OK, Status.FAT_ABOVE_LIMIT)


def test_where_one_side_of_the_turning_b1_has_no_fit_the_other_is_taken(tables):
    noise = np.abs(np.random.default_rng(0).normal(size=(10, 4000)))
    below, above = (np.isnan(side.t2_ms) for side in fit_sides(noise, tables["sinc"], 0.1, sigma=1.0))
    assert np.any(below & ~above) and np.any(above & ~below)
    fit = fit_free(noise, tables["sinc"], 0.1, sigma=1.0)
    np.testing.assert_array_equal(np.isnan(fit.t2_ms), below & above)
    np.testing.assert_array_equal(fit.b1[below & ~above] >= tables["sinc"].water.turn_b1 - 0.02, True)


@pytest.mark.parametrize("side", [0, 1])
def test_a_voxel_without_a_fit_on_the_side_of_its_neighbours_gets_the_b1_of_these(tables, side):
    """Its own B1, of the other side, is one of many in their median."""
    b1 = (0.8, 1.15)[side]
    tissue = mixed(TRAINS["sinc"][0], np.array([35.0]), np.array([0.1]), b1)[:, 0]
    noise = 1000 * np.abs(np.random.default_rng(0).normal(size=(10, 4000)))
    no_fit = [np.isnan(one.t2_ms) for one in fit_sides(noise, tables["sinc"], 0.1, sigma=10.0)]
    signal = np.broadcast_to(tissue.reshape(-1, 1, 1, 1), (10, 3, 15, 15)).copy()
    signal[:, 1, 7, 7] = noise[:, np.flatnonzero(no_fit[side] & ~no_fit[1 - side])[0]]
    fit = fit_smoothed(signal, tables["sinc"], np.full((3, 15, 15), 0.1), sigma=10.0)
    assert fit.status[1, 7, 7] != Status.NOT_FITTED
    np.testing.assert_allclose(fit.b1[fit.status == Status.OK], b1, atol=0.01)


def test_without_voxels_there_are_empty_maps(tables):
    nothing = np.ones((10, 0), np.float32)
    for table in tables.values():
        for fit in (
            fit_held(nothing, table, np.ones(0), 0.9, sigma=1.0),
            fit_free(nothing, table, np.ones(0), sigma=1.0),
        ):
            for name in MAPS:
                assert getattr(fit, name).shape == (0,)


def test_an_empty_mask_gives_maps_without_numbers(tables):
    signal, fraction, mask = np.ones((10, 2, 5, 6)), np.full((2, 5, 6), 0.1), np.zeros((2, 5, 6), bool)
    for table in tables.values():
        fit = fit_smoothed(signal, table, fraction, mask, sigma=1.0)
        assert np.all(fit.status == Status.NOT_FITTED)
        for name in MAPS[:-1]:
            assert getattr(fit, name).shape == mask.shape and np.all(np.isnan(getattr(fit, name)))


def test_the_noise_of_no_voxel_is_not_estimated(tables):
    nothing, table = np.ones((10, 0)), tables["sinc"]
    for estimate in (
        lambda: estimate_sigma(nothing, table, np.ones(0)),
        lambda: estimate_sigma(np.ones((10, 3)), table, np.nan),
        lambda: fit_held(nothing, table, np.ones(0), 0.9),
        lambda: fit_free(nothing, table, np.ones(0)),
        lambda: fit_smoothed(np.ones((10, 1, 2, 2)), table, np.ones((1, 2, 2)), np.zeros((1, 2, 2), bool)),
    ):
        with pytest.raises(ValueError, match="no voxel has signal and a fat fraction"):
            estimate()


@pytest.mark.parametrize("sigma", [4.0, 15.0, 40.0])
def test_the_noise_is_found_from_the_residuals(tables, sigma):
    rng = np.random.default_rng(3)
    t2, fraction = rng.uniform(25, 60, 4000), rng.uniform(0, 0.6, 4000)
    signal = noisy(mixed(TRAINS["hard"][0], t2, fraction, 0.8), sigma)
    found = estimate_sigma(signal, tables["hard"], fraction + rng.normal(0, 0.04, 4000))
    assert found == pytest.approx(sigma, rel=0.04)


def test_outside_the_mask_there_is_nothing_and_it_gives_no_b1(tables):
    inside = mixed(TRAINS["sinc"][0], np.array([35.0]), np.array([0.1]), 0.8)[:, 0]
    outside = mixed(TRAINS["sinc"][0], np.array([120.0]), np.array([0.5]), 1.2)[:, 0]
    mask = np.zeros((3, 12, 12), bool)
    mask[:, 3:9, 3:9] = True
    signal = np.where(mask, inside.reshape(-1, 1, 1, 1), outside.reshape(-1, 1, 1, 1))
    fit = fit_smoothed(signal, tables["sinc"], np.full(mask.shape, 0.1), mask, sigma=10.0)
    np.testing.assert_array_equal(fit.status != Status.NOT_FITTED, mask)
    np.testing.assert_array_equal(np.isfinite(fit.t2_ms), mask)
    np.testing.assert_allclose(fit.t2_ms[mask], 35, atol=0.05)
    np.testing.assert_allclose(fit.b1[mask], 0.8, atol=0.01)


def test_other_trains_are_fitted_too():
    pulses = hard_train(160.0, echoes=17, spacing_ms=7.6)
    table = build(Train(17, 7.6, refocusing=hard(160.0)), FAT_T2)
    # the last echoes of a shorter T2 are negative, and only their magnitudes are measured
    longer = T2 > 25
    signal = mixed(pulses, T2, FRACTION, 0.9)[:, longer]
    fit = fit_held(signal, table, FRACTION[longer], 0.9, sigma=10.0)
    np.testing.assert_allclose(fit.t2_ms, T2[longer], atol=0.03)


def test_what_cannot_be_fitted_is_refused(tables):
    signal = np.ones((10, 3))
    with pytest.raises(ValueError, match="8 echoes"):
        fit_held(signal[:8], tables["hard"], 0.1, 1.0, sigma=1.0)
    with pytest.raises(ValueError, match="positive"):
        fit_held(signal, tables["hard"], 0.1, 1.0, sigma=0.0)
    with pytest.raises(ValueError, match="positive"):
        fit_held(signal, tables["hard"], 0.1, 1.0, sigma=1.0, fraction_sd=0.0)
    with pytest.raises(ValueError, match="five echoes|5 echoes"):
        build(Train(4, 10.0), FAT_T2)
    with pytest.raises(ValueError, match="nothing to estimate"):
        estimate_sigma(signal, tables["hard"], np.full(3, np.nan))
