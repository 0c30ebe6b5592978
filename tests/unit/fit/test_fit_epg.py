"""The phase graph against isochromats, its fit against the truth, a peer optimiser and the Cramer-Rao bound."""

from __future__ import annotations

import numpy as np
import pytest
from fit_truth_bloch import echo_amplitudes, hard_train, sinc_train
from fit_truth_bounds import bounds
from fit_truth_bounds import epg as epg_model
from scipy.optimize import least_squares

from myot2.fit.epg import Train, coefficients, signals
from myot2.fit.epg_fit import fit_free, fit_held, fit_sides, fit_smoothed
from myot2.fit.epg_table import build
from myot2.fit.noise import without_floor
from myot2.fit.pulses import hann_sinc, hard
from myot2.fit.status import Status

T2S = np.array([20.0, 35.0, 50.0, 80.0])
HARD = Train(10, 10.0)
SINC = Train(10, 10.0, hann_sinc(90.0), hann_sinc(180.0, width=1.2))
MAPS = ("t2_ms", "m0", "sd_ms", "rmse", "b1", "status")


@pytest.fixture(scope="module")
def hard_table():
    return build(HARD)


@pytest.fixture(scope="module")
def sinc_table():
    return build(SINC)


def noisy(clean, sigma, seed=0):
    return (clean + np.random.default_rng(seed).normal(0, sigma, clean.shape)).astype(np.float32)


def mirrored(b1):
    """The B1 up to 1 that 180 degree pulses without a slice cannot tell from this one."""
    return 1 - abs(1 - b1)


@pytest.mark.parametrize("angle", [180.0, 150.0, 120.0, 90.0])
@pytest.mark.parametrize("b1", [0.5, 0.8, 1.0, 1.2])
@pytest.mark.parametrize("t1", [365.0, 1400.0])
def test_the_phase_graph_equals_isochromats(angle, b1, t1):
    own = signals(Train(10, 10.0, refocusing=hard(angle), t1_ms=t1), T2S, np.array([b1]))[0]
    np.testing.assert_allclose(own.T, echo_amplitudes(hard_train(angle), T2S, t1_ms=t1, b1=b1), atol=1e-14)


@pytest.mark.parametrize("b1", [0.6, 0.8, 1.0, 1.2])
def test_slice_profiles_equal_isochromats_under_sampled_pulses(b1):
    truth = echo_amplitudes(sinc_train(), T2S, b1=b1)
    np.testing.assert_allclose(signals(SINC, T2S, np.array([b1]))[0].T, truth, rtol=3e-4)


def test_ideal_refocusing_has_only_the_last_coefficient():
    np.testing.assert_allclose(coefficients(HARD, np.array([1.0]))[0], np.eye(10), atol=1e-15)


@pytest.mark.parametrize("b1", [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2])
def test_t2_and_b1_are_recovered_from_isochromats_of_hard_pulses(hard_table, b1):
    fit = fit_free(1000 * echo_amplitudes(hard_train(180.0), T2S, b1=b1), hard_table)
    np.testing.assert_allclose(fit.t2_ms, T2S, atol=0.03)
    np.testing.assert_allclose(fit.b1, mirrored(b1), atol=0.005)
    np.testing.assert_allclose(fit.m0, 1000, rtol=0.01)
    assert fit.status.tolist() == [Status.OK] * 4


@pytest.mark.parametrize("b1", [0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2])
def test_t2_and_b1_are_recovered_from_isochromats_of_sinc_pulses(sinc_table, b1):
    signal = 1000 * echo_amplitudes(sinc_train(), T2S, b1=b1)
    free, held = fit_free(signal, sinc_table), fit_held(signal, sinc_table, b1)
    np.testing.assert_allclose(free.t2_ms, T2S, atol=0.05)
    np.testing.assert_allclose(free.b1, b1, atol=0.01)
    np.testing.assert_allclose(held.t2_ms, T2S, atol=0.05)
    np.testing.assert_allclose(held.m0, 1000, rtol=0.003)


@pytest.mark.parametrize("echoes", [4, 6, 17])
def test_other_trains_are_fitted_too(echoes):
    table = build(Train(echoes, 7.6, refocusing=hard(160.0)))
    signal = echo_amplitudes(hard_train(160.0, echoes=echoes, spacing_ms=7.6), T2S, b1=0.9)
    np.testing.assert_allclose(fit_free(signal, table).t2_ms, T2S, rtol=2e-3)


