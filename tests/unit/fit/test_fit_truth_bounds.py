"""The Cramer-Rao bounds against closed forms, and against estimators that reach them."""

from __future__ import annotations

import numpy as np
import pytest
from fit_truth_bloch import echo_amplitudes, hard_train, sinc_train
from fit_truth_bounds import FAT_T1_MS, FAT_T2_MS, bounds, epg, fisher_information, jacobian, mono, water_fat
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

TIMES = np.arange(10.0, 101.0, 10.0)
MUSCLE = {"m0": 1000.0, "t2_ms": 35.0}


def spread(estimates):
    """Standard deviation, and its own standard error for Gaussian estimates."""
    return np.std(estimates), np.std(estimates) / np.sqrt(2 * len(estimates))


@pytest.mark.parametrize("t2", [20.0, 35.0, 80.0])
@pytest.mark.parametrize("m0", [1.0, 1000.0])
def test_the_mono_exponential_bound_is_its_closed_form(t2, m0):
    sigma = m0 / 50
    e2 = np.exp(-2 * TIMES / t2)
    determinant = e2.sum() * (TIMES**2 * e2).sum() - (TIMES * e2).sum() ** 2
    found = bounds(mono(TIMES), {"m0": m0, "t2_ms": t2}, sigma=sigma)
    assert found["t2_ms"] == pytest.approx(sigma * t2**2 / m0 * np.sqrt(e2.sum() / determinant), rel=1e-8)
    assert found["m0"] == pytest.approx(sigma * np.sqrt((TIMES**2 * e2).sum() / determinant), rel=1e-8)


def test_two_echoes_give_the_error_propagated_through_the_logarithm_of_their_ratio():
    times, sigma = np.array([16.0, 56.0]), 3.0
    s = 1000 * np.exp(-times / 35)
    propagated = 35**2 / 40 * sigma * np.hypot(1 / s[0], 1 / s[1])
    assert bounds(mono(times), MUSCLE, sigma=sigma)["t2_ms"] == pytest.approx(propagated, rel=1e-8)


def test_derivatives_of_the_isochromat_sum_are_those_of_the_first_two_echoes_in_closed_form():
    b1, t2, t1, spacing = 0.8, 40.0, 1400.0, 10.0
    a, excitation = np.pi * b1, np.pi / 2 * b1
    s, ds = np.sin(a / 2) ** 2, np.pi * np.sin(a) / 2
    d_excitation = np.pi / 2 * np.cos(excitation)
    second = s**2 + np.sin(a) ** 2 / 2 * np.exp(spacing / t2 - spacing / t1)
    d_second = 2 * s * ds + np.pi * np.sin(a) * np.cos(a) * np.exp(spacing / t2 - spacing / t1)
    expected = np.array(
        [
            (d_excitation * s + np.sin(excitation) * ds) * np.exp(-spacing / t2),
            (d_excitation * second + np.sin(excitation) * d_second) * np.exp(-2 * spacing / t2),
        ]
    )
    found = jacobian(epg(hard_train(echoes=2), t1), {"m0": 1.0, "t2_ms": t2, "b1": b1}, ("b1",))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_ideal_refocusing_of_known_b1_has_the_mono_exponential_bound():
    found = bounds(epg(hard_train()), {**MUSCLE, "b1": 1.0}, sigma=20.0, known=("b1",))
    plain = bounds(mono(TIMES), MUSCLE, sigma=20.0)
    assert found["t2_ms"] == pytest.approx(plain["t2_ms"], rel=1e-8)


def test_b1_of_hard_pulses_cannot_be_had_at_180_degrees_but_with_a_prior_it_can():
    model, truth = epg(hard_train()), {**MUSCLE, "b1": 1.0}
    with pytest.raises(ValueError, match="singular"):
        bounds(model, truth, sigma=20.0)
    found = bounds(model, truth, sigma=20.0, prior_sd={"b1": 0.05})
    assert found["b1"] == pytest.approx(0.05, rel=1e-3)


def test_every_unknown_more_raises_the_bound_and_every_prior_lowers_it_between_free_and_known():
    model, truth = water_fat(sinc_train(positions=32)), {**MUSCLE, "fat_fraction": 0.1, "b1": 0.85}
    of = {
        name: bounds(model, truth, sigma=15.0, **how)["t2_ms"]
        for name, how in {
            "free": {},
            "b1 known": {"known": ("b1",)},
            "prior": {"known": ("b1",), "prior_sd": {"fat_fraction": 0.03}},
            "known": {"known": ("b1", "fat_fraction")},
            "wide": {"known": ("b1",), "prior_sd": {"fat_fraction": 1e4}},
            "narrow": {"known": ("b1",), "prior_sd": {"fat_fraction": 1e-6}},
        }.items()
    }
    assert of["known"] < of["prior"] < of["b1 known"] < of["free"]
    assert of["prior"] < 0.6 * of["b1 known"]
    assert of["wide"] == pytest.approx(of["b1 known"], rel=1e-6)
    assert of["narrow"] == pytest.approx(of["known"], rel=1e-6)


