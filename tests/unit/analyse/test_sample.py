"""Summaries and proportions against the standard library, statsmodels and published intervals."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from myot2.analyse.proportion import proportion
from myot2.analyse.sample import Sample, summarise


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-500, 500).map(lambda tenths: tenths / 10), min_size=3, max_size=40))
def test_figures_are_those_of_the_standard_library_and_statsmodels(found):
    sample = summarise(np.array(found))
    quartiles = statistics.quantiles(found, n=4, method="exclusive")
    assert [sample.q1, sample.median, sample.q3] == pytest.approx(quartiles, abs=1e-9)
    assert sample.mean == pytest.approx(np.mean(found), abs=1e-9)
    assert sample.sd == pytest.approx(np.std(found, ddof=1), abs=1e-9)
    assert (sample.low, sample.high) == (min(found), max(found))
    if sample.sd > 0:
        assert sample.ci == pytest.approx(DescrStatsW(found).tconfint_mean(), rel=1e-6, abs=1e-6)


def test_nobody_and_one_person_have_what_can_be_had():
    assert summarise(np.array([])) == Sample(0)
    one = summarise(np.array([41.0]))
    assert (one.n, one.mean, one.sd, one.q1, one.ci) == (1, 41, None, 41, None)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(62, 64, 0.892, 0.996), (10, 10, 0.692, 1.0), (21, 22, 0.772, 0.999), (31, 61, 0.377, 0.639)],
)
def test_intervals_of_the_studys_proportions_are_the_published_exact_ones(count, total, low, high):
    """notes/statistics.md 1.6."""
    assert proportion(count, total).ci == pytest.approx((low, high), abs=5e-4)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.data())
def test_intervals_are_those_of_statsmodels(total, data):
    count = data.draw(st.integers(0, total))
    found = proportion(count, total)
    assert found.ci == pytest.approx(proportion_confint(count, total, method="beta"), abs=1e-9)
    assert found.value == count / total and found.n == total


def test_a_proportion_of_nobody_is_unavailable_and_says_why():
    found = proportion(0, 0)
    assert (found.value, found.printed, found.n) == (None, "n/a", 0) and found.reason
