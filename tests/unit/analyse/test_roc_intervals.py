"""Intervals of the area against scipy, their formulas solved another way, and their symmetries."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics

from myot2.analyse.roc import area, roc_curve
from myot2.analyse.roc_intervals import METHODS, area_interval, roc_band

values = st.lists(st.integers(0, 12), min_size=3, max_size=14).map(lambda found: np.array(found, float))
quick = settings(deadline=None, max_examples=40)
REPEATS = 200


def overlapping(positives, negatives):
    return area(positives, negatives).se_delong > 0


def ends(*groups, method):
    found = area_interval(*groups, method, resamples=REPEATS)
    return found.low, found.high


@pytest.fixture
def cohort():
    rng = np.random.default_rng(3)
    return rng.lognormal(3.8, 0.2, 64).round(1), rng.normal(34, 4, 10).round(1)


@quick
@given(values, values, st.sampled_from(METHODS))
def test_every_interval_holds_the_area_and_stays_between_zero_and_one(positives, negatives, method):
    assume(overlapping(positives, negatives))
    low, high = ends(positives, negatives, method=method)
    assert 0 <= low <= high <= 1
    if method in ("wilson", "delong", "logit"):
        assert low - 1e-12 <= area(positives, negatives).area <= high + 1e-12


@quick
@given(values, values, st.sampled_from(METHODS))
def test_a_monotone_transform_changes_no_interval(positives, negatives, method):
    assume(overlapping(positives, negatives))
    bent = (np.exp(positives / 3), np.exp(negatives / 3))
    assert ends(*bent, method=method) == ends(positives, negatives, method=method)


@quick
@given(values, values, st.sampled_from(["wilson", "delong", "logit"]))
def test_swapped_groups_have_the_complementary_interval(positives, negatives, method):
    assume(overlapping(positives, negatives))
    low, high = ends(positives, negatives, method=method)
    assert ends(negatives, positives, method=method) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@quick
@given(values, values, st.sampled_from(["percentile", "bca"]))
def test_mirrored_values_have_the_complementary_bootstrap_interval(positives, negatives, method):
    assume(overlapping(positives, negatives))
    low, high = ends(positives, negatives, method=method)
    assert ends(-positives, -negatives, method=method) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_the_bootstrap_is_scipys_over_scikit_learns_area(cohort, method):
    positives, negatives = cohort

    def sklearn_area(x, y):
        found = metrics.roc_auc_score(np.repeat([1, 0], [len(x), len(y)]), np.concatenate([x, y]))
        return round(found * len(x) * len(y) * 2) / (len(x) * len(y) * 2)  # its noise makes equal areas unequal

    peer = stats.bootstrap(cohort, sklearn_area, n_resamples=100, method=method, vectorized=False, rng=7)
    found = area_interval(positives, negatives, method, resamples=100, seed=7)
    assert (found.low, found.high) == pytest.approx(tuple(peer.confidence_interval), abs=1e-9)


def test_the_accelerated_interval_is_efron_s_with_the_jackknife_of_both_groups(cohort):
    """Written out from Davison and Hinkley 1997, 5.3, with areas counted pair by pair."""
    positives, negatives = cohort
    rng = np.random.default_rng(5)
    estimate, drawn = area(*cohort).area, []
    picks = [rng.integers(0, len(group), (REPEATS, len(group))) for group in cohort]
    for one, other in zip(*picks, strict=True):
        drawn.append(area(positives[one], negatives[other]).area)
    drawn = np.array(drawn)
    share = (np.mean(drawn < estimate) + np.mean(drawn <= estimate)) / 2
    cubes = squares = 0.0
    for which, group in enumerate(cohort):
        without = [list(cohort) for _ in group]
        for i, pair in enumerate(without):
            pair[which] = np.delete(group, i)
        left = np.array([area(*pair).area for pair in without])
        influence = (len(group) - 1) * (left.mean() - left)
        cubes += (influence**3).sum() / len(group) ** 3
        squares += (influence**2).sum() / len(group) ** 2
    acceleration = cubes / (6 * squares**1.5)
    bias = stats.norm.ppf(share)
    levels = [
        stats.norm.cdf(bias + (bias + z) / (1 - acceleration * (bias + z))) for z in stats.norm.ppf([0.025, 0.975])
    ]
    assert ends(*cohort, method="bca") != tuple(np.quantile(drawn, levels))  # another seed
    found = area_interval(*cohort, "bca", resamples=REPEATS, seed=5)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, levels)), abs=1e-9)


def test_wilsons_limits_are_where_the_score_test_of_the_effective_sample_turns(cohort):
    found, variance = area_interval(*cohort, "wilson"), area(*cohort).se_delong ** 2
    wins = (np.sign(cohort[0][:, None] - cohort[1]) + 1) / 2
    parts = [np.var(wins.mean(axis=1), ddof=1) / 64, np.var(wins.mean(axis=0), ddof=1) / 10]
    size = min(found.area * (1 - found.area) / variance, 74)
    quantile = stats.t.ppf(0.975, sum(parts) ** 2 / (parts[0] ** 2 / 63 + parts[1] ** 2 / 9))

    def excess(p):
        return (found.area - p) ** 2 - quantile**2 * p * (1 - p) / size

    assert found.low == pytest.approx(optimize.brentq(excess, 0, found.area), abs=1e-9)
    assert found.high == pytest.approx(optimize.brentq(excess, found.area, 1), abs=1e-9)


def test_the_logit_interval_is_symmetric_in_the_log_odds(cohort):
    found, error = area_interval(*cohort, "logit"), area(*cohort).se_delong
    odds = [math.log(p / (1 - p)) for p in (found.low, found.area, found.high)]
    margin = 1.959964 * error / (found.area * (1 - found.area))
    assert (odds[2] - odds[1], odds[1] - odds[0]) == pytest.approx((margin, margin), rel=1e-6)


def test_separated_groups_have_wilsons_interval_of_the_smaller_group_and_no_other():
    positives, negatives = np.arange(20.0, 84), np.arange(10.0)
    found = area_interval(positives, negatives)
    peer = stats.binomtest(10, 10).proportion_ci(method="wilson")
    assert (found.area, found.low, found.high) == (1, pytest.approx(peer.low, abs=1e-12), 1)
    for method in METHODS[1:]:
        with pytest.raises(ValueError, match="Wilson"):
            area_interval(positives, negatives, method)


@pytest.mark.parametrize(
    ("positives", "negatives", "method", "why"),
    [([1.0], [0.0, 2], "wilson", "fewer than two"), ([1.0, 2], [0.0, 2], "jackknife", "no method")],
)
def test_what_cannot_be_had_is_refused_with_the_reason(positives, negatives, method, why):
    with pytest.raises(ValueError, match=why):
        area_interval(np.array(positives), np.array(negatives), method)


def test_wilsons_interval_covers_where_delongs_does_not():
    """Ten controls and an area of 0.986, as in the study; benchmarks/statistics_coverage.py has the full table."""
    rng, truth = np.random.default_rng(1), float(stats.norm.cdf(3.1 / math.sqrt(2)))
    covered = {"wilson": 0, "delong": 0}
    for _ in range(400):
        groups = rng.normal(3.1, 1, 64), rng.normal(0, 1, 10)
        for method in covered:
            if method == "wilson" or overlapping(*groups):
                low, high = ends(*groups, method=method)
                covered[method] += low <= truth <= high
    assert covered["wilson"] >= 0.93 * 400 and covered["delong"] < 0.85 * 400


def test_the_band_is_the_quantiles_of_curves_drawn_person_by_person(cohort):
    rates = np.array([0, 0.1, 0.25, 0.3, 0.95, 1])
    band = roc_band(*cohort, rates=rates, resamples=REPEATS, seed=4)
    rng = np.random.default_rng(4)
    sorted_groups = [np.sort(group) for group in cohort]
    picks = [rng.integers(0, len(group), (REPEATS, len(group))) for group in cohort]

    def sensitivities(positives, negatives):
        curve = roc_curve(positives, negatives)
        false = curve.n_negative - curve.rejections
        return [max(curve.hits[10 * false <= 10 * curve.n_negative * rate + 1e-6]) / curve.n_positive for rate in rates]

    curves = [sensitivities(sorted_groups[0][one], sorted_groups[1][other]) for one, other in zip(*picks, strict=True)]
    assert band.sensitivity.tolist() == sensitivities(*cohort)
    assert np.allclose([band.low, band.high], np.quantile(curves, [0.025, 0.975], axis=0), atol=1e-12)


@quick
@given(values, values)
def test_the_band_rises_from_left_to_right_and_ends_at_one(positives, negatives):
    band = roc_band(positives, negatives, resamples=50)
    for line in (band.low, band.sensitivity, band.high):
        assert (np.diff(line) >= 0).all() and line[-1] == 1 and line[0] >= 0
