"""The phase graph on the echoes of the project's simulated examination, which has its own, with its sharp pulses.

The simulator turns by effective angles: it takes all that is excited for in phase. Isochromats know that a sharp
Hann-sinc leaves some of it out of phase after half of its gradient, which cancels across the slice; so does the fit.
"""

from __future__ import annotations

import fit_truth_bloch
import numpy as np
import pytest
from fit_truth_bloch import Train as TrueTrain
from fit_truth_bloch import echo_amplitudes, rotations, sinc_pulse

from myot2.fit.epg import Train
from myot2.fit.epg_fit import fit_free, fit_held
from myot2.fit.epg_table import build
from myot2.fit.pulses import hann_sinc
from myot2.simulate.protocol import PULSE_TIME_BANDWIDTH, REFOCUSING_WIDTH
from myot2.simulate.signal import multi_echo_table

T2S = np.array([25.0, 35.0, 50.0])
TIMES_MS = 10.0 * np.arange(1, 11)
T1_MS = 1400.0
THICKNESS_MM = 5.0


@pytest.fixture(scope="module")
def table():
    excitation = hann_sinc(90.0, time_bandwidth=PULSE_TIME_BANDWIDTH)
    refocusing = hann_sinc(180.0, time_bandwidth=PULSE_TIME_BANDWIDTH, width=REFOCUSING_WIDTH)
    return build(Train(len(TIMES_MS), 10.0, excitation, refocusing, T1_MS))


@pytest.fixture(scope="module")
def simulator():
    return multi_echo_table(
        TIMES_MS,
        t1_ms=T1_MS,
        refocusing="realistic",
        time_bandwidth=PULSE_TIME_BANDWIDTH,
        refocusing_width=REFOCUSING_WIDTH,
    )


def simulated(simulator, t2_ms, b1):
    return simulator.at(t2_ms, np.full(len(t2_ms), b1)).T


def isochromats(t2_ms, b1, reach):
    """Echoes of the same pulses, summed as far as the given thicknesses from the centre."""
    pulses = (
        sinc_pulse(angle, thickness_mm=width * THICKNESS_MM, time_bandwidth=PULSE_TIME_BANDWIDTH)
        for angle, width in ((90.0, 1.0), (180.0, REFOCUSING_WIDTH))
    )
    z = ((np.arange(160) + 0.5) / 80 - 1) * reach * THICKNESS_MM
    return 2 * reach * echo_amplitudes(TrueTrain(*pulses, z_mm=z), t2_ms, t1_ms=T1_MS, b1=b1)


def excite_in_phase(pulse, z_mm, b1=1.0):
    """`fit_truth_bloch.rotations` with the excitation, played about y, as a turn about y by its effective angle."""
    turn = rotations(pulse, z_mm, b1)
    if np.abs(pulse.rf_ut.imag).max() < np.abs(pulse.rf_ut.real).max():
        return turn
    cosine = np.clip(turn[:, 2, 2], -1, 1)
    sine = np.sqrt(1 - cosine**2)
    flat = np.zeros_like(turn)
    flat[:, 1, 1] = 1
    flat[:, 0, 0] = flat[:, 2, 2] = cosine
    flat[:, 0, 2], flat[:, 2, 0] = -sine, sine
    return flat


@pytest.mark.parametrize("b1", [0.7, 0.8, 0.9, 1.0])
def test_t2_of_the_simulated_examination_is_read_within_three_tenths_of_a_millisecond(table, simulator, b1):
    signal = 1000 * simulated(simulator, T2S, b1)
    np.testing.assert_allclose(fit_held(signal, table, b1).t2_ms, T2S, atol=0.3)
    free = fit_free(signal, table)
    np.testing.assert_allclose(free.t2_ms, T2S, atol=0.3)
    np.testing.assert_allclose(free.b1, b1, atol=0.01)


@pytest.mark.parametrize("b1", [0.7, 0.8, 0.9, 1.0, 1.1, 1.2])
def test_t2_of_isochromats_under_the_same_pulses_is_read_within_a_tenth(table, b1):
    signal = 1000 * isochromats(np.append(T2S, 80.0), b1, reach=1.6)
    np.testing.assert_allclose(fit_held(signal, table, b1).t2_ms, np.append(T2S, 80.0), atol=0.1)


@pytest.mark.parametrize("b1", [0.7, 1.0, 1.2])
def test_the_simulator_equals_isochromats_whose_excitation_is_in_phase(simulator, monkeypatch, b1):
    as_they_are = isochromats(T2S, b1, reach=0.8)
    monkeypatch.setattr(fit_truth_bloch, "rotations", excite_in_phase)
    np.testing.assert_allclose(isochromats(T2S, b1, reach=0.8), simulated(simulator, T2S, b1), rtol=1e-3)
    assert np.abs(as_they_are / simulated(simulator, T2S, b1) - 1).max() > 4e-3