def test_without_fat_to_find_the_water_bound_is_the_one_of_a_single_tissue():
    train, known = hard_train(150.0), ("b1", "fat_fraction")
    two = bounds(water_fat(train), {**MUSCLE, "fat_fraction": 0.0, "b1": 0.9}, sigma=20.0, known=known)
    one = bounds(epg(train), {**MUSCLE, "b1": 0.9}, sigma=20.0, known=("b1",))
    assert two == pytest.approx(one)


def test_maximum_likelihood_reaches_the_mono_exponential_bound():
    sigma, rng = 5.0, np.random.default_rng(0)
    model = mono(TIMES)
    noisy = model(**MUSCLE) + rng.normal(0, sigma, (1500, len(TIMES)))
    fits = [
        least_squares(lambda p, y=y: p[0] * 1000 * np.exp(-TIMES / p[1]) - y, (1.0, 35.0), x_scale=(1, 35)).x[1]
        for y in noisy
    ]
    sd, error = spread(fits)
    assert sd == pytest.approx(bounds(model, MUSCLE, sigma=sigma)["t2_ms"], abs=3 * error)


def test_least_squares_on_isochromat_signals_reaches_the_bound_with_b1_unknown():
    train, truth, sigma, rng = hard_train(150.0), {**MUSCLE, "b1": 0.9}, 5.0, np.random.default_rng(1)
    b1_nodes = np.linspace(0.8, 1.0, 9)
    t2_nodes = np.linspace(28.0, 43.0, 16)
    signals = np.stack([echo_amplitudes(train, t2_nodes, b1=b1).T for b1 in b1_nodes])
    table = CubicSpline(b1_nodes, CubicSpline(t2_nodes, signals, axis=1)(np.linspace(28, 43, 151)))
    fine = np.linspace(28, 43, 151)

    def model(p):
        at_b1 = table(p[2])
        upper = np.clip(np.searchsorted(fine, p[1]), 1, len(fine) - 1)
        part = (p[1] - fine[upper - 1]) / (fine[upper] - fine[upper - 1])
        return p[0] * 1000 * ((1 - part) * at_b1[upper - 1] + part * at_b1[upper])

    clean = 1000 * echo_amplitudes(train, 35.0, b1=0.9)
    noisy = clean + rng.normal(0, sigma, (300, len(TIMES)))
    fits = [least_squares(lambda p, y=y: model(p) - y, (1, 35, 0.9), x_scale=(1, 35, 1)).x[1] for y in noisy]
    sd, error = spread(fits)
    assert sd == pytest.approx(bounds(epg(train), truth, sigma=sigma)["t2_ms"], abs=3 * error)
    assert np.mean(fits) == pytest.approx(35, abs=3.5 * sd / np.sqrt(len(fits)))


def test_a_fit_with_a_prior_on_the_fat_fraction_reaches_the_bound_over_people_who_follow_that_prior():
    train, sigma, prior_sd, rng = hard_train(150.0), 5.0, 0.02, np.random.default_rng(2)
    mean_fraction, count = 0.15, 300
    t2_nodes = np.linspace(22.0, 50.0, 40)
    water = CubicSpline(t2_nodes, echo_amplitudes(train, t2_nodes, b1=0.9).T)
    fat = echo_amplitudes(train, FAT_T2_MS, t1_ms=FAT_T1_MS, b1=0.9)
    fractions = rng.normal(mean_fraction, prior_sd, count)
    clean = 1000 * ((1 - fractions[:, None]) * water(35.0) + fractions[:, None] * fat)
    noisy = clean + rng.normal(0, sigma, clean.shape)

    def cost(p, y):
        residual = 1000 * p[0] * ((1 - p[2]) * water(p[1]) + p[2] * fat) - y
        return np.append(residual / sigma, (p[2] - mean_fraction) / prior_sd)

    fits = [least_squares(cost, (1, 35, mean_fraction), args=(y,), x_scale=(1, 35, 1)).x[1] for y in noisy]
    truth = {**MUSCLE, "fat_fraction": mean_fraction, "b1": 0.9}
    bound = bounds(water_fat(train), truth, sigma=sigma, known=("b1",), prior_sd={"fat_fraction": prior_sd})
    sd, error = spread(fits)
    assert sd == pytest.approx(bound["t2_ms"], abs=3 * error)


def test_information_adds_up_over_repeated_echoes():
    derivatives = np.arange(6.0).reshape(3, 2)
    twice = fisher_information(np.vstack([derivatives, derivatives]), 2.0)
    np.testing.assert_allclose(twice, 2 * fisher_information(derivatives, 2.0))