@pytest.mark.parametrize("b1", [0.7, 0.85, 0.95])
def test_noisy_voxels_agree_with_scipy(hard_table, b1):
    clean = 1000 * echo_amplitudes(hard_train(180.0), T2S, b1=b1)
    signal = noisy(np.repeat(clean, 8, axis=1), 8.0)
    fit = fit_free(signal, hard_table)
    for voxel in range(signal.shape[1]):

        def residual(p, y=signal[:, voxel]):
            return p[0] * 1000 * signals(HARD, np.array([p[1] * 40]), np.array([1 - p[2] ** 2]))[0, 0] - y

        # 1 - B1 as a square: B1 does not pass 1
        best = least_squares(residual, (1.0, 1.0, np.sqrt(1 - b1)), xtol=1e-12, ftol=1e-12)
        assert fit.t2_ms[voxel] == pytest.approx(best.x[1] * 40, abs=0.05 * float(fit.sd_ms[voxel]) + 0.01)
        assert fit.rmse[voxel] < 1.01 * np.sqrt(np.mean(best.fun**2))


@pytest.mark.parametrize(("b1", "t2"), [(0.7, 35.0), (0.8, 50.0), (0.9, 30.0)])
def test_the_error_reaches_the_cramer_rao_bound_and_the_standard_deviation_tells_it(hard_table, b1, t2):
    clean = 1000 * echo_amplitudes(hard_train(180.0), t2, b1=b1).reshape(-1, 1)
    sigma = clean[0, 0] / 50
    signal = noisy(np.repeat(clean, 40_000, axis=1), sigma)
    bound = bounds(epg_model(hard_train(180.0)), {"m0": 1000.0, "t2_ms": t2, "b1": b1}, sigma=sigma)["t2_ms"]
    fit = fit_free(signal, hard_table)
    assert np.sqrt(np.mean((fit.t2_ms - t2) ** 2)) < 1.03 * bound
    assert abs(np.mean(fit.t2_ms) - t2) < 0.1
    assert np.sqrt(np.mean(fit.sd_ms**2)) == pytest.approx(bound, rel=0.05)


def test_180_degrees_is_regular(hard_table):
    """B1 itself has no derivative there; bias and spread of T2 stay those of a B1 that is known within noise."""
    clean = 1000 * echo_amplitudes(hard_train(180.0), 35.0).reshape(-1, 1)
    fit = fit_free(noisy(np.repeat(clean, 20_000, axis=1), clean[0, 0] / 50), hard_table)
    assert np.all(np.isfinite(fit.t2_ms)) and np.all(fit.b1 <= 1)
    assert abs(np.mean(fit.t2_ms) - 35) < 0.3
    assert np.std(fit.t2_ms) < 1.1


@pytest.mark.parametrize("b1", [0.6, 0.8, 1.2])
@pytest.mark.parametrize("t2", [35.0, 60.0])
def test_a_neighbourhood_tells_b1_where_a_voxel_cannot(sinc_table, b1, t2):
    """A slab of one tissue at SNR 50: the mean T2 is right within 0.3 ms and better known than with B1 free."""
    clean = 1000 * echo_amplitudes(sinc_train(), t2, b1=b1)
    signal = noisy(np.broadcast_to(clean.reshape(-1, 1, 1, 1), (10, 5, 24, 24)), clean[0] / 50)
    smoothed, free = fit_smoothed(signal, sinc_table), fit_free(signal, sinc_table)
    assert abs(smoothed.t2_ms.mean() - t2) < 0.3
    assert abs(np.median(smoothed.b1) - b1) < 0.03
    assert smoothed.t2_ms.std() < 0.8 * free.t2_ms.std()


@pytest.mark.parametrize("b1", [0.9, 1.08])
def test_the_neighbourhood_tells_the_side_close_to_where_b1_turns_too(sinc_table, b1):
    """At 0.99 the effect turns; the sides of 0.9 and 1.08 differ by about a thousandth of the signal."""
    clean = 1000 * echo_amplitudes(sinc_train(), 35.0, b1=b1)
    signal = noisy(np.broadcast_to(clean.reshape(-1, 1, 1, 1), (10, 7, 32, 32)), clean[0] / 50)
    fit = fit_smoothed(signal, sinc_table)
    assert np.mean((fit.b1 > sinc_table.turn_b1) == (b1 > sinc_table.turn_b1)) > 0.9
    assert abs(fit.t2_ms.mean() - 35) < 0.15


