"""The weighting of a Dixon scan by T1 and T2: closed forms, its inverse, and the simulator's images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.fit.dixon_weight import DixonWeight, weight_of
from myot2.simulate.signal import spin_echo

TIMES = {"EchoTime": 0.051, "RepetitionTime": 5.33}


@pytest.mark.parametrize("t2", [25.0, 35.0, 60.0])
@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3, 1.0])
def test_the_signal_fraction_is_that_of_two_spin_echoes(t2, fraction):
    water = (1 - fraction) * spin_echo(1400.0, t2, repetition_ms=5330.0, echo_ms=51.0)
    fat = fraction * spin_echo(365.0, 150.0, repetition_ms=5330.0, echo_ms=51.0)
    assert weight_of(TIMES, "d.nii").signal_fraction(fraction, t2) == pytest.approx(fat / (water + fat), abs=1e-12)


@given(
    fraction=st.floats(0, 1),
    t2=st.floats(10, 300),
    echo=st.floats(0, 100),
    repetition=st.floats(500, 10_000),
)
def test_the_proton_fraction_undoes_the_weighting(fraction, t2, echo, repetition):
    weight = DixonWeight(echo, repetition)
    assert weight.proton_fraction(weight.signal_fraction(fraction, t2), t2) == pytest.approx(fraction, abs=1e-9)


def test_five_per_cent_of_fat_look_like_fourteen_in_healthy_muscle_and_like_less_in_oedema():
    """The figures of the module's text."""
    healthy, oedema = weight_of(TIMES, "d.nii").signal_fraction(0.05, np.array([35.0, 60.0]))
    assert healthy == pytest.approx(0.14, abs=0.005)
    assert oedema < 0.1
    assert weight_of(TIMES, "d.nii").water_over_fat(35.0) == pytest.approx(0.32, abs=0.005)


@pytest.mark.parametrize("sidecar", [{}, {"EchoTime": 0.0023, "RepetitionTime": 0.01}, {"RepetitionTime": 5.0}])
def test_gradient_echoes_and_unknown_times_weight_by_proton_density(sidecar):
    weight = weight_of(sidecar, "d.nii")
    assert weight.proton_fraction(0.2, 35.0) == pytest.approx(0.2)
    assumed = "" if "EchoTime" in sidecar else ", assumed: its echo time is unknown"
    assert weight.record() == {"DixonWeighting": "proton density" + assumed}


def test_the_record_says_by_which_times_the_weighting_was_undone():
    record = weight_of(TIMES, "d.nii", fat_t2_ms=140.0).record()
    assert (record["DixonEchoTimeMs"], record["DixonRepetitionTimeMs"], record["FatT2Ms"]) == (51.0, 5330.0, 140.0)


def test_without_a_repetition_time_t1_does_not_weight():
    assert "DixonRepetitionTimeMs" not in weight_of({"EchoTime": 0.051}, "d.nii").record()
    assert weight_of({"EchoTime": 0.051}, "d.nii").water_over_fat(150.0) == pytest.approx(1.0)


def test_the_unknown_stays_unknown():
    assert np.isnan(DixonWeight().proton_fraction(np.nan, 35.0))
    assert np.isnan(weight_of(TIMES, "d.nii").proton_fraction(0.1, np.nan))


@given(t2=st.floats(10, 300), fraction=st.integers(-200_000, 1_200_000).map(lambda millionths: millionths / 1e6))
def test_noise_beyond_0_and_1_is_no_pole(t2, fraction):
    """It runs on straight: further out in the signal is further out in the protons."""
    weight = DixonWeight(51.0, 5330.0)
    here, further = weight.proton_fraction(fraction, t2), weight.proton_fraction(fraction + 0.01, t2)
    assert further > here
    assert (here < 0) == (fraction < 0) and (here > 1) == (fraction > 1)


@pytest.mark.parametrize(
    "sidecar", [{"EchoTime": 51}, {"EchoTime": [0.051]}, {"EchoTime": 0.05, "RepetitionTime": "x"}]
)
def test_a_time_that_is_no_number_of_seconds_is_refused(sidecar):
    with pytest.raises(MyoT2Error, match="of the Dixon images in seconds"):
        weight_of(sidecar, "dixon.nii.gz")
