"""Mann and Whitney's test against scipy, enumeration, and the study's own figures."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.mann_whitney import mann_whitney

tied = st.lists(st.integers(0, 6), min_size=2, max_size=12)
quick = settings(deadline=None, max_examples=60)


def distinct(first, second):
    return len(set(first + second)) > 1


@quick
@given(tied, tied)
def test_u_and_p_are_those_of_scipy_without_continuity_correction(first, second):
    if distinct(first, second):
        found = mann_whitney(np.array(first), np.array(second))
        peer = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False)
        assert (found.u, found.p) == (peer.statistic, pytest.approx(peer.pvalue, rel=1e-9))


@quick
@given(tied, tied)
def test_swapping_the_groups_turns_z_and_keeps_every_p(first, second):
    if distinct(first, second):
        one, other = mann_whitney(np.array(first), np.array(second)), mann_whitney(np.array(second), np.array(first))
        assert one.z == pytest.approx(-other.z) and one.p == pytest.approx(other.p)
        assert one.p_exact == pytest.approx(other.p_exact) and one.u_smaller == other.u_smaller
        assert one.u + other.u == len(first) * len(second)


@quick
@given(tied, tied, st.randoms())
def test_the_order_within_groups_does_not_matter(first, second, random):
    if distinct(first, second):
        shuffled = (random.sample(first, len(first)), random.sample(second, len(second)))
        assert mann_whitney(np.array(first), np.array(second)) == mann_whitney(*map(np.array, shuffled))


@quick
@given(tied, tied)
def test_a_monotone_transform_changes_nothing(first, second):
    if distinct(first, second):
        bent = (np.exp(np.array(first, float)), np.exp(np.array(second, float)))
        assert mann_whitney(np.array(first), np.array(second)) == mann_whitney(*bent)


@pytest.mark.parametrize(("n1", "n2"), [(3, 4), (1, 5), (8, 12), (20, 20), (5, 35)])
def test_the_exact_p_without_ties_is_scipys(n1, n2):
    values = np.random.default_rng(n1).permutation(n1 + n2).astype(float)
    found = mann_whitney(values[:n1], values[n1:])
    assert found.p_exact == pytest.approx(
        stats.mannwhitneyu(values[:n1], values[n1:], method="exact").pvalue, rel=1e-12
    )


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=5), st.lists(st.integers(0, 3), min_size=2, max_size=5))
def test_the_exact_p_with_ties_counts_every_split_of_the_ranks(first, second):
    if distinct(first, second):
        ranks = stats.rankdata(first + second)
        expected = ranks.sum() * len(first) / len(ranks)
        sums = [sum(split) for split in itertools.combinations(ranks, len(first))]
        extreme = [abs(total - expected) >= abs(sum(ranks[: len(first)]) - expected) - 1e-9 for total in sums]
        found = mann_whitney(np.array(first), np.array(second)).p_exact
        assert found == pytest.approx(np.mean(extreme), rel=1e-12)


def test_the_exact_p_with_ties_is_that_of_scipys_exhaustive_permutation_test():
    first, second = np.array([1, 2, 2, 3, 5.0]), np.array([2, 3, 3, 4, 4, 6.0])
    ranks = stats.rankdata(np.concatenate([first, second]))

    def distance(x, y, axis):
        return np.abs(x.sum(axis=axis) - 5 * 12 / 2)

    peer = stats.permutation_test(
        (ranks[:5], ranks[5:]), distance, alternative="greater", n_resamples=np.inf, vectorized=True
    )
    assert mann_whitney(first, second).p_exact == pytest.approx(peer.pvalue, rel=1e-12)


def test_nine_lost_pairs_of_64_by_10_give_the_figures_of_the_notes():
    """notes/statistics.md T3: U = 9, Z = -4.917, p = 8.8e-07 (for controls minus patients)."""
    controls = np.arange(10.0)
    patients = np.concatenate([[0.5], np.linspace(10, 20, 63)])  # one patient lies below nine controls
    found = mann_whitney(controls, patients)
    assert found.u_smaller == 9 and found.z == pytest.approx(-4.917, abs=5e-4)
    assert found.p == pytest.approx(8.8e-7, rel=0.01)
    assert found.p_exact is None


def test_the_exact_p_is_given_up_to_forty_people():
    values = np.arange(41.0)
    assert mann_whitney(values[:10], values[10:40]).p_exact == pytest.approx(2 / math.comb(40, 10))
    assert mann_whitney(values[:10], values[10:]).p_exact is None


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [([], [1, 2, 3], "empty"), ([1, 2, 3], [], "empty"), ([1], [2], "fewer than three"), ([2, 2], [2, 2], "equal")],
)
def test_what_cannot_be_tested_is_refused_with_the_reason(first, second, why):
    with pytest.raises(ValueError, match=why):
        mann_whitney(np.array(first, float), np.array(second, float))