def test_outside_the_mask_there_is_nothing_and_it_gives_no_b1(sinc_table):
    inside = 1000 * echo_amplitudes(sinc_train(), 35.0, b1=0.8)
    outside = 1000 * echo_amplitudes(sinc_train(), 120.0, b1=1.2)
    mask = np.zeros((3, 12, 12), bool)
    mask[:, 3:9, 3:9] = True
    signal = np.where(mask, inside.reshape(-1, 1, 1, 1), outside.reshape(-1, 1, 1, 1))
    fit = fit_smoothed(signal, sinc_table, mask)
    np.testing.assert_array_equal(fit.status != Status.NOT_FITTED, mask)
    np.testing.assert_array_equal(np.isfinite(fit.t2_ms), mask)
    np.testing.assert_allclose(fit.t2_ms[mask], 35, atol=0.05)
    np.testing.assert_allclose(fit.b1[mask], 0.8, atol=0.01)


def test_a_given_b1_is_used_and_a_missing_one_leaves_the_voxel_out(sinc_table):
    signal = np.repeat(echo_amplitudes(sinc_train(), 35.0, b1=0.8).reshape(-1, 1), 3, axis=1)
    fit = fit_held(signal, sinc_table, np.array([0.8, np.nan, 0.9]))
    assert fit.t2_ms[0] == pytest.approx(35, abs=0.05)
    assert abs(fit.t2_ms[2] - 35) > 0.5
    assert fit.status.tolist() == [Status.OK, Status.NOT_FITTED, Status.OK]
    assert np.isnan(fit.t2_ms[1]) and np.isnan(fit.b1[1])


@pytest.mark.parametrize(("angle", "b1"), [(180.0, 0.9), (180.0, 1.1), (180.0, 1.45), (120.0, 1.3), (120.0, 1.6)])
def test_a_given_b1_is_given_back_and_scales_m0_on_either_side_of_180_degrees(angle, b1):
    """Pulses without a slice cannot tell the two sides, but what was given can."""
    signal = 1000 * echo_amplitudes(hard_train(angle), T2S, b1=b1)
    signal[:, 3] = 0
    fit = fit_held(signal, build(Train(10, 10.0, refocusing=hard(angle))), b1)
    np.testing.assert_allclose(fit.b1, [b1, b1, b1, np.nan], rtol=1e-6)
    np.testing.assert_allclose(fit.m0[:3], 1000, rtol=0.003)
    np.testing.assert_allclose(fit.t2_ms[:3], T2S[:3], atol=0.05)


def test_without_voxels_there_are_empty_maps(hard_table, sinc_table):
    nothing = np.ones((10, 0), np.float32)
    for fit in (
        fit_held(nothing, sinc_table, 0.9),
        fit_held(nothing, hard_table, np.ones(0)),
        fit_free(nothing, sinc_table),
        fit_free(nothing, hard_table),
    ):
        for name in MAPS:
            assert getattr(fit, name).shape == (0,)


def test_an_empty_mask_gives_maps_without_numbers(hard_table, sinc_table):
    for table in (hard_table, sinc_table):
        fit = fit_smoothed(np.ones((10, 2, 5, 6), np.float32), table, np.zeros((2, 5, 6), bool))
        assert np.all(fit.status == Status.NOT_FITTED)
        for name in MAPS[:-1]:
            assert getattr(fit, name).shape == (2, 5, 6) and np.all(np.isnan(getattr(fit, name)))


@pytest.mark.parametrize(("scale", "seed"), [(1e-3, 1), (1.0, 2), (1e6, 3)])
def test_scale_changes_m0_and_residual_only(sinc_table, scale, seed):
    clean = echo_amplitudes(sinc_train(), np.linspace(20, 80, 200), b1=0.85)
    signal = noisy(clean, clean[0].mean() / 50, seed)
    one, other = fit_free(signal, sinc_table), fit_free(signal * np.float32(scale), sinc_table)
    np.testing.assert_allclose(other.t2_ms, one.t2_ms, rtol=1e-4)
    np.testing.assert_allclose(other.m0, one.m0 * scale, rtol=1e-4)
    power = fit_free(signal * np.float32(2.0**17), sinc_table)
    np.testing.assert_array_equal(power.t2_ms, one.t2_ms)


def test_order_other_voxels_and_threads_change_no_byte(hard_table):
    clean = echo_amplitudes(hard_train(180.0), np.linspace(20, 120, 1500), b1=0.8)
    signal = noisy(clean, 0.03)
    fit = fit_free(signal, hard_table)
    order = np.random.default_rng(0).permutation(1500)
    for other, where in (
        (fit_free(signal[:, order], hard_table, threads=3), order),
        (fit_free(signal[:, 700:701], hard_table), slice(700, 701)),
    ):
        for name in MAPS:
            np.testing.assert_array_equal(getattr(other, name), getattr(fit, name)[where])


