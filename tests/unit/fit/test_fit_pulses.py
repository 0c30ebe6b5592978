"""Pulses against rotations of sampled pulses, and T2 from trains of sharp pulses against isochromats."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from fit_truth_bloch import GAMMA_RAD_PER_MS_UT, echo_amplitudes, rotations
from fit_truth_bloch import Pulse as TruePulse
from fit_truth_bloch import Train as TrueTrain
from scipy.signal import remez

from myot2.fit.epg import Train, signals
from myot2.fit.epg_fit import fit_free, fit_held, fit_sides
from myot2.fit.epg_table import build
from myot2.fit.pulses import Pulse, cayley_klein, hann_sinc, hard, positions
from myot2.fit.slr import slr, transition

THICKNESS_MM, LENGTH_MS = 5.0, 2.0
T2S = np.array([25.0, 35.0, 50.0, 80.0])
PAIRS = {
    "soft": lambda: (hann_sinc(90.0), hann_sinc(180.0, width=1.2)),
    "sinc 6, width 1.5": lambda: (hann_sinc(90.0, time_bandwidth=6), hann_sinc(180.0, time_bandwidth=6, width=1.5)),
    "slr 4, width 1.2": lambda: (slr(90.0, time_bandwidth=4), slr(180.0, time_bandwidth=4, width=1.2)),
    "slr 4, width 3": lambda: (slr(90.0, time_bandwidth=4), slr(180.0, time_bandwidth=4, width=3.0)),
}
SHARP = [name for name in PAIRS if name != "soft"]


@cache
def pair(name):
    return PAIRS[name]()


@cache
def table(name):
    return build(Train(10, 10.0, *pair(name)))


def as_played(pulse: Pulse) -> TruePulse:
    """The samples of a pulse in uT, with the gradient that its time-bandwidth product and width say."""
    step = LENGTH_MS / len(pulse.shape)
    rf = pulse.shape * np.deg2rad(pulse.angle_deg) / (GAMMA_RAD_PER_MS_UT * step * pulse.shape.sum())
    turns_per_mm = pulse.time_bandwidth / (pulse.width * THICKNESS_MM)
    gradient = 2 * np.pi * turns_per_mm / (LENGTH_MS * GAMMA_RAD_PER_MS_UT)
    return TruePulse(rf.astype(complex), np.full(len(rf), gradient), step)


def echoes(name, t2_ms, b1, z=None):
    """Isochromats of a pair of pulses, at positions in thicknesses."""
    z = (np.arange(240) + 0.5) / 240 * 3.2 - 1.6 if z is None else z
    excitation, refocusing = (as_played(pulse) for pulse in pair(name))
    return echo_amplitudes(TrueTrain(excitation, refocusing, z_mm=z * THICKNESS_MM), t2_ms, b1=b1)


def made(pulse, z):
    """What a pulse excites (90 degrees) or refocuses (more), of what it does in the centre; z in thicknesses."""
    turn = rotations(as_played(pulse), z * THICKNESS_MM)
    signal = np.hypot(turn[:, 0, 2], turn[:, 1, 2]) if pulse.angle_deg == 90 else (1 - turn[:, 2, 2]) / 2
    return signal / signal[0]


@pytest.mark.parametrize("pulse", [hann_sinc(130.0, time_bandwidth=4, width=1.3), slr(90.0, time_bandwidth=5)])
@pytest.mark.parametrize("b1", [0.7, 1.2])
def test_cayley_klein_parameters_turn_as_the_sampled_pulse_does(pulse, b1):
    z = np.linspace(-1.2, 1.2, 25)
    alpha, beta = (part[0] for part in cayley_klein(pulse, np.array([b1]), z))
    turn = rotations(as_played(pulse), z * THICKNESS_MM, b1)
    np.testing.assert_allclose(np.abs(alpha) ** 2 - np.abs(beta) ** 2, turn[:, 2, 2], atol=2e-3)
    np.testing.assert_allclose(2 * np.abs(alpha * beta), np.hypot(turn[:, 0, 2], turn[:, 1, 2]), atol=2e-3)


@pytest.mark.parametrize("time_bandwidth", [3.0, 4.0, 6.0, 8.0])
@pytest.mark.parametrize("angle", [90.0, 120.0, 150.0, 180.0])
def test_a_shinnar_le_roux_pulse_keeps_its_ripples_and_its_thickness(angle, time_bandwidth):
    width, ripple = 1.5, 0.01
    pulse = slr(angle, time_bandwidth=time_bandwidth, width=width)
    z = np.linspace(0, 6, 6001)
    signal = made(pulse, z)
    # as far on either side of the nominal edge, in turns over the pulse
    edge = (1.2 if angle == 90 else 1.4) / time_bandwidth
    np.testing.assert_allclose(signal[z < (0.5 - edge) * width], 1, atol=ripple)
    assert signal[z > (0.5 + edge) * width].max() < ripple
    assert 2 * z[(signal < 0.5).argmax()] == pytest.approx(width, rel=0.02)


@pytest.mark.parametrize("time_bandwidth", [2.0, 4.0, 8.0])
def test_a_hann_sinc_of_180_degrees_refocuses_less_than_its_nominal_slice(time_bandwidth):
    z = np.linspace(0, 2, 2001)
    refocused = made(hann_sinc(180.0, time_bandwidth=time_bandwidth), z)
    assert 0.65 < 2 * z[(refocused < 0.5).argmax()] < 0.81


def test_a_180_degree_pulse_refocuses_all_of_its_slice():
    z = np.linspace(0, 0.3, 50)
    turn = rotations(as_played(slr(180.0, time_bandwidth=6)), z * THICKNESS_MM)
    assert ((1 - turn[:, 2, 2]) / 2).min() > 0.98


@pytest.mark.parametrize("angle", [90.0, 180.0])
def test_a_smaller_ripple_is_kept_too(angle):
    signal = made(slr(angle, time_bandwidth=6, ripple_in=0.003, ripple_out=0.003), np.linspace(0, 0.2, 50))
    np.testing.assert_allclose(signal, 1, atol=0.003)


@pytest.mark.parametrize("angle", [90.0, 150.0, 180.0])
def test_a_shinnar_le_roux_pulse_is_symmetric_turns_its_centre_as_asked_and_ends_without_spikes(angle):
    pulse = slr(angle, time_bandwidth=4)
    np.testing.assert_allclose(pulse.shape, pulse.shape[::-1], atol=1e-3 * pulse.shape.max())
    assert np.rad2deg(pulse.shape.sum()) == pytest.approx(angle, abs=0.2)
    assert np.abs(pulse.shape[[0, -1]]).max() < 0.15 * pulse.shape.max()


@pytest.mark.parametrize("angle", [60.0, 190.0])
def test_an_angle_that_neither_excites_nor_refocuses_is_refused(angle):
    with pytest.raises(ValueError, match="90 to 180"):
        slr(angle, time_bandwidth=4)


@pytest.mark.parametrize("angle", [90.0, 180.0])
def test_a_pulse_too_short_for_its_ripples_is_refused(angle):
    with pytest.raises(ValueError, match="too small"):
        slr(angle, time_bandwidth=1.5)


@pytest.mark.parametrize("angle", [90.0, 180.0])
def test_a_time_bandwidth_product_too_large_for_the_samples_is_refused_with_the_range_that_works(angle):
    with pytest.raises(ValueError, match="too large .* 64 samples: take one of 2.5 to 56"):
        slr(angle, time_bandwidth=57, samples=64)
    with pytest.raises(ValueError, match="too large .* 128 samples: take one of 2.5 to 120"):
        slr(angle, time_bandwidth=200)
    for time_bandwidth in (2.5, 56):
        assert slr(angle, time_bandwidth=time_bandwidth, samples=64).time_bandwidth == time_bandwidth


@pytest.mark.parametrize(("ripple_in", "ripple_out"), [(0.01, 0.01), (0.001, 0.01), (0.05, 0.001)])
def test_the_transition_is_that_of_an_equiripple_filter(ripple_in, ripple_out):
    """Of the exchange algorithm; the formula is an estimate, and wide or narrow by a few per cent."""
    width, length = transition(ripple_in, ripple_out), 101
    fall = width / length
    taps = remez(length, [0, 0.1, 0.1 + fall, 0.5], [1, 0], weight=[1, ripple_in / ripple_out])
    turns = np.linspace(0, 0.5, 4001)
    response = np.abs(np.exp(-2j * np.pi * np.outer(turns, np.arange(length))) @ taps)
    assert np.abs(response[turns <= 0.1] - 1).max() == pytest.approx(ripple_in, rel=0.15)
    assert response[turns >= 0.1 + fall].max() == pytest.approx(ripple_out, rel=0.15)


@pytest.mark.parametrize("name", SHARP)
@pytest.mark.parametrize("b1", [0.7, 1.0, 1.2])
def test_signals_equal_isochromats_under_the_same_samples(name, b1):
    """To a thousandth: in each sample the truth turns and precesses at once, the fit one after the other."""
    own = positions(*pair(name))
    truth = echoes(name, T2S, b1, np.concatenate([-own[::-1], own]))
    np.testing.assert_allclose(signals(table(name).train, T2S, np.array([b1]))[0].T, truth, rtol=1e-3)


@pytest.mark.parametrize(
    "pulses",
    [
        *PAIRS.values(),
        lambda: (hann_sinc(90.0, time_bandwidth=10), hann_sinc(180.0, time_bandwidth=10, width=1.2)),
        lambda: (hann_sinc(90.0, time_bandwidth=1), hann_sinc(150.0, time_bandwidth=1, width=1.2)),
        lambda: (hann_sinc(90.0, time_bandwidth=2), hann_sinc(180.0, time_bandwidth=8, width=1.2)),
        lambda: (hann_sinc(90.0, time_bandwidth=4), hann_sinc(180.0, time_bandwidth=4, width=0.8)),
        lambda: (slr(90.0, time_bandwidth=3), slr(120.0, time_bandwidth=8, width=3.0)),
        lambda: (hard(90.0), hann_sinc(180.0, time_bandwidth=4)),
    ],
)
def test_more_and_farther_positions_change_t2_by_less_than_a_tenth_of_a_millisecond(pulses, monkeypatch):
    train, b1, t2 = Train(10, 10.0, *pulses()), np.array([0.5, 0.7, 0.9, 1.0, 1.2]), np.array([25.0, 40.0, 80.0])
    sampled = signals(train, t2, b1)
    monkeypatch.setattr("myot2.fit.epg.positions", lambda *_: (np.arange(700) + 0.5) / 700 * 3.5)
    exact = signals(train, t2, b1)
    slope = (signals(train, t2 * 1.001, b1) - exact) / (0.001 * t2[:, None])
    for one, other, change in zip(*(part.reshape(-1, 10) for part in (sampled, exact, slope)), strict=True):
        m0, by_t2 = np.linalg.lstsq(np.stack([other, change], axis=1), one, rcond=None)[0]
        assert abs(by_t2 / m0) < 0.06


def test_the_default_pulses_keep_their_extent_and_need_few_positions():
    z = positions(*pair("soft"))
    assert z[-1] + z[0] == pytest.approx(1.2)
    assert len(z) < 20


def test_pulses_without_a_slice_are_sampled_in_the_centre_alone():
    assert positions(hard(90.0), hard(180.0)).tolist() == [0.0]


@pytest.mark.parametrize("name", SHARP)
@pytest.mark.parametrize("b1", [0.6, 0.8, 0.9, 1.0, 1.1, 1.2])
def test_t2_of_sharp_pulses_is_recovered_with_b1_known_and_free(name, b1):
    signal = 1000 * echoes(name, T2S, b1)
    np.testing.assert_allclose(fit_held(signal, table(name), b1).t2_ms, T2S, atol=0.06)
    np.testing.assert_allclose(fit_free(signal, table(name)).t2_ms, T2S, atol=0.06)


def test_where_the_refocused_slice_is_far_wider_the_sides_of_180_degrees_differ_in_b1_and_not_in_t2():
    signal = 1000 * echoes("slr 4, width 3", T2S, 0.8)
    below, above = fit_sides(signal, table("slr 4, width 3"))
    assert np.all(above.b1 - below.b1 > 0.3)
    assert np.abs(above.rmse - below.rmse).max() < 1e-4 * signal.max()
    np.testing.assert_allclose(above.t2_ms, below.t2_ms, atol=0.1)
