"""Wilcoxon's signed-rank test against a published example, enumeration of all signs, and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.signed_rank import signed_rank

# Hollander and Wolfe, Nonparametric Statistical Methods, 1973, p. 29: Hamilton depression scale before and after.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])

changes = st.lists(st.integers(-5, 5), min_size=2, max_size=9).filter(any)


def test_the_depression_scale_of_hollander_and_wolfe_is_reproduced():
    found = signed_rank(BEFORE, AFTER)
    assert (found.w_lower, found.w_higher) == (40, 5) and found.p_exact == pytest.approx(2 * 0.019531, abs=1e-6)
    assert found.shift == pytest.approx(-0.46, abs=1e-9)
    assert found.ci == pytest.approx((-0.786, -0.010), abs=1e-9) and found.confidence == pytest.approx(0.961, abs=5e-4)
    assert (found.lower, found.higher, found.equal) == (7, 2, 0) and found.z < 0


@settings(deadline=None, max_examples=80)
@given(changes, st.sampled_from(["wilcox", "pratt"]))
def test_the_exact_p_counts_all_choices_of_signs_with_ties_and_zeros(found_changes, zeros):
    change = np.array(found_changes, float)
    found = signed_rank(np.zeros(len(change)), change, zeros=zeros)
    kept = change[change != 0] if zeros == "wilcox" else change
    ranks = stats.rankdata(np.abs(kept))[kept != 0]
    signs = np.array(list(itertools.product([0, 1], repeat=len(ranks))))
    sums = signs @ ranks
    distance = abs(found.w_higher - ranks.sum() / 2)
    assert found.p_exact == pytest.approx((np.abs(sums - ranks.sum() / 2) >= distance - 1e-9).mean(), rel=1e-12)
    assert found.z == pytest.approx((found.w_higher - sums.mean()) / sums.std(), abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(-9, 9), min_size=12, max_size=60).filter(any), st.sampled_from(["wilcox", "pratt"]))
def test_z_and_p_are_scipys_without_continuity_correction(found_changes, zeros):
    change = np.array(found_changes, float)
    found = signed_rank(np.zeros(len(change)), change, zeros=zeros)
    peer = stats.wilcoxon(change, zero_method=zeros, correction=False, method="asymptotic")
    assert found.p == pytest.approx(peer.pvalue, rel=1e-9) and abs(found.z) == pytest.approx(abs(peer.zstatistic))
    assert min(found.w_higher, found.w_lower) == peer.statistic


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-9, 9), min_size=6, max_size=20, unique=True), st.integers(-20, 20))
def test_the_order_in_time_turns_the_sign_and_a_common_shift_moves_the_estimate(values, shift):
    change = np.array(values)
    if not change.any() or not (change + shift).any():
        return
    zero = np.zeros(len(change))
    found, turned = signed_rank(zero, change), signed_rank(change, zero)
    assert turned.z == pytest.approx(-found.z) and turned.shift == pytest.approx(-found.shift, abs=1e-12)
    assert turned.ci == pytest.approx((-found.ci[1], -found.ci[0]), abs=1e-12)
    assert signed_rank(zero, change + shift).ci == pytest.approx(np.add(found.ci, shift), abs=1e-9)


@pytest.mark.parametrize("size", [6, 12, 30])
def test_the_interval_holds_at_least_what_it_says(size):
    rng = np.random.default_rng(size)
    found = [signed_rank(np.zeros(size), rng.standard_cauchy(size) + 2) for _ in range(600)]
    covered = np.mean([one.ci[0] <= 2 <= one.ci[1] for one in found])
    assert found[0].confidence >= 0.95 and covered == pytest.approx(found[0].confidence, abs=0.025)


def test_few_pairs_have_no_interval_and_many_no_exact_p():
    few = signed_rank(np.zeros(5), np.arange(1.0, 6))
    assert few.ci is None and few.confidence is None and few.p_exact == 2 / 32
    assert signed_rank(np.zeros(41), np.arange(1.0, 42)).p_exact is None


def test_pairs_with_an_unknown_are_left_out():
    first = np.array([1, 2, np.nan, 4, 5.0])
    assert signed_rank(first, np.array([2, 4, 9, np.nan, 5.0])).n == 3


@pytest.mark.parametrize(
    ("first", "second", "why"), [([np.nan], [1.0], "no pair is complete"), ([1.0, 2], [1.0, 2], "no pair has changed")]
)
def test_what_cannot_be_tested_is_refused_with_the_reason(first, second, why):
    with pytest.raises(ValueError, match=why):
        signed_rank(np.array(first), np.array(second))
