"""The shift and its intervals against enumeration and scipy, delta against counting, and their symmetries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.effect_sizes import dominance, hodges_lehmann, u_distribution
from myot2.analyse.roc import area
from myot2.analyse.roc_intervals import area_interval

values = st.lists(st.integers(0, 20), min_size=2, max_size=12).map(lambda found: np.array(found, float))
quick = settings(deadline=None, max_examples=60)


@pytest.mark.parametrize(("n1", "n2"), [(1, 1), (2, 3), (4, 3), (5, 5)])
def test_the_distribution_of_u_is_that_of_all_splits_of_the_ranks(n1, n2):
    sums = [sum(split) - n1 * (n1 - 1) // 2 for split in itertools.combinations(range(n1 + n2), n1)]
    counted = np.bincount(sums, minlength=n1 * n2 + 1) / math.comb(n1 + n2, n1)
    assert np.allclose(u_distribution(n1, n2), counted, atol=1e-15)


def test_the_distribution_of_u_at_forty_nine_each_gives_scipys_exact_p():
    values = np.random.default_rng(0).permutation(98).astype(float)
    u = stats.mannwhitneyu(values[:49], values[49:]).statistic
    tail = min(u, 49 * 49 - u)
    p = 2 * u_distribution(49, 49)[: round(tail) + 1].sum()
    assert p == pytest.approx(stats.mannwhitneyu(values[:49], values[49:], method="exact").pvalue, rel=1e-10)


def test_the_exact_interval_holds_what_the_exact_test_does_not_reject():
    rng = np.random.default_rng(1)
    first, second = rng.normal(1, 1, 9), rng.normal(0, 1, 7)
    found = hodges_lehmann(first, second)
    low, high = found.ci
    assert found.exact and 0.95 <= found.confidence < 0.97
    for shift, rejected in ((low - 1e-6, True), (low + 1e-6, False), (high - 1e-6, False), (high + 1e-6, True)):
        p = stats.mannwhitneyu(first - shift, second, method="exact").pvalue
        assert (p < 0.05) == rejected


def test_the_approximate_interval_holds_what_the_corrected_test_does_not_reject():
    rng = np.random.default_rng(2)
    first, second = rng.normal(3, 2, 60).round(1), rng.normal(0, 1, 30).round(1)
    found = hodges_lehmann(first, second)
    assert not found.exact and found.confidence is None
    for shift, rejected in zip(found.ci[0] + np.array([-1e-6, 1e-6]), (True, False), strict=True):
        p = stats.mannwhitneyu((first - shift).round(9), second, method="asymptotic").pvalue
        assert (p < 0.05) == rejected
    for shift, rejected in zip(found.ci[1] + np.array([-1e-6, 1e-6]), (False, True), strict=True):
        p = stats.mannwhitneyu((first - shift).round(9), second, method="asymptotic").pvalue
        assert (p < 0.05) == rejected


def test_the_unequal_interval_holds_what_scipys_brunner_munzel_does_not_reject():
    rng = np.random.default_rng(3)
    first, second = rng.lognormal(2, 0.5, 30), rng.normal(0, 0.5, 10)
    low, high = hodges_lehmann(first, second).ci_unequal
    for shift, rejected in ((low - 1e-6, True), (low + 1e-6, False), (high - 1e-6, False), (high + 1e-6, True)):
        assert (stats.brunnermunzel(first - shift, second).pvalue < 0.05) == rejected


@quick
@given(values, values)
def test_the_shift_is_the_median_of_all_differences_and_lies_in_its_intervals(first, second):
    found = hodges_lehmann(first, second)
    assert found.shift == np.median([x - y for x in first for y in second])
    for ends in (found.ci, found.ci_unequal):
        assert ends is None or ends[0] <= found.shift <= ends[1]


@quick
@given(values, values, st.integers(1, 6), st.integers(-50, 50))
def test_another_unit_scales_the_shift_and_moving_one_group_moves_it(first, second, factor, step):
    found, other = hodges_lehmann(first, second), hodges_lehmann(factor * first + step, factor * second)
    assert other.shift == factor * found.shift + step
    assert other.ci == (found.ci and tuple(factor * end + step for end in found.ci)) or other.exact != found.exact


@quick
@given(values, values)
def test_swapped_groups_turn_shift_and_delta(first, second):
    one, other = hodges_lehmann(first, second), hodges_lehmann(second, first)
    assert one.shift == -other.shift and one.ci == (other.ci and (-other.ci[1], -other.ci[0]))
    one, other = dominance(first, second), dominance(second, first)
    assert one.delta == pytest.approx(-other.delta)
    assert one.ci == pytest.approx((-other.ci[1], -other.ci[0]), abs=1e-12)


@quick
@given(values, values)
def test_delta_counts_the_pairs_and_the_common_language_effect_is_the_area(first, second):
    found = dominance(first, second)
    signs = [(x > y) - (x < y) for x in first.tolist() for y in second.tolist()]
    assert found.delta == pytest.approx(sum(signs) / len(signs), abs=1e-12)
    assert found.common_language == area(first, second).area
    interval = area_interval(first, second)
    assert found.common_language_ci == (interval.low, interval.high)
    assert found.ci == pytest.approx((2 * interval.low - 1, 2 * interval.high - 1), abs=1e-12)


@quick
@given(values, values)
def test_a_monotone_transform_leaves_delta(first, second):
    assert dominance(np.exp(first), np.exp(second)) == dominance(first, second)


def test_too_few_values_have_no_interval():
    found = hodges_lehmann(np.array([1.0, 2, 4]), np.array([7.0, 9, 13]))
    assert (found.shift, found.ci, found.ci_unequal, found.confidence) == (-7, None, None, None)
    assert hodges_lehmann(np.array([1.0]), np.array([3.0])).shift == -2


def test_the_exact_interval_is_refused_in_spite_of_ties():
    with pytest.raises(ValueError, match="all different"):
        hodges_lehmann(np.array([1.0, 2, 2]), np.array([0.0, 3]), exact=True)


def test_empty_groups_are_refused():
    with pytest.raises(ValueError, match="empty"):
        hodges_lehmann(np.array([]), np.array([1.0]))
    with pytest.raises(ValueError, match="fewer than two"):
        dominance(np.array([1.0]), np.array([1.0, 2]))
