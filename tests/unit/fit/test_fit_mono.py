"""The compiled mono-exponential fit against the plain one, the noise it was given, and its symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize
from scipy.special import ive

from myot2.fit.mono import fit_mono, fit_mono_offset
from myot2.fit.mono_general import fit_general
from myot2.fit.status import Status

TIMES = np.arange(10.0, 101.0, 10.0)
MAPS = ("t2_ms", "m0", "sd_ms", "rmse", "status")


def decay(t2_ms, m0=1.0, times=TIMES):
    return m0 * np.exp(-np.asarray(times)[:, None] / np.atleast_1d(t2_ms))


def rician(clean, sigma, seed=0):
    rng = np.random.default_rng(seed)
    return np.hypot(clean + rng.normal(0, sigma, clean.shape), rng.normal(0, sigma, clean.shape)).astype(np.float32)


def population(count, snr=50, seed=0, times=TIMES):
    """True T2, noise and magnitudes; the noise is the first echo's mean over the SNR."""
    t2 = np.random.default_rng(seed).uniform(20, 120, count)
    clean = decay(t2, 1000.0, times)
    sigma = clean[0].mean() / snr
    return t2, sigma, rician(clean, sigma, seed + 1)


def assert_same_bytes(one, other):
    for name in MAPS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@settings(max_examples=60, deadline=None)
@given(
    t2=st.floats(5, 1500),
    m0=st.floats(1e-3, 1e6),
    spacing=st.floats(5, 15),
    echoes=st.sampled_from([3, 6, 10, 17]),
    skipped=st.integers(0, 2),
)
def test_noise_free_decays_are_recovered_at_any_scale_spacing_and_number_of_echoes(t2, m0, spacing, echoes, skipped):
    times = spacing * np.arange(1 + skipped, 1 + skipped + echoes)
    fit = fit_mono(decay(t2, m0, times).astype(np.float32), times)
    # 32-bit samples of a long T2 hardly differ: of a change by spacing / T2, 1e-7 to 1e-6 is lost to rounding
    assert fit.t2_ms[0] == pytest.approx(t2, rel=1e-6 * (5 + 2 * t2 / spacing))
    assert fit.m0[0] == pytest.approx(m0, rel=2e-5 * (1 + times[0] / t2))


@pytest.mark.parametrize("skipped", [0, 1])
@pytest.mark.parametrize("snr", [200, 50, 15])
def test_noisy_voxels_agree_with_the_plain_fit_to_a_hundredth_of_their_standard_deviation(snr, skipped):
    _, _, signal = population(3000, snr)
    fit, plain = fit_mono(signal[skipped:], TIMES[skipped:]), fit_general(signal[skipped:], TIMES[skipped:])
    both = np.isfinite(plain.t2_ms)
    assert np.array_equal(np.isfinite(fit.t2_ms), both)
    assert np.max((np.abs(fit.t2_ms - plain.t2_ms) / plain.sd_ms)[both]) < 0.02
    np.testing.assert_allclose(fit.sd_ms[both], plain.sd_ms[both], rtol=0.02)
    np.testing.assert_allclose(fit.rmse[both], plain.rmse[both], rtol=1e-3)


def test_pure_noise_finds_the_best_t2_of_the_plain_fit_and_is_marked():
    signal = rician(np.zeros((10, 4000)), 1.0)
    fit, plain = fit_mono(signal, TIMES), fit_general(signal, TIMES)
    both = np.isfinite(fit.t2_ms) & np.isfinite(plain.t2_ms)
    # one voxel in a thousand may have two optima so much alike that the node grids of the two fits choose differently
    assert np.mean(np.isfinite(fit.t2_ms) != np.isfinite(plain.t2_ms)) < 1e-3
    np.testing.assert_allclose(fit.rmse[both], plain.rmse[both], rtol=1e-4)
    assert np.mean(fit.status == Status.OK) < 0.12
    assert np.mean(fit.status == Status.LOW_SIGNAL) > 0.8


def test_the_error_reaches_the_cramer_rao_bound():
    """The bound of M0 and T2 under Gaussian noise, the Fisher information of the mean being J'J / sigma^2."""
    t2, sigma, signal = population(100_000)
    e = decay(t2, 1000.0)
    change = e * TIMES[:, None] / t2**2
    ones = e / 1000.0
    left = (change**2).sum(axis=0) - (ones * change).sum(axis=0) ** 2 / (ones**2).sum(axis=0)
    bound = np.sqrt(np.mean(sigma**2 / left))
    squares = fit_mono(signal, TIMES)
    likelihood = fit_mono(signal, TIMES, sigma=sigma)
    # least squares on magnitudes has the bias of the noise floor on top
    assert np.sqrt(np.mean((squares.t2_ms - t2) ** 2)) < 1.015 * bound
    assert np.sqrt(np.mean((likelihood.t2_ms - t2) ** 2)) < 1.01 * bound
    assert abs(np.mean(likelihood.t2_ms - t2)) < 0.1 < abs(np.mean(squares.t2_ms - t2))


