"""The cutoff's bootstrap against a loop over people that chooses every cutoff by the ROC curve itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.analyse.cutoff import chosen_cutoffs, cutoff_stability, leave_one_out
from myot2.analyse.roc import roc_curve

values = st.lists(st.integers(0, 12), min_size=2, max_size=12).map(lambda found: np.array(found, float))
quick = settings(deadline=None, max_examples=60)


def youden(positives, negatives):
    curve = roc_curve(positives, negatives)
    best, _ = curve.best()
    return curve.cutoffs[best], curve.sensitivity[best], curve.specificity[best]


@quick
@given(values, values, st.integers(0, 99))
def test_each_sample_gets_the_cutoff_of_its_own_roc_curve(positives, negatives, seed):
    rng = np.random.default_rng(seed)
    picks = [rng.integers(0, len(group), (20, len(group))) for group in (positives, negatives)]
    counts = [
        np.array([np.bincount(row, minlength=len(group)) for row in rows])
        for rows, group in zip(picks, (positives, negatives), strict=True)
    ]
    found = chosen_cutoffs(positives, negatives, *counts)
    for k, (one, other) in enumerate(zip(*picks, strict=True)):
        assert tuple(column[k] for column in found) == youden(positives[one], negatives[other])


@quick
@given(values, values)
def test_leaving_one_out_chooses_the_cutoff_of_the_others(positives, negatives):
    found = leave_one_out(positives, negatives)
    for i, value in enumerate(positives):
        cutoff = youden(np.delete(positives, i), negatives)[0]
        assert found.cutoffs_positive[i] == cutoff and found.found[i] == (value >= cutoff)
    for i, value in enumerate(negatives):
        cutoff = youden(positives, np.delete(negatives, i))[0]
        assert found.cutoffs_negative[i] == cutoff and found.rejected[i] == (value < cutoff)


def test_optimism_and_the_left_out_are_those_of_a_loop_over_the_samples():
    rng = np.random.default_rng(8)
    positives, negatives = rng.normal(1, 1, 12).round(1), rng.normal(0, 1, 7).round(1)
    found = cutoff_stability(positives, negatives, resamples=150, seed=9)
    rng = np.random.default_rng(9)
    picks = [rng.integers(0, len(group), (150, len(group))) for group in (positives, negatives)]
    cutoffs, optimism, outside = [], [], []
    for one, other in zip(*picks, strict=True):
        cutoff, sensitivity, _ = youden(positives[one], negatives[other])
        cutoffs.append(cutoff)
        optimism.append(sensitivity - np.mean(positives >= cutoff))
        rest = np.delete(positives, one)
        outside.append(np.mean(rest >= cutoff) if len(rest) else np.nan)
    apparent = youden(positives, negatives)[1]
    assert found.ci == pytest.approx(tuple(np.quantile(cutoffs, [0.025, 0.975])), abs=1e-12)
    assert found.sensitivity.optimism == pytest.approx(np.mean(optimism), abs=1e-12)
    assert found.sensitivity.corrected == pytest.approx(apparent - np.mean(optimism), abs=1e-12)
    assert found.sensitivity.out_of_bag == pytest.approx(np.nanmean(outside), abs=1e-12)


@quick
@given(values, values, st.integers(-9, 9))
def test_an_offset_moves_the_cutoff_and_its_interval_and_another_unit_keeps_the_rates(positives, negatives, step):
    found = cutoff_stability(positives, negatives, resamples=40)
    moved = cutoff_stability(positives + step, negatives + step, resamples=40)
    assert (moved.cutoff, *moved.ci) == pytest.approx((found.cutoff + step, found.ci[0] + step, found.ci[1] + step))
    for other in (moved, cutoff_stability(4 * positives, 4 * negatives, resamples=40)):
        assert (other.sensitivity, other.specificity) == (found.sensitivity, found.specificity)


@quick
@given(values, values)
def test_rates_stay_between_zero_and_one(positives, negatives):
    found = cutoff_stability(positives, negatives, resamples=30)
    for rate in (found.sensitivity, found.specificity):
        assert 0 <= rate.ci[0] <= rate.ci[1] <= 1 and 0 <= rate.corrected <= 1
        assert rate.out_of_bag is None or 0 <= rate.out_of_bag <= 1


def test_the_seed_alone_decides_the_result():
    rng = np.random.default_rng(0)
    groups = rng.normal(1, 1, 30), rng.normal(0, 1, 20)
    assert cutoff_stability(*groups, seed=1) == cutoff_stability(*groups, seed=1)
    assert cutoff_stability(*groups, seed=1) != cutoff_stability(*groups, seed=2)


def test_groups_of_one_are_refused():
    for refused in (cutoff_stability, leave_one_out):
        with pytest.raises(ValueError, match="fewer than two"):
            refused(np.array([1.0]), np.array([0.0, 1]))


def test_correction_brings_the_rates_nearer_to_those_of_new_people():
    """Areas of normal groups: the true rates of each derived cutoff are known."""
    from scipy import stats

    rng, errors = np.random.default_rng(4), {"apparent": [], "corrected": [], "out_of_bag": []}
    for cohort in range(150):
        found = cutoff_stability(rng.normal(1, 1, 30), rng.normal(0, 1, 30), resamples=100, seed=cohort)
        truth = stats.norm.sf(found.cutoff - 1) + stats.norm.cdf(found.cutoff)
        for name in errors:
            errors[name].append(getattr(found.sensitivity, name) + getattr(found.specificity, name) - truth)
    means = {name: abs(np.mean(values)) for name, values in errors.items()}
    assert means["apparent"] > 0.08 and max(means["corrected"], means["out_of_bag"]) < 0.06