@pytest.mark.parametrize("voxels", [1, 255, 256, 257, 700])
def test_a_given_or_a_smoothed_b1_gives_the_same_bytes_in_any_part_and_on_any_threads(sinc_table, voxels):
    clean = echo_amplitudes(sinc_train(), np.linspace(20, 120, 1500), b1=0.8)
    signal, b1 = noisy(clean, 0.03), np.linspace(0.6, 1.2, 1500)
    fit, part = fit_held(signal, sinc_table, b1), fit_held(signal[:, :voxels], sinc_table, b1[:voxels], threads=2)
    volume = signal.reshape(10, 6, 10, 25)
    one, other = (fit_smoothed(volume, sinc_table, threads=threads) for threads in (1, 3))
    for name in MAPS:
        np.testing.assert_array_equal(getattr(part, name), getattr(fit, name)[:voxels])
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


@pytest.mark.parametrize(
    ("voxel", "status"),
    [
        (np.zeros(10), Status.NOT_FITTED),
        (np.full(10, np.nan), Status.NOT_FITTED),
        (np.full(10, 5.0), Status.AT_BOUND),
        (np.exp(-np.arange(1, 11) * 10 / 7.0), Status.AT_BOUND),
        (np.exp(-np.arange(1, 11) * 10 / 450.0), Status.AT_BOUND),
        (np.exp(-np.arange(1, 11) * 10 / 40.0), Status.OK),
    ],
    ids=["zero", "nan", "constant", "7 ms", "450 ms", "40 ms"],
)
def test_the_status_says_what_became_of_a_voxel(hard_table, voxel, status):
    assert fit_free(voxel.reshape(-1, 1), hard_table).status.tolist() == [status]
    assert fit_held(voxel.reshape(-1, 1), hard_table, 1.0).status.tolist() == [status]


def test_noise_is_marked(hard_table):
    rng = np.random.default_rng(0)
    fit = fit_free(np.hypot(*rng.normal(size=(2, 10, 4000))), hard_table)
    assert np.mean(fit.status == Status.OK) < 0.12


def test_both_sides_of_180_degrees_are_fitted_where_they_differ(hard_table, sinc_table):
    signal = echo_amplitudes(sinc_train(), 35.0, b1=0.8).reshape(-1, 1)
    assert len(fit_sides(signal, hard_table)) == 1
    below, above = fit_sides(signal, sinc_table)
    assert below.b1[0] < sinc_table.turn_b1 < above.b1[0]
    assert below.rmse[0] < above.rmse[0]


def test_a_signal_with_other_echoes_than_the_train_is_refused(hard_table):
    with pytest.raises(ValueError, match="8 echoes"):
        fit_free(np.ones((8, 3)), hard_table)


def test_three_echoes_are_too_few():
    with pytest.raises(ValueError, match="four echoes"):
        build(Train(3, 10.0))


@pytest.mark.parametrize("t2", [20.0, 35.0, 80.0])
@pytest.mark.parametrize("b1", [0.6, 0.75, 0.9, 1.05, 1.2])
def test_without_the_noise_floor_the_mean_of_an_even_tissue_is_right(sinc_table, t2, b1):
    """Rician noise at SNR 50; with the floor the last echoes of 20 ms lead to the wrong side of 180 degrees."""
    clean = 1000 * echo_amplitudes(sinc_train(), t2, b1=b1).reshape(-1, 1, 1, 1)
    sigma, rng = float(clean[0, 0, 0, 0]) / 50, np.random.default_rng(3)
    shape = (10, 5, 24, 24)
    signal = np.hypot(clean + rng.normal(0, sigma, shape), rng.normal(0, sigma, shape))
    fit = fit_smoothed(without_floor(signal, sigma), sinc_table)
    assert abs(np.nanmean(fit.t2_ms) - t2) < 0.3


def test_the_noise_floor_is_what_biases_t2_at_low_snr(hard_table):
    clean = 1000 * echo_amplitudes(hard_train(180.0), 35.0, b1=0.8).reshape(-1, 1)
    sigma, rng = float(clean[0, 0]) / 10, np.random.default_rng(3)
    signal = np.hypot(clean + rng.normal(0, sigma, (10, 20_000)), rng.normal(0, sigma, (10, 20_000)))
    with_floor, without = fit_held(signal, hard_table, 0.8), fit_held(without_floor(signal, sigma), hard_table, 0.8)
    assert np.nanmean(with_floor.t2_ms) - 35 > 1.5
    assert abs(np.nanmean(without.t2_ms) - 35) < 0.4
    assert np.nanstd(without.t2_ms) < 1.05 * np.nanstd(with_floor.t2_ms)
