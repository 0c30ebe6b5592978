"""The isochromat simulator against what is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fit_truth_bloch import (
    GAMMA_RAD_PER_MS_UT,
    Pulse,
    echo_amplitudes,
    echo_signals,
    hard_train,
    rotations,
    sinc_pulse,
    sinc_train,
)

ANGLES = [60.0, 90.0, 120.0, 150.0, 179.0]


def first_echoes(angle_deg):
    """E1 to E3 of a CPMG train of equal angles without relaxation (Hennig, J Magn Reson 1988;78:397).

    With s = sin^2(a/2) and c = cos^2(a/2): the pathways that end in echo 2 are the spin echo twice refocused, s^2, and
    the stimulated echo, sin^2(a) / 2 = 2 s c.
    """
    s, c = np.sin(np.deg2rad(angle_deg) / 2) ** 2, np.cos(np.deg2rad(angle_deg) / 2) ** 2
    return [s, s * s + 2 * s * c, s**3 + 2 * s * s * c + 3 * s * c * c]


@pytest.mark.parametrize("t1", [300.0, 1400.0, np.inf])
def test_ideal_refocusing_decays_mono_exponentially_whatever_t1_is(t1):
    t2 = np.array([[20.0, 35.0], [80.0, 300.0]])
    times = np.arange(10.0, 101.0, 10.0)
    np.testing.assert_allclose(
        echo_amplitudes(hard_train(180.0), t2, t1_ms=t1), np.exp(-times[:, None, None] / t2), rtol=1e-12
    )


@pytest.mark.parametrize("angle", ANGLES)
def test_the_first_three_echoes_have_the_amplitudes_of_their_pathways(angle):
    assert echo_amplitudes(hard_train(angle, echoes=3), np.inf, t1_ms=np.inf) == pytest.approx(
        first_echoes(angle), rel=1e-12
    )


@pytest.mark.parametrize("angle", ANGLES)
def test_the_stimulated_echo_relaxes_with_t1_while_it_is_stored(angle):
    t2, t1, spacing = 40.0, 200.0, 10.0
    s, a = np.sin(np.deg2rad(angle) / 2) ** 2, np.deg2rad(angle)
    second = s**2 * np.exp(-2 * spacing / t2) + np.sin(a) ** 2 / 2 * np.exp(-spacing / t2 - spacing / t1)
    assert echo_amplitudes(hard_train(angle, echoes=2), t2, t1_ms=t1)[1] == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("b1", [0.6, 0.9, 1.2])
def test_b1_scales_the_excitation_and_the_refocusing_angle(b1):
    expected = np.sin(np.deg2rad(90 * b1)) * echo_amplitudes(hard_train(160 * b1), 40.0)
    np.testing.assert_allclose(echo_amplitudes(hard_train(160), 40.0, b1=b1), expected, rtol=1e-12)


def test_more_isochromats_than_twice_the_echoes_change_nothing_and_fewer_do():
    train = hard_train(120.0, echoes=16)
    exact = echo_amplitudes(train, 60.0)
    np.testing.assert_allclose(echo_amplitudes(train, 60.0, isochromats=512), exact, rtol=1e-12)
    assert np.abs(echo_amplitudes(train, 60.0, isochromats=8) - exact).max() > 0.01


def test_an_off_centre_block_pulse_turns_by_rabi_s_formula():
    length, rf, gradient, z = 1.0, 6.0, 2.0, np.linspace(-10, 10, 21)
    pulse = Pulse(np.full(500, rf + 0j), np.full(500, gradient), length / 500)
    w1, offset = GAMMA_RAD_PER_MS_UT * rf, GAMMA_RAD_PER_MS_UT * gradient * z
    effective = np.hypot(w1, offset)
    left = 1 - 2 * (w1 / effective) ** 2 * np.sin(effective * length / 2) ** 2
    np.testing.assert_allclose(rotations(pulse, z)[:, 2, 2], left, atol=1e-12)


def test_a_small_sinc_excites_the_fourier_transform_of_its_shape_in_phase():
    pulse = sinc_pulse(2.0, thickness_mm=5.0, time_bandwidth=2.0)
    z = np.linspace(-6, 6, 25)
    excited = rotations(pulse, z)[:, :2, 2]
    when = (np.arange(200) + 0.5) / 200 - 0.5
    profile = (pulse.rf_ut.real * np.cos(2 * np.pi * 2.0 * np.outer(z / 5.0, when))).sum(axis=1)
    expected = np.deg2rad(2.0) * profile / pulse.rf_ut.real.sum()
    np.testing.assert_allclose(excited[:, 1], expected, atol=2e-5)
    np.testing.assert_allclose(excited[:, 0], 0, atol=2e-5)


def test_every_pulse_is_a_proper_rotation():
    turn = rotations(sinc_pulse(180.0, thickness_mm=6.0, time_bandwidth=2.0), np.linspace(0, 9, 30), b1=0.8)
    np.testing.assert_allclose(turn @ np.swapaxes(turn, 1, 2), np.broadcast_to(np.eye(3), turn.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turn), 1, atol=1e-12)


def test_the_slice_is_sampled_finely_and_far_enough():
    train = sinc_train()
    coarse, fine = echo_amplitudes(train, 40.0), echo_amplitudes(sinc_train(positions=288), 40.0)
    np.testing.assert_allclose(coarse, fine, atol=2e-4)
    beyond = replace(train, z_mm=np.linspace(6.0, 12.0, 60))
    assert echo_amplitudes(beyond, 40.0).max() < 1e-3 * coarse.max()


def test_a_slice_profile_makes_stimulated_echoes_although_the_nominal_angle_is_180():
    signal = echo_amplitudes(sinc_train(), 1e6, t1_ms=np.inf)
    assert signal[1] > 1.02 * signal[0]


def test_what_the_excitation_turns_out_of_phase_is_odd_across_the_slice():
    train = sinc_train()
    out_of_phase = rotations(train.excitation, train.z_mm)[:, 0, 2]
    assert np.abs(out_of_phase).max() > 0.1
    np.testing.assert_allclose(out_of_phase, -out_of_phase[::-1], atol=1e-12)


@pytest.mark.parametrize("train", [hard_train(140.0), sinc_train(140.0)], ids=["hard", "sinc"])
def test_echoes_lie_along_the_refocusing_axis_and_turn_negative_only_for_a_very_short_t2(train):
    signal = echo_signals(train, 20.0)
    np.testing.assert_allclose(signal.imag, 0, atol=1e-9)
    assert (signal.real > 0).all()
    assert (echo_signals(hard_train(140.0), 8.0).real < 0).any()
