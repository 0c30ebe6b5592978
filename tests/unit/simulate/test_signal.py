"""The simulator's signal against brute force and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.simulate.signal import (
    MUSCLE_T1_MS,
    epg_cpmg,
    multi_echo_table,
    rician,
    slice_profile,
    spin_echo,
    spoiled_gradient_echo,
)

TIMES = np.arange(10.0, 101, 10)
PULSES = {"time_bandwidth": 6.0, "refocusing_width": 1.5}


def isochromat_train(t2, t1, excitation, refocusing, spacing, echoes, spins=400):
    """Bloch rotations of spins spread evenly over one turn of dephasing per half echo spacing, recovery included."""
    phase = 2 * np.pi * (np.arange(spins) + 0.5) / spins
    spin = np.stack([np.full(spins, np.sin(excitation)), np.zeros(spins), np.full(spins, np.cos(excitation))])
    about_x = np.array(
        [
            [1, 0, 0],
            [0, np.cos(refocusing), -np.sin(refocusing)],
            [0, np.sin(refocusing), np.cos(refocusing)],
        ]
    )
    decay, recovery = np.exp(-spacing / 2 / t2), np.exp(-spacing / 2 / t1)

    def evolve(m):
        x, y, z = m
        return np.stack(
            [
                (np.cos(phase) * x - np.sin(phase) * y) * decay,
                (np.sin(phase) * x + np.cos(phase) * y) * decay,
                z * recovery + 1 - recovery,
            ]
        )

    train = []
    for _ in range(echoes):
        spin = evolve(about_x @ evolve(spin))
        train.append(spin.mean(axis=1)[:2])
    along, across = np.array(train).T
    assert np.abs(across).max() < 1e-12
    return along


@pytest.mark.parametrize("t2", [15.0, 34.0, 150.0])
@pytest.mark.parametrize("excitation, refocusing", [(90, 180), (90, 150), (75, 120), (60, 60), (95, 200)])
def test_epg_agrees_with_isochromats(t2, excitation, refocusing):
    angles = np.deg2rad([excitation, refocusing])
    train = epg_cpmg(t2, *angles, t1_ms=MUSCLE_T1_MS, echo_spacing_ms=10.0, echoes=10)
    assert train == pytest.approx(isochromat_train(t2, MUSCLE_T1_MS, *angles, 10.0, 10), abs=1e-12)


def test_epg_recovered_magnetisation_does_not_reach_an_echo_even_with_short_t1():
    angles = np.deg2rad([80, 110])
    train = epg_cpmg(40.0, *angles, t1_ms=60.0, echo_spacing_ms=10.0, echoes=10)
    assert train == pytest.approx(isochromat_train(40.0, 60.0, *angles, 10.0, 10), abs=1e-12)


@given(st.floats(0.2, np.pi))
def test_first_two_echoes_without_relaxation_follow_hennigs_closed_form(angle):
    train = epg_cpmg(1e9, np.pi / 2, angle, t1_ms=1e9, echo_spacing_ms=10.0, echoes=2)
    first = np.sin(angle / 2) ** 2
    assert train == pytest.approx([first, first**2 + np.sin(angle) ** 2 / 2], abs=1e-6)


def test_ideal_refocusing_decays_with_t2_alone_at_any_b1():
    table = multi_echo_table(TIMES, t1_ms=MUSCLE_T1_MS, refocusing="ideal", **PULSES)
    t2 = np.array([20.0, 34.0, 61.3, 200.0])
    for b1 in (0.5, 0.93, 1.4):
        assert table.at(t2, np.full(4, b1)) == pytest.approx(np.exp(-TIMES / t2[:, None]), abs=2e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(12, 300), st.floats(0.5, 1.4))
def test_table_is_within_a_thousandth_of_the_direct_calculation(realistic_table, t2, b1):
    position = (np.arange(20) + 0.5) / 20 * 0.8
    direct = epg_cpmg(
        t2,
        slice_profile(90, np.array([b1]), position, time_bandwidth=6.0)[0],
        slice_profile(180, np.array([b1]), position / 1.5, time_bandwidth=6.0)[0],
        t1_ms=MUSCLE_T1_MS,
        echo_spacing_ms=10.0,
        echoes=10,
    ).mean(axis=0)
    assert realistic_table.at(np.array([t2]), np.array([b1]))[0] == pytest.approx(1.6 * direct, abs=2e-3)


@pytest.fixture(scope="module")
def realistic_table():
    return multi_echo_table(TIMES, t1_ms=MUSCLE_T1_MS, refocusing="realistic", **PULSES)


def test_realistic_refocusing_lifts_the_second_echo_and_lengthens_the_apparent_t2(realistic_table):
    train = realistic_table.at(np.array([35.0]), np.array([0.8]))[0]
    slope = np.polyfit(TIMES[1:], np.log(train[1:]), 1)[0]
    assert train[1] / train[0] > np.exp(-10 / 35)
    assert 36 < -1 / slope < 45


@pytest.mark.parametrize("t2, b1", [(2.0, 1.0), (34.0, 0.2), (1000.0, 1.0)])
def test_table_refuses_points_beyond_its_nodes(realistic_table, t2, b1):
    with pytest.raises(ValueError, match="leaves the signal table"):
        realistic_table.at(np.array([t2]), np.array([b1]))


def test_table_refuses_uneven_echoes_and_unknown_refocusing():
    with pytest.raises(ValueError, match="multiples"):
        multi_echo_table([10, 25, 30], t1_ms=1400, refocusing="ideal", **PULSES)
    with pytest.raises(ValueError, match="refocusing"):
        multi_echo_table(TIMES, t1_ms=1400, refocusing="perfect", **PULSES)


def test_small_flip_slice_profile_is_the_fourier_transform_of_the_pulse():
    position = np.linspace(0, 1.2, 25)
    profile = slice_profile(5, np.array([1.0]), position, time_bandwidth=6.0, steps=512)[0]
    time = (np.arange(4000) + 0.5) / 4000 - 0.5
    pulse = np.sinc(6 * time) * np.cos(np.pi * time) ** 2
    transform = (pulse * np.cos(2 * np.pi * 6 * position[:, None] * time)).sum(axis=1) / pulse.sum()
    assert np.rad2deg(profile) == pytest.approx(5 * np.abs(transform), abs=0.02)


@given(st.floats(0.5, 1.0))
def test_flip_at_the_slice_centre_scales_with_b1(b1):
    profile = slice_profile(180, np.array([b1]), np.array([0.0]), time_bandwidth=6.0)
    assert np.rad2deg(profile[0, 0]) == pytest.approx(180 * b1, abs=1e-6)


def test_rician_noise_has_the_second_moment_of_gudbjartsson_and_patz():
    signal = np.full(200_000, 3.0)
    noisy = rician(signal, 2.0, np.random.default_rng(0))
    assert (noisy**2).mean() == pytest.approx(3.0**2 + 2 * 2.0**2, rel=0.01)
    background = rician(np.zeros(200_000), 2.0, np.random.default_rng(1))
    assert background.mean() == pytest.approx(2.0 * np.sqrt(np.pi / 2), rel=0.01)


def test_gradient_echo_is_largest_at_the_ernst_angle():
    angles = np.linspace(1, 40, 3901)
    signal = [float(spoiled_gradient_echo(371.0, repetition_ms=6.73, flip_deg=angle)) for angle in angles]
    assert angles[np.argmax(signal)] == pytest.approx(np.rad2deg(np.arccos(np.exp(-6.73 / 371))), abs=0.02)


def test_spin_echo_at_the_protocols_times_shows_fat_brighter_than_muscle():
    times = {"repetition_ms": 5330.0, "echo_ms": 51.0}
    muscle = spin_echo(1420.0, 34.0, **times)
    assert muscle == pytest.approx((1 - np.exp(-5330 / 1420)) * np.exp(-51 / 34))
    assert spin_echo(371.0, 150.0, **times) > 2 * muscle
