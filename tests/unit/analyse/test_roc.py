"""The ROC curve, its area and errors against scikit-learn, brute force and their own symmetries."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from myot2.analyse.roc import area, interval, roc_curve

values = st.lists(st.integers(0, 12), min_size=2, max_size=14).map(lambda found: np.array(found, float))
quick = settings(deadline=None, max_examples=60)


def labelled(positives, negatives):
    truth = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    return truth, np.concatenate([positives, negatives])


@quick
@given(values, values)
def test_the_area_is_scikit_learns_and_u_over_the_pairs_and_the_trapezoids(positives, negatives):
    found, curve = area(positives, negatives), roc_curve(positives, negatives)
    assert found.area == pytest.approx(metrics.roc_auc_score(*labelled(positives, negatives)), abs=1e-12)
    u = stats.mannwhitneyu(positives, negatives, method="asymptotic").statistic
    assert found.u == u and found.area == u / (len(positives) * len(negatives))
    assert -np.trapezoid(curve.sensitivity, 1 - curve.specificity) == pytest.approx(found.area, abs=1e-12)


@quick
@given(values, values)
def test_mirrored_values_and_swapped_groups_give_the_complement(positives, negatives):
    found = area(positives, negatives)
    for mirrored in (area(-positives, -negatives), area(negatives, positives)):
        assert mirrored.area == pytest.approx(1 - found.area, abs=1e-12)
        assert mirrored.se_delong == pytest.approx(found.se_delong, abs=1e-12)
        assert mirrored.se_spss == pytest.approx(found.se_spss, abs=1e-9)
        assert mirrored.p == pytest.approx(found.p, rel=1e-9)


@quick
@given(values, values, st.randoms())
def test_order_and_monotone_transforms_change_nothing(positives, negatives, random):
    found = area(positives, negatives)
    shuffled = np.array(random.sample(positives.tolist(), len(positives)))
    for other in (area(shuffled, negatives), area(np.exp(positives), np.exp(negatives))):
        assert other.area == found.area
        assert (other.se_delong, other.se_spss) == pytest.approx((found.se_delong, found.se_spss), abs=1e-12)
    curve, bent = roc_curve(positives, negatives), roc_curve(positives**3, negatives**3)
    assert curve.best() == bent.best()


@quick
@given(values, values)
def test_the_curve_has_scikit_learns_operating_points(positives, negatives):
    curve = roc_curve(positives, negatives)
    fpr, tpr, _ = metrics.roc_curve(*labelled(positives, negatives), drop_intermediate=False)
    assert np.array_equal(tpr, curve.sensitivity[::-1])
    assert np.allclose(fpr, 1 - curve.specificity[::-1], atol=1e-15)


@quick
@given(values, values)
def test_cutoffs_lie_between_neighbouring_values_and_one_beyond_the_ends(positives, negatives):
    curve = roc_curve(positives, negatives)
    distinct = sorted(set(positives) | set(negatives))
    middles = [(low + high) / 2 for low, high in itertools.pairwise(distinct)]
    assert curve.cutoffs.tolist() == [distinct[0] - 1, *middles, distinct[-1] + 1]


@quick
@given(values, values)
def test_delongs_error_is_the_two_sample_jackknifes(positives, negatives):
    """Leaving out one person at a time gives DeLong's variance exactly (Arvesen's jackknife of a U statistic)."""

    def spread(left_out):
        areas = np.array([metrics.roc_auc_score(*labelled(*groups)) for groups in left_out])
        return (len(areas) - 1) / len(areas) * ((areas - areas.mean()) ** 2).sum()

    variance = spread([(np.delete(positives, i), negatives) for i in range(len(positives))])
    variance += spread([(positives, np.delete(negatives, i)) for i in range(len(negatives))])
    assert area(positives, negatives).se_delong == pytest.approx(math.sqrt(variance), abs=1e-7)


@settings(deadline=None, max_examples=20)
@given(values, values)
def test_spss_error_is_hanley_and_mcneils_with_q_counted_triple_by_triple(positives, negatives):
    def both(one, other, rival, sign):
        above, equal = [sign * (x - rival) > 0 for x in (one, other)], [x == rival for x in (one, other)]
        if all(equal):
            return 1 / 3
        return math.prod(1 if a else 0.5 if e else 0 for a, e in zip(above, equal, strict=True))

    q1 = np.mean([both(a, b, c, 1) for a in positives for b in positives for c in negatives])
    q2 = np.mean([both(a, b, c, -1) for a in negatives for b in negatives for c in positives])
    n1, n0, auc = len(positives), len(negatives), area(positives, negatives).area
    variance = (auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)) / (n1 * n0)
    assert area(positives, negatives).se_spss == pytest.approx(math.sqrt(max(variance, 0)), abs=1e-7)


def test_delongs_interval_covers_the_true_area_as_often_as_it_says():
    rng = np.random.default_rng(11)
    truth, covered = stats.norm.cdf(1 / math.sqrt(2)), 0
    for _ in range(600):
        found = area(rng.normal(1, 1, 40), rng.normal(0, 1, 30))
        low, high = interval(found.area, found.se_delong)
        covered += low <= truth <= high
    assert 0.92 <= covered / 600 <= 0.97


def test_among_equal_youden_indices_the_most_specific_cutoff_is_taken():
    curve = roc_curve(np.array([1.0, 3]), np.array([0.0, 2]))
    best, tied = curve.best()
    assert curve.cutoffs[tied].tolist() == [0.5, 2.5] and curve.cutoffs[best] == 2.5
    assert (curve.sensitivity[best], curve.specificity[best], curve.youden[best]) == (0.5, 1, 0.5)


def test_floating_point_noise_does_not_decide_between_equal_youden_indices():
    curve = roc_curve(np.array([1.0, 3, 5, 6, 9]), np.array([0.0, 2, 4, 7, 8]))
    noisy = curve.sensitivity + curve.specificity - 1
    best, tied = curve.best()
    assert curve.cutoffs[tied].tolist() == [0.5, 2.5, 4.5, 8.5] and curve.cutoffs[best] == 8.5
    assert np.ptp(noisy[tied]) > 0 and noisy.argmax() != best  # floats alone would have taken 2.5


def test_a_value_at_the_cutoff_counts_as_positive():
    curve = roc_curve(np.array([3.0, 2.0]), np.array([1.0, 0.0, 2.0]))
    for cutoff, hits, rejections in zip(curve.cutoffs, curve.hits, curve.rejections, strict=True):
        assert hits == sum(x >= cutoff for x in (3, 2)) and rejections == sum(x < cutoff for x in (1, 0, 2))


def test_separated_groups_have_area_one_and_no_error():
    found = area(np.array([5.0, 6, 7]), np.array([1.0, 2]))
    assert (found.area, found.se_delong, found.se_spss) == (1, 0, 0)


def test_a_group_of_one_has_no_delong_error():
    assert area(np.array([5.0]), np.array([1.0, 7])).se_delong is None
