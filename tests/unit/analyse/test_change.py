"""Follow-up against simulation: errors of repetition without and with a true change."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.agreement import repeatability
from myot2.analyse.change import change_of, expected_regression, regression_to_the_mean, session_pairs, sessions_of

values = st.floats(20, 90)


@settings(deadline=None, max_examples=200)
@given(values, values, st.floats(0.1, 10))
def test_the_verdict_follows_the_coefficient_and_the_interval_excludes_no_change_with_it(first, second, coefficient):
    found = change_of(first, second, coefficient)
    assert found.verdict == (
        "stable" if abs(second - first) < coefficient else "improved" if second < first else "worse"
    )
    if abs(abs(second - first) - coefficient) > 1e-9:
        assert (found.ci[0] < 0 < found.ci[1]) == (found.verdict == "stable")
    assert found.probability_lower + found.probability_higher == pytest.approx(1)


@settings(deadline=None, max_examples=100)
@given(values, values, st.floats(1.01, 1.5), st.floats(0.1, 10))
@example(20.0, 22.0, 1.1, 1.0)  # exactly the factor, by a ratio whose logarithm is not
def test_as_a_ratio_the_unit_does_not_matter_and_time_reversed_exchanges_better_and_worse(first, second, factor, unit):
    found = change_of(first, second, factor, ratio=True)
    scaled = change_of(unit * first, unit * second, factor, ratio=True)
    assert scaled.ci == pytest.approx(found.ci) and scaled.probability_lower == pytest.approx(found.probability_lower)
    turned = change_of(second, first, factor, ratio=True)
    assert turned.probability_lower == pytest.approx(found.probability_higher, abs=1e-12)
    exchanged = {"improved": "worse", "worse": "improved", "stable": "stable"}
    assert turned.verdict == exchanged[found.verdict]


def test_of_unchanged_people_95_percent_are_called_stable():
    rng = np.random.default_rng(4)
    coefficient = 1.959964 * math.sqrt(2) * 0.9
    measured = 40 + rng.normal(0, 0.9, (4000, 2))
    verdicts = [change_of(*pair, coefficient).verdict for pair in measured]
    assert np.mean([verdict == "stable" for verdict in verdicts]) == pytest.approx(0.95, abs=0.01)


def test_the_probability_is_the_share_of_people_with_that_measured_change_who_truly_fell():
    """Brute force: true changes of all sizes alike, measured with error; among those measured near -2 ms, who fell?"""
    rng, wsd = np.random.default_rng(5), 0.9
    truth = rng.uniform(-12, 12, 2_000_000)
    near = np.abs(truth + rng.normal(0, math.sqrt(2) * wsd, truth.size) + 2) < 0.05
    found = change_of(42, 40, 1.959964 * math.sqrt(2) * wsd, relevant=1.0)
    assert found.probability_lower == pytest.approx((truth[near] < -1).mean(), abs=0.01)
    assert found.probability_higher == pytest.approx((truth[near] > 1).mean(), abs=0.01)


def test_a_coefficient_from_few_people_makes_the_interval_wider_and_it_then_covers():
    rng, covered, runs = np.random.default_rng(6), 0, 1500
    for _ in range(runs):
        known = repeatability(rng.normal(35, 3, (6, 1)) + rng.normal(0, 1, (6, 2)))
        first, second = 40 + rng.normal(0, 1), 37 + rng.normal(0, 1)
        found = change_of(first, second, known.rc, df=known.df)
        covered += found.ci[0] <= -3 <= found.ci[1]
    assert covered / runs == pytest.approx(0.95, abs=0.02)
    assert change_of(40, 37, 2, df=6).ci[0] < change_of(40, 37, 2).ci[0]


@pytest.mark.parametrize("cutoff", [36.4, 45, 55])
def test_the_expected_regression_is_that_of_simulated_people_who_do_not_change(cutoff):
    rng, wsd = np.random.default_rng(7), 3.0
    truth = rng.normal(47, 8, 2_000_000)
    first, second = (truth + rng.normal(0, wsd, truth.size) for _ in range(2))
    chosen = first >= cutoff
    assert expected_regression(cutoff, mean=47, sd=math.hypot(8, wsd), wsd=wsd) == pytest.approx(
        (second - first)[chosen].mean(), abs=0.02
    )


def test_the_expected_regression_is_the_mean_of_a_truncated_normal():
    mean, sd, wsd, cutoff = 47.4, 9.0, 2.0, 50.0
    above = stats.truncnorm.mean((cutoff - mean) / sd, np.inf, loc=mean, scale=sd)
    assert expected_regression(cutoff, mean=mean, sd=sd, wsd=wsd) == pytest.approx(
        -(above - mean) * wsd**2 / sd**2, rel=1e-9
    )
    assert expected_regression(1e3, mean=mean, sd=sd, wsd=wsd) < -40  # far outside no ratio of zeros
    assert expected_regression(cutoff, mean=mean, sd=sd, wsd=0) == 0


def test_a_fall_that_is_only_regression_is_named_and_a_true_one_is_left_over():
    rng = np.random.default_rng(9)
    truth = rng.normal(40, 4, 60_000)
    first, second = truth + rng.normal(0, 2, truth.size), truth + rng.normal(0, 2, truth.size)
    none = regression_to_the_mean(first, second, cutoff=44, wsd=2)
    assert none.observed < -0.5 and none.beyond == pytest.approx(0, abs=0.1)
    assert none.reliability == pytest.approx(0.8, abs=0.01) and "regression to the mean" in none.warning
    treated = regression_to_the_mean(first, second - 3 * (first >= 44), cutoff=44, wsd=2)
    assert treated.beyond == pytest.approx(-3, abs=0.1) and treated.observed_ci[0] < treated.observed
    assert regression_to_the_mean(first, first + 1, cutoff=44, wsd=2).warning is None


def test_people_who_were_all_chosen_need_the_spread_of_those_they_were_chosen_from():
    first, second = np.array([45, 46, 50.0, np.nan]), np.array([44, 46, 47.0, 1])
    with pytest.raises(ValueError, match="nobody is below the cutoff"):
        regression_to_the_mean(first, second, cutoff=40, wsd=1)
    found = regression_to_the_mean(first, second, cutoff=40, wsd=1, mean=42, sd=5)
    assert (found.n, found.selected) == (3, 3) and found.observed == pytest.approx(-4 / 3)


def measures(*rows):
    return pd.DataFrame(rows, columns=["participant_id", "session", "region", "side", "t2_mean_ms"])


def test_all_sessions_are_listed_in_natural_order_and_paired():
    table = measures(
        ("b", "10", "thigh", "both", 44.0),
        ("b", "2", "thigh", "both", 48.0),
        ("b", "2", "thigh", "left", 1.0),
        ("b", "2", "gracilis", "both", 2.0),
        ("b", "1", "thigh", "both", np.nan),
        ("b", "3", "thigh", "both", 46.0),
        ("a", None, "thigh", "both", 33.0),
    )
    found = sessions_of(table)
    assert found["session"].tolist() == ["1", "2", "3", "10", None]
    assert found["position"].tolist() == [1, 2, 3, 4, 1] and found["t2"].tolist()[1:] == [48, 46, 44, 33]
    assert session_pairs(found).to_numpy().tolist() == [["b", "2", "10", 48, 44]]
    assert session_pairs(found, consecutive=True)[["session_first", "session_second"]].to_numpy().tolist() == [
        ["2", "3"],
        ["3", "10"],
    ]
    assert sessions_of(table, region="gracilis")["t2"].tolist() == [2]


def test_two_values_of_one_session_are_refused_and_equal_rows_are_one():
    row = ("a", "1", "thigh", "both", 33.0)
    assert len(sessions_of(measures(row, row))) == 1
    with pytest.raises(ValueError, match="two values of thigh for session 1 of a"):
        sessions_of(measures(row, ("a", "1", "thigh", "both", 34.0)))
    with pytest.raises(ValueError, match="no column side"):
        sessions_of(measures(row).drop(columns="side"))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: change_of(np.nan, 1, 2), "unknown"),
        (lambda: change_of(1, 2, 0), "no error"),
        (lambda: change_of(1, 2, 1, ratio=True), "no error"),
        (lambda: change_of(0, 2, 1.2, ratio=True), "not positive"),
        (lambda: change_of(1, 2, 1, relevant=-1), "below none"),
        (lambda: expected_regression(1, mean=0, sd=0, wsd=0), "do not vary"),
        (lambda: expected_regression(1, mean=0, sd=1, wsd=2), "exceeds"),
        (lambda: regression_to_the_mean(np.array([1.0]), np.array([1.0]), cutoff=2, wsd=1), "nobody is at or above"),
    ],
)
def test_what_cannot_be_judged_is_refused_with_the_reason(call, why):
    with pytest.raises(ValueError, match=why):
        call()
