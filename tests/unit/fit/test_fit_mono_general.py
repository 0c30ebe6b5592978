"""The mono-exponential fit against its formula, a peer, a dense search and its symmetries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from myot2.fit.mono_general import T2_RANGE_MS, fit_general

TIMES = np.arange(10.0, 101.0, 10.0)


def decay(t2_ms, m0=1.0, times=TIMES):
    return m0 * np.exp(-np.asarray(times)[:, None] / np.atleast_1d(t2_ms))


def noisy(count, snr=50, seed=0):
    rng = np.random.default_rng(seed)
    clean = decay(rng.uniform(15, 150, count), 1000.0)
    return np.hypot(clean + rng.normal(0, 1000 / snr, clean.shape), rng.normal(0, 1000 / snr, clean.shape))


@settings(max_examples=80, deadline=None)
@given(
    t2=st.floats(5, 1500),
    m0=st.floats(1e-3, 1e6),
    gaps=st.lists(st.floats(2, 40), min_size=3, max_size=20),
)
def test_noise_free_decays_are_recovered_for_any_spacing_of_the_echoes(t2, m0, gaps):
    times = np.cumsum(gaps)
    fit = fit_general(decay(t2, m0, times), times)
    assert fit.t2_ms[0] == pytest.approx(t2, rel=1e-6)
    assert fit.m0[0] == pytest.approx(m0, rel=1e-6)
    assert fit.rmse[0] <= 1e-6 * m0


def test_random_noisy_voxels_agree_with_scipy_to_a_ten_thousandth_of_a_millisecond():
    signal = noisy(150)
    fit = fit_general(signal, TIMES)
    for voxel in range(signal.shape[1]):
        peer, _ = curve_fit(
            lambda te, m0, t2: m0 * np.exp(-te / t2), TIMES, signal[:, voxel], p0=(1000, 50), ftol=1e-14, xtol=1e-14
        )
        assert fit.t2_ms[voxel] == pytest.approx(peer[1], abs=1e-4)
        assert fit.m0[voxel] == pytest.approx(peer[0], rel=1e-6)
        residual = signal[:, voxel] - peer[0] * np.exp(-TIMES / peer[1])
        assert fit.rmse[voxel] == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-9)


def test_no_t2_of_a_dense_search_fits_pure_noise_better():
    signal = np.abs(np.random.default_rng(4).normal(size=(10, 400)))
    fit = fit_general(signal, TIMES)
    e = decay(np.geomspace(*T2_RANGE_MS, 4000))
    best = ((e / np.linalg.norm(e, axis=0)).T @ signal).max(axis=0)
    dense = np.sqrt(np.maximum((signal**2).sum(axis=0) - best**2, 0) / len(TIMES))
    fitted = np.isfinite(fit.t2_ms)
    assert fitted.sum() > 100
    assert np.all(fit.rmse[fitted] <= dense[fitted] * (1 + 1e-9))


@pytest.mark.parametrize("scale", [1e-3, 1e-1, 7.0, 1e6])
def test_the_scale_of_the_signal_changes_m0_and_error_but_not_t2(scale):
    signal = noisy(500, seed=1) / 1000
    one, other = fit_general(signal, TIMES), fit_general(signal * scale, TIMES)
    np.testing.assert_allclose(other.t2_ms, one.t2_ms, rtol=1e-7)
    np.testing.assert_allclose(other.m0, one.m0 * scale, rtol=1e-7)
    np.testing.assert_allclose(other.rmse, one.rmse * scale, rtol=1e-7)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 300))
def test_the_order_of_the_voxels_does_not_matter(seed, count):
    signal = noisy(count, snr=10, seed=seed)
    order = np.random.default_rng(seed).permutation(count)
    straight, shuffled = fit_general(signal, TIMES).t2_ms, fit_general(signal[:, order], TIMES).t2_ms
    np.testing.assert_allclose(shuffled, straight[order], rtol=1e-8)


def test_a_voxel_alone_is_fitted_as_in_a_volume_of_many_chunks():
    signal = np.tile(noisy(7), (1, 10000)).reshape(10, 100, 70, 10)
    fit = fit_general(signal, TIMES)
    assert fit.t2_ms.shape == (100, 70, 10)
    np.testing.assert_allclose(fit.t2_ms[99, 69, 9], fit_general(signal[:, 99, 69, 9], TIMES).t2_ms, rtol=1e-9)
    np.testing.assert_allclose(fit.t2_ms.ravel()[:7], fit.t2_ms.ravel()[-7:], rtol=1e-9)


@pytest.mark.parametrize(
    "voxel",
    [
        np.zeros(10),
        np.full(10, 5.0),
        np.full(10, -1.0),
        np.linspace(1, 2, 10),
        np.eye(10)[0],
        np.where(np.arange(10) == 4, np.nan, decay(40)[:, 0]),
        np.where(np.arange(10) == 4, np.inf, decay(40)[:, 0]),
        decay(0.4)[:, 0] * 1e9,
        decay(9000)[:, 0],
    ],
    ids=["zero", "constant", "negative", "rising", "one echo", "nan", "inf", "too short", "too long"],
)
def test_voxels_without_a_fit_are_nan_and_leave_their_neighbours_alone(voxel):
    fit = fit_general(np.stack([decay(40)[:, 0], voxel, decay(50)[:, 0]], axis=1), TIMES)
    for values in (fit.t2_ms, fit.m0, fit.rmse):
        assert np.isfinite(values).tolist() == [True, False, True]
    assert fit.t2_ms[[0, 2]] == pytest.approx([40, 50])


def test_integers_and_single_precision_are_fitted_as_doubles():
    signal = noisy(200)
    np.testing.assert_allclose(
        fit_general(signal.astype(np.float32), TIMES).t2_ms, fit_general(signal, TIMES).t2_ms, rtol=1e-5
    )
    whole = signal.astype(np.int16)
    np.testing.assert_array_equal(fit_general(whole, TIMES).t2_ms, fit_general(whole.astype(float), TIMES).t2_ms)


@pytest.mark.parametrize("times", [[10, 20], [10, 20, 20], [30, 20, 10], [10, 20, 30, 40]])
def test_echo_times_that_cannot_be_are_refused(times):
    with pytest.raises(ValueError, match="echo times"):
        fit_general(np.ones((min(len(times), 3), 4)), np.array(times))
