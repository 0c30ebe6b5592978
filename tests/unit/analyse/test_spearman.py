"""Spearman's correlation against its definition, the t formula and the study's own p values."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.spearman import spearman

pairs = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=30).filter(
    lambda rows: all(len(set(column)) > 1 for column in zip(*rows, strict=True))
)


def correlate(rows):
    return spearman(*np.array(rows, float).T)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_rs_is_pearsons_r_of_the_mid_ranks_and_p_is_of_t(rows):
    found = correlate(rows)
    first, second = (pd.Series(column).rank() for column in zip(*rows, strict=True))
    assert found.rs == pytest.approx(first.corr(second), abs=1e-12)
    if found.t is not None:
        assert found.p == pytest.approx(2 * stats.t.sf(abs(found.t), len(rows) - 2), rel=1e-6)
        assert found.t == pytest.approx(found.rs * math.sqrt((len(rows) - 2) / (1 - found.rs**2)))
        assert found.ci[0] < found.rs < found.ci[1]


@settings(deadline=None, max_examples=40)
@given(pairs, st.randoms())
def test_order_and_monotone_transforms_change_nothing_and_a_mirror_turns_the_sign(rows, random):
    found = correlate(rows)
    assert correlate(random.sample(rows, len(rows))).rs == pytest.approx(found.rs, abs=1e-12)
    assert correlate([(a**3, math.exp(b)) for a, b in rows]).rs == pytest.approx(found.rs, abs=1e-12)
    assert correlate([(-a, b) for a, b in rows]).rs == pytest.approx(-found.rs, abs=1e-12)


def test_pairs_with_an_unknown_are_left_out_and_counted_out():
    first = np.array([1, 2, np.nan, 4, 5, 6.0])
    second = np.array([2, 1, 3, np.nan, 5, 4.0])
    found = spearman(first, second)
    assert found.n == 4 and found == spearman(np.array([1, 2, 5, 6.0]), np.array([2, 1, 5, 4.0]))


def test_the_interval_is_that_of_bonett_and_wright():
    rng = np.random.default_rng(5)
    first = rng.normal(size=61)
    found = spearman(first, first + rng.normal(size=61))
    z, error = math.atanh(found.rs), math.sqrt((1 + found.rs**2 / 2) / 58)
    assert found.ci == pytest.approx((math.tanh(z - 1.959964 * error), math.tanh(z + 1.959964 * error)), abs=1e-6)


def test_a_perfect_correlation_has_no_t_and_no_interval():
    found = spearman(np.arange(6.0), -np.arange(6.0))
    assert (found.rs, found.t, found.ci) == (-1, None, None) and found.p < 1e-9


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [([1, 2], [2, 1], "fewer than three"), ([1, 2, np.nan], [1, 2, 3], "fewer"), ([1, 1, 1], [1, 2, 3], "equal")],
)
def test_what_cannot_be_correlated_is_refused_with_the_reason(first, second, why):
    with pytest.raises(ValueError, match=why):
        spearman(np.array(first, float), np.array(second, float))
