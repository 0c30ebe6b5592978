"""Agreement and repeatability against the published tables of Shrout and Fleiss and of Bland and Altman."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols

from myot2.analyse.agreement import icc, limits_of_agreement, repeatability

# Shrout and Fleiss, Psychol Bull 1979;86:420, table 2: six targets by four judges.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)

# Bland and Altman, Lancet 1986;327:307, table: peak flow (l/min), Wright meter twice and mini meter twice.
PEAK_FLOW = np.fromstring(
    """494 490 512 525  395 397 430 415  516 512 520 508  434 401 428 444  476 470 500 500  557 611 600 625
    413 415 364 460  442 431 380 390  650 638 658 642  433 429 445 432  417 420 432 420  656 633 626 605
    267 275 260 227  478 492 477 467  178 165 259 268  423 372 350 370  427 421 451 443""",
    sep=" ",
).reshape(17, 4)

# Bland and Altman, BMJ 1996;313:744, table 1: peak flow (l/min) of 20 children, four times each.
CHILDREN = np.fromstring(
    """190 220 200 200  220 200 240 230  260 260 240 280  210 300 280 265  270 265 280 270  280 280 270 275
    260 280 280 300  275 275 275 305  280 290 300 290  320 290 300 290  300 300 310 300  270 250 330 370
    320 330 330 330  335 320 335 375  350 320 340 365  360 320 350 345  330 340 380 390  335 385 360 370
    400 420 425 420  430 460 480 470""",
    sep=" ",
).reshape(20, 4)

tables = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.random.default_rng(seed).normal(40, 5, (9, 1)) + np.random.default_rng(seed + 1).normal(0, 2, (9, 3))
    )
)


@pytest.mark.parametrize(
    ("form", "printed", "low", "high"),
    # the coefficients are Shrout and Fleiss's table 4; the intervals those that R's psych prints for the same data
    [("1", 0.17, -0.133, 0.72), ("A,1", 0.29, 0.019, 0.76), ("C,1", 0.71, 0.342, 0.95)],
)
def test_the_coefficients_of_shrout_and_fleiss_are_reproduced(form, printed, low, high):
    found = icc(SHROUT_FLEISS, form)
    assert round(found.icc, 2) == printed
    assert found.ci == (pytest.approx(low, abs=0.0006), pytest.approx(high, abs=0.006))
    assert (found.n, found.k) == (6, 4)


def test_the_f_of_shrout_and_fleiss_is_reproduced():
    found = icc(SHROUT_FLEISS, "C,1")
    assert found.f == pytest.approx(11.02, abs=0.01) and found.df == (5, 15)
    assert icc(SHROUT_FLEISS, "1").f == pytest.approx(1.79, abs=0.01)


@settings(deadline=None, max_examples=30)
@given(tables)
def test_the_mean_squares_are_those_of_statsmodels_and_consistency_ignores_a_shift_of_a_column(values):
    long = pd.DataFrame(values).stack().rename("y").reset_index()
    anova = sm.stats.anova_lm(ols("y ~ C(level_0) + C(level_1)", long).fit())["mean_sq"]
    rows, columns, error = anova
    n, k = values.shape
    expected = (rows - error) / (rows + (k - 1) * error + k / n * (columns - error))
    assert icc(values, "A,1").icc == pytest.approx(expected, rel=1e-9)
    assert icc(values, "C,1").icc == pytest.approx((rows - error) / (rows + (k - 1) * error), rel=1e-9)
    assert icc(values + [0, 3, -7], "C,1").icc == pytest.approx(icc(values, "C,1").icc, rel=1e-9)
    assert icc(values * 3 + 1, "A,1").ci == pytest.approx(icc(values, "A,1").ci, rel=1e-9)


@pytest.mark.parametrize("form", ["1", "A,1", "C,1"])
def test_the_interval_of_the_correlation_covers_95_percent(form):
    rng, covered, runs = np.random.default_rng(11), 0, 1000
    between, shift, error = 3.0, (0.0 if form == "1" else 1.0), 2.0
    truth = between**2 / (between**2 + error**2 + (shift**2 if form == "A,1" else 0))
    for _ in range(runs):
        columns = rng.normal(0, shift, 8) if shift else np.zeros(8)
        values = rng.normal(0, between, (25, 1)) + columns + rng.normal(0, error, (25, 8))
        low, high = icc(values, form).ci
        covered += low <= truth <= high
    assert covered / runs == pytest.approx(0.95, abs=0.02)


def test_equal_repeats_agree_perfectly_and_have_no_interval():
    found = icc(np.repeat(SHROUT_FLEISS[:, :1], 2, axis=1))
    assert found.icc == 1 and found.ci is None and found.f is None


def test_the_peak_flow_meters_of_bland_and_altman_are_reproduced():
    found = limits_of_agreement(PEAK_FLOW[:, 0], PEAK_FLOW[:, 2])
    assert round(found.bias, 1) == -2.1 and round(found.sd, 1) == 38.8
    # They print limits at 2 SD of the rounded figures, -79.7 and 75.5, and a bias from -22.0 to 17.8.
    assert pytest.approx(-79.7) == -2.1 - 2 * 38.8 and found.lower == pytest.approx(
        -2.1176 - 1.95996 * 38.7651, abs=0.01
    )
    assert found.upper == pytest.approx(-2.1176 + 1.95996 * 38.7651, abs=0.01)
    assert found.bias_ci == (pytest.approx(-22.0, abs=0.1), pytest.approx(17.8, abs=0.1))
    # Their approximate interval of the lower limit is -114.3 to -45.1; an exact one lies further out.
    assert found.lower_ci[0] < -114.3 and -60 < found.lower_ci[1] < -45.1


def test_limits_and_bias_hold_their_exact_95_percent_even_in_small_samples():
    rng, runs, truth = np.random.default_rng(3), 1000, 1 + 1.959964 * 2
    inside = np.zeros(3)
    for _ in range(runs):
        first = rng.normal(40, 5, 8)
        found = limits_of_agreement(first + rng.normal(1, 2, 8), first)
        for place, (ci, value) in enumerate([(found.bias_ci, 1), (found.upper_ci, truth), (found.lower_ci, 2 - truth)]):
            inside[place] += ci[0] <= value <= ci[1]
    assert inside / runs == pytest.approx(0.95, abs=0.02)


@settings(deadline=None, max_examples=40)
@given(tables)
def test_the_test_of_proportional_bias_is_pitman_and_morgans_of_equal_spread(values):
    first, second = values[:, 0], values[:, 1]
    n, r = len(first), np.corrcoef(first, second)[0, 1]
    ratio = first.var(ddof=1) / second.var(ddof=1)
    t = (ratio - 1) * math.sqrt(n - 2) / (2 * math.sqrt(ratio * (1 - r * r)))
    assert limits_of_agreement(first, second).slope_p == pytest.approx(2 * stats.t.sf(abs(t), n - 2), rel=1e-6)


@settings(deadline=None, max_examples=40)
@given(tables, st.floats(0.5, 20))
def test_exchanging_the_pair_mirrors_the_limits_and_ratios_ignore_the_unit(values, unit):
    first, second = np.abs(values[:, 0]) + 1, np.abs(values[:, 1]) + 1
    found, mirrored = limits_of_agreement(first, second), limits_of_agreement(second, first)
    assert found.lower == pytest.approx(-mirrored.upper) and found.lower_ci[0] == pytest.approx(-mirrored.upper_ci[1])
    ratio = limits_of_agreement(first, second, ratio=True)
    assert limits_of_agreement(unit * first, unit * second, ratio=True).upper_ci == pytest.approx(ratio.upper_ci)
    assert ratio.bias == pytest.approx(stats.gmean(first) / stats.gmean(second))
    assert ratio.lower_ci[0] < ratio.lower < ratio.lower_ci[1] < ratio.upper


def test_unchanged_masks_are_counted():
    first = np.array([40.0, 41, 42, 43, np.nan])
    found = limits_of_agreement(first, np.array([40.0, 41, 42.5, 43, 44]))
    assert (found.n, found.equal) == (4, 3)


def test_the_children_of_bland_and_altman_are_reproduced():
    found = repeatability(CHILDREN)
    assert found.wsd**2 == pytest.approx(460.52, abs=0.005) and found.df == 60 and found.n == 20
    assert round(found.wsd, 1) == 21.5
    assert found.rc == pytest.approx(2.77 * 21.5, abs=0.2)  # their sqrt(2) x 1.96 s_w = 2.77 s_w


def test_two_repeats_give_the_root_mean_square_difference():
    wright = PEAK_FLOW[:, :2]
    found = repeatability(wright)
    differences = wright[:, 0] - wright[:, 1]
    assert found.wsd == pytest.approx(math.sqrt((differences**2 / 2).mean())) and found.df == 17
    assert 2 * math.sqrt(2) * found.wsd == pytest.approx(43.3, abs=0.05)  # printed 43.2, from rounded figures
    assert 2 * math.sqrt(2) * repeatability(PEAK_FLOW[:, 2:]).wsd == pytest.approx(56.3, abs=0.05)  # printed 56.4


def test_the_interval_of_the_coefficient_covers_95_percent():
    rng, runs, truth, covered = np.random.default_rng(8), 1000, 1.959964 * math.sqrt(2) * 0.9, 0
    for _ in range(runs):
        low, high = repeatability(rng.normal(35, 3, (8, 1)) + rng.normal(0, 0.9, (8, 2))).rc_ci
        covered += low <= truth <= high
    assert covered / runs == pytest.approx(0.95, abs=0.02)


def test_a_proportional_error_is_a_coefficient_of_variation_and_shows_as_a_trend():
    rng = np.random.default_rng(2)
    truth = rng.uniform(20, 90, (400, 1))
    found = repeatability(truth * np.exp(rng.normal(0, 0.05, (400, 2))))
    assert found.wcv == pytest.approx(0.05, abs=0.004) and found.wcv_ci[0] < 0.05 < found.wcv_ci[1]
    # QIBA: a wCV of 5 % makes 13.9 % the smallest change beyond error
    assert found.rc_percent == pytest.approx(277.18 * found.wcv, rel=1e-4)
    assert found.rc_ratio == pytest.approx(math.exp(2.77181 * found.wsd_log), rel=1e-5)
    assert found.trend_tau > 0.1 and found.trend_p < 0.001


def test_repeats_may_be_fewer_for_some_and_the_order_of_people_does_not_matter():
    values = CHILDREN.copy()
    values[3, 2:] = np.nan
    values[5, 1:] = np.nan
    found = repeatability(values)
    assert (found.n, found.measurements, found.df) == (19, 74, 55)
    groups = [row[np.isfinite(row)] for row in values]
    squares = sum(((row - row.mean()) ** 2).sum() for row in groups)
    assert found.wsd == pytest.approx(math.sqrt(squares / 55))
    assert repeatability(values[::-1]).rc == pytest.approx(found.rc)


def test_a_value_of_zero_leaves_the_logarithmic_figures_out():
    found = repeatability(np.array([[0.0, 1.0], [2.0, 2.5]]))
    assert found.wcv is None and found.rc_ratio is None and found.rc > 0


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: limits_of_agreement(np.array([1, 2.0]), np.array([1, 3.0])), "fewer than three"),
        (lambda: limits_of_agreement(np.arange(4.0), np.arange(4.0) + 1), "equal"),
        (lambda: limits_of_agreement(np.arange(4.0), np.array([1, 3, 2, 9.0]), ratio=True), "not positive"),
        (lambda: icc(np.ones((4, 2))), "equal"),
        (lambda: icc(np.array([[1, np.nan], [2, 3.0]])), "fewer than two"),
        (lambda: repeatability(np.array([[1, np.nan]])), "nobody was measured twice"),
        (lambda: repeatability(np.array([[1, 1.0]])), "nobody's measurements differ"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(call, why):
    with pytest.raises(ValueError, match=why):
        call()