@pytest.mark.parametrize("with_noise", [False, True], ids=["noise from the residuals", "noise given"])
def test_intervals_of_95_percent_hold_the_truth_in_95_percent(with_noise):
    t2, sigma, signal = population(40_000, snr=60, seed=3)
    fit = fit_mono(signal, TIMES, sigma=sigma if with_noise else None)
    half = stats.t.ppf(0.975, fit.freedom) * fit.sd_ms
    assert 0.94 < np.mean(np.abs(fit.t2_ms - t2) < half) < 0.96


def test_the_likelihood_of_scipy_s_optimum_is_met():
    """Twenty voxels at a low SNR, their Rician log-likelihood maximised by Nelder-Mead."""
    _, sigma, signal = population(20, snr=12, seed=5)
    fit = fit_mono(signal, TIMES, sigma=sigma)

    def loss(parameters, y):
        m = parameters[0] * 1000 * np.exp(-TIMES / (parameters[1] * 50))
        z = y * m / sigma**2
        return np.sum(m**2 / (2 * sigma**2) - z - np.log(ive(0, z)))

    for voxel in range(20):
        y = signal[:, voxel].astype(float)
        best = minimize(loss, (1.0, 1.0), args=(y,), method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
        assert fit.t2_ms[voxel] == pytest.approx(best.x[1] * 50, abs=0.05 * float(fit.sd_ms[voxel]))


def test_the_likelihood_fit_has_no_noise_floor():
    """T2 of 25 ms at a first-echo SNR of 30: the last echoes are noise."""
    clean = np.repeat(decay(25.0, 1000.0), 20_000, axis=1)
    sigma = clean[0, 0] / 30
    signal = rician(clean, sigma)
    assert abs(fit_mono(signal, TIMES, sigma=sigma).t2_ms.mean() - 25) < 0.05
    assert fit_mono(signal, TIMES).t2_ms.mean() - 25 > 0.2


def test_noise_may_differ_from_voxel_to_voxel():
    _, sigma, signal = population(1000)
    noise = np.where(np.arange(1000) % 2, sigma, 3 * sigma)
    fit = fit_mono(signal, TIMES, sigma=noise)
    assert_same_bytes_at(fit, fit_mono(signal, TIMES, sigma=sigma), noise == sigma)


def assert_same_bytes_at(one, other, where):
    for name in MAPS:
        np.testing.assert_array_equal(getattr(one, name)[where], getattr(other, name)[where])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 1500), threads=st.integers(1, 4), noisy=st.booleans())
def test_order_other_voxels_and_threads_change_no_byte(seed, count, threads, noisy):
    _, sigma, signal = population(count, snr=8, seed=seed)
    sigma = sigma if noisy else None
    fit = fit_mono(signal, TIMES, sigma=sigma)
    order = np.random.default_rng(seed).permutation(count)
    shuffled = fit_mono(signal[:, order], TIMES, sigma=sigma, threads=threads)
    for name in MAPS:
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(fit, name)[order])
    assert_same_bytes_at(fit_mono(signal[:, :1], TIMES, sigma=sigma), fit, slice(0, 1))


@settings(max_examples=15, deadline=None)
@given(exponent=st.integers(-30, 30))
def test_a_scale_that_is_a_power_of_two_changes_m0_and_residual_only(exponent):
    _, sigma, signal = population(300, seed=2)
    one, other = fit_mono(signal, TIMES), fit_mono(signal * np.float32(2.0**exponent), TIMES)
    for name in ("t2_ms", "sd_ms", "status"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))
    np.testing.assert_array_equal(other.m0, one.m0 * np.float32(2.0**exponent))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_scale_does_not_matter(scale):
    _, sigma, signal = population(2000, seed=2)
    signal = signal / 1000
    one, other = fit_mono(signal, TIMES), fit_mono(signal * np.float32(scale), TIMES)
    np.testing.assert_allclose(other.t2_ms, one.t2_ms, rtol=3e-5)
    np.testing.assert_allclose(other.m0, one.m0 * scale, rtol=3e-5)


