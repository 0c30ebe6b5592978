"""DeLong's paired test against the jackknife, and its symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from myot2.analyse.delong import compare_areas
from myot2.analyse.roc_intervals import area_interval

pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=10)
quick = settings(deadline=None, max_examples=60)


def cohort(cases, controls):
    found = np.array(cases + controls, float)
    return found[:, 0], found[:, 1], np.repeat([True, False], [len(cases), len(controls)])


def compare(first, second, positive):
    try:
        return compare_areas(first, second, positive)
    except ValueError as error:
        assume("error of 0" not in str(error))
        raise


@settings(deadline=None, max_examples=20)
@given(pairs, pairs)
def test_the_error_is_the_jackknifes_of_the_difference(cases, controls):
    """Leaving out one person at a time gives DeLong's variance exactly (Arvesen's jackknife of a U statistic)."""
    first, second, positive = cohort(cases, controls)
    found = compare(first, second, positive)

    def difference(kept):
        areas = [metrics.roc_auc_score(positive[kept], marker[kept]) for marker in (first, second)]
        return areas[0] - areas[1]

    variance = 0.0
    for group in (np.flatnonzero(positive), np.flatnonzero(~positive)):
        left = np.array([difference(np.delete(np.arange(len(positive)), i)) for i in group])
        variance += (len(group) - 1) / len(group) * ((left - left.mean()) ** 2).sum()
    assert found.difference == pytest.approx(difference(np.arange(len(positive))), abs=1e-12)
    assert found.se == pytest.approx(math.sqrt(variance), abs=1e-7)
    assert found.p == pytest.approx(2 * stats.norm.sf(abs(found.difference) / found.se), rel=1e-9)


@quick
@given(pairs, pairs)
def test_swapped_markers_turn_the_sign_only(cases, controls):
    first, second, positive = cohort(cases, controls)
    one = compare(first, second, positive)
    other = compare_areas(second, first, positive)
    assert (one.difference, one.ci) == (-other.difference, pytest.approx((-other.ci[1], -other.ci[0]), abs=1e-12))
    assert one.ci_score == pytest.approx((-other.ci_score[1], -other.ci_score[0]), abs=1e-12)
    assert (one.se, one.p) == pytest.approx((other.se, other.p), abs=1e-12)


@quick
@given(pairs, pairs)
def test_monotone_transforms_of_either_marker_change_nothing(cases, controls):
    first, second, positive = cohort(cases, controls)
    found = compare(first, second, positive)
    assert compare_areas(np.exp(first), second**3 - 5, positive) == found


def test_the_score_interval_of_unrelated_markers_adds_the_squares_of_both_areas_gaps():
    rng = np.random.default_rng(6)
    positive = np.arange(4000) < 2000
    first, second = (rng.normal(size=4000) + gap * positive for gap in (2, 1))
    found = compare_areas(first, second, positive)
    ends = [area_interval(marker[positive], marker[~positive]) for marker in (first, second)]
    low = math.hypot(ends[0].area - ends[0].low, ends[1].high - ends[1].area)
    assert found.ci_score[0] == pytest.approx(found.difference - low, rel=0.02)
    assert found.ci_score == pytest.approx(found.ci, abs=5e-4)  # far from 1 and of many people, all agree


def test_the_score_interval_covers_near_one_where_delongs_does_not():
    rng, positive, covered = np.random.default_rng(3), np.arange(74) < 64, {"ci": 0, "ci_score": 0}
    gaps = [math.sqrt(2) * stats.norm.ppf(area) for area in (0.986, 0.9)]
    for _ in range(400):
        found = compare_areas(*(rng.normal(size=74) + gap * positive for gap in gaps), positive)
        for name in covered:
            low, high = getattr(found, name)
            covered[name] += low <= 0.086 <= high
    assert covered["ci_score"] >= 0.92 * 400 > covered["ci"]


def test_people_without_one_of_the_markers_are_left_out_and_counted():
    rng = np.random.default_rng(2)
    first, second, positive = rng.normal(size=20), rng.normal(size=20), np.arange(20) < 12
    gaps = first.copy()
    gaps[[0, 15]] = np.nan
    found, kept = compare_areas(gaps, second, positive), np.delete(np.arange(20), [0, 15])
    assert (found.n_positive, found.n_negative, found.left_out) == (11, 7, 2)
    assert found.se == compare_areas(first[kept], second[kept], positive[kept]).se


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [([1.0, 2, 3, 0], [2.0, 4, 6, 0], "error of 0"), ([1.0, np.nan, 3, 0], [2.0, 4, 1, 0], "fewer than two")],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(first, second, why):
    with pytest.raises(ValueError, match=why):
        compare_areas(np.array(first), np.array(second), np.array([True, True, False, False]))