@pytest.mark.parametrize(
    ("voxel", "status", "fitted"),
    [
        (np.zeros(10), Status.NOT_FITTED, False),
        (np.full(10, -1.0), Status.NOT_FITTED, False),
        (np.where(np.arange(10) == 4, np.nan, decay(40)[:, 0]), Status.NOT_FITTED, False),
        (np.where(np.arange(10) == 4, np.inf, decay(40)[:, 0]), Status.NOT_FITTED, False),
        (np.full(10, 5.0), Status.AT_BOUND, False),
        (np.linspace(1, 2, 10), Status.AT_BOUND, False),
        (decay(0.4)[:, 0] * 1e12, Status.AT_BOUND, False),
        (decay(9000)[:, 0], Status.AT_BOUND, False),
        (decay(7)[:, 0], Status.AT_BOUND, True),
        (decay(450)[:, 0], Status.AT_BOUND, True),
        (decay(40)[:, 0], Status.OK, True),
    ],
    ids=["zero", "negative", "nan", "inf", "constant", "rising", "too short", "too long", "7 ms", "450 ms", "40 ms"],
)
def test_the_status_says_what_became_of_a_voxel_and_neighbours_are_left_alone(voxel, status, fitted):
    fit = fit_mono(np.stack([decay(40)[:, 0], voxel, decay(50)[:, 0]], axis=1), TIMES)
    assert fit.status.tolist() == [Status.OK, status, Status.OK]
    for name in MAPS[:4]:
        assert np.isfinite(getattr(fit, name)).tolist() == [True, fitted, True]
    assert fit.t2_ms[[0, 2]] == pytest.approx([40, 50])


def test_t2_beyond_the_limits_is_marked_and_not_clipped():
    fit = fit_mono(decay([7.0, 450.0]), TIMES)
    assert fit.t2_ms == pytest.approx([7, 450], rel=1e-4)


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.float64])
def test_number_types_do_not_matter(kind):
    whole = np.rint(population(600)[2])
    assert_same_bytes(fit_mono(whole.astype(kind), TIMES), fit_mono(whole, TIMES))


def test_shape_and_memory_layout_are_kept_out_of_the_result():
    _, _, signal = population(600)
    volume = signal.reshape(10, 10, 12, 5)
    fit = fit_mono(volume, TIMES)
    assert fit.t2_ms.shape == (10, 12, 5)
    other = fit_mono(np.asfortranarray(volume), TIMES)
    assert_same_bytes(fit, other)


def test_no_voxels_give_empty_maps():
    assert fit_mono(np.ones((10, 0)), TIMES).t2_ms.shape == (0,)


def test_uneven_echo_times_are_fitted_too():
    times = np.array([8.0, 16.0, 30.0, 55.0, 90.0])
    fit = fit_mono(decay([35.0, 80.0], 300.0, times), times)
    assert fit.t2_ms == pytest.approx([35, 80], rel=1e-5)
    assert fit.m0 == pytest.approx([300, 300], rel=1e-5)
    assert fit.status.tolist() == [Status.OK, Status.OK]


def test_a_constant_is_recovered_by_the_offset_model_which_warns():
    times = np.arange(10.0, 330.0, 10.0)
    with pytest.warns(UserWarning, match="mono-offset"):
        fit = fit_mono_offset(decay([35.0, 80.0], 300.0, times) + 12.0, times)
    assert fit.t2_ms == pytest.approx([35, 80], rel=1e-5)
    assert fit.m0 == pytest.approx([300, 300], rel=1e-5)
    assert fit.freedom == 29


def test_the_offset_model_ruins_ten_echoes_as_its_warning_says():
    t2, _, signal = population(4000)
    with pytest.warns(UserWarning, match="mono-offset"):
        offset = fit_mono_offset(signal, TIMES)
    error = np.abs(offset.t2_ms - t2)[np.isfinite(offset.t2_ms)]
    assert np.sqrt(np.mean(np.minimum(error, 100) ** 2)) > 3 * np.std(fit_mono(signal, TIMES).t2_ms - t2)


@pytest.mark.parametrize("times", [[10, 20], [10, 20, 20], [30, 20, 10], [10, 20, 30, 40]])
def test_echo_times_that_cannot_be_are_refused(times):
    with pytest.raises(ValueError, match="echo times"):
        fit_mono(np.ones((min(len(times), 3), 4)), np.array(times))


@pytest.mark.parametrize("sigma", [0.0, -1.0, np.nan])
def test_noise_that_is_not_positive_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma"):
        fit_mono(np.ones((10, 4)), TIMES, sigma=sigma)
