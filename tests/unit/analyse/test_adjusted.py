"""The adjusted comparisons against the sandwich formula written out, and data whose ratio is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from myot2.analyse.adjusted import adjusted_ratio, rank_ancova, ratio_within

quick = settings(deadline=None, max_examples=40)


def cohort(seed, ratio=1.3, noise=0.1, n1=30, n0=12):
    rng = np.random.default_rng(seed)
    first = np.arange(n1 + n0) < n1
    age, sex = rng.uniform(20, 70, n1 + n0), np.where(rng.random(n1 + n0) < 0.4, "M", "F")
    log = np.log(33) + np.log(ratio) * first + 0.002 * age + 0.05 * (sex == "M") + noise * rng.normal(size=n1 + n0)
    return np.exp(log), first, pd.DataFrame({"age": age, "sex": sex})


@quick
@given(st.integers(0, 10_000))
def test_the_error_is_the_sandwich_with_squared_leverages(seed):
    values, first, covariates = cohort(seed)
    found = adjusted_ratio(values, first, covariates)
    x = np.column_stack([np.ones(42), first, covariates["age"], covariates["sex"] == "M"]).astype(float)
    bread = np.linalg.inv(x.T @ x)
    coefficients = bread @ x.T @ np.log(values)
    residuals = np.log(values) - x @ coefficients
    leverage = np.array([row @ bread @ row for row in x])
    meat = (x * (residuals / (1 - leverage))[:, None] ** 2).T @ x
    error = np.sqrt((bread @ meat @ bread)[1, 1])
    assert (found.coefficient, found.se) == pytest.approx((coefficients[1], error), rel=1e-8)
    quantile = stats.t.ppf(0.975, 38)
    ends = np.exp([coefficients[1] - quantile * error, coefficients[1] + quantile * error])
    assert (found.ratio, *found.ci) == pytest.approx((np.exp(coefficients[1]), *ends), rel=1e-8)


def test_without_noise_the_ratio_is_the_one_put_in():
    found = adjusted_ratio(*cohort(1, ratio=1.339, noise=1e-9))
    assert found.ratio == pytest.approx(1.339, rel=1e-7) and found.covariates == ("age", "sex")


def test_without_covariates_it_is_the_ratio_of_the_geometric_means():
    values, first, covariates = cohort(2)
    found = adjusted_ratio(values, first, covariates[[]])
    assert found.ratio == pytest.approx(stats.gmean(values[first]) / stats.gmean(values[~first]))


@quick
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_swapped_groups_invert_the_ratio_and_another_unit_keeps_it(seed, unit):
    values, first, covariates = cohort(seed)
    found, swapped = adjusted_ratio(values, first, covariates), adjusted_ratio(values, ~first, covariates)
    assert (swapped.ratio, swapped.p) == pytest.approx((1 / found.ratio, found.p), rel=1e-6)
    assert swapped.ci == pytest.approx((1 / found.ci[1], 1 / found.ci[0]), rel=1e-6)
    assert adjusted_ratio(unit * values, first, covariates).ci == pytest.approx(found.ci, rel=1e-6)


@quick
@given(st.integers(0, 10_000))
def test_quades_test_sees_ranks_only_and_neither_group_first(seed):
    values, first, covariates = cohort(seed)
    found = rank_ancova(values, first, covariates)
    bent = covariates.assign(age=np.exp(covariates["age"] / 20))
    assert rank_ancova(np.sqrt(values), ~first, bent).f == pytest.approx(found.f, rel=1e-8)


def test_quades_test_of_an_idle_covariate_agrees_with_mann_whitney():
    rng = np.random.default_rng(5)
    first = np.arange(400) < 200
    values, idle = rng.normal(size=400) + 0.2 * first, pd.DataFrame({"idle": np.tile(rng.normal(size=200), 2)})
    u_p = stats.mannwhitneyu(values[first], values[~first], use_continuity=False).pvalue
    assert rank_ancova(values, first, idle).p == pytest.approx(u_p, rel=0.2)


def test_a_restriction_compares_those_people_without_that_covariate():
    values, first, covariates = cohort(3)
    women = (covariates["sex"] == "F").to_numpy()
    assert ratio_within(values, first, covariates, "sex", "F") == adjusted_ratio(
        values[women], first[women], covariates.loc[women, ["age"]]
    )


def test_people_with_a_gap_are_left_out_and_counted():
    values, first, covariates = cohort(4)
    values[0], covariates.loc[1, "age"], covariates.loc[41, "sex"] = np.nan, np.nan, None
    kept = ~np.isin(np.arange(42), [0, 1, 41])
    found = adjusted_ratio(values, first, covariates)
    assert (found.n_first, found.n_second, found.left_out) == (28, 11, 3)
    assert found.ratio == adjusted_ratio(values[kept], first[kept], covariates[kept]).ratio


def test_a_category_of_three_takes_two_coefficients():
    values, first, covariates = cohort(6)
    site = pd.DataFrame({"site": np.resize(["b", "a", "c"], 42)})
    numbers = pd.DataFrame({"b": (site["site"] == "b").astype(float), "c": (site["site"] == "c").astype(float)})
    found = adjusted_ratio(values, first, site)
    assert found.df == 38 and found.se == pytest.approx(adjusted_ratio(values, first, numbers).se)


def refuse(why, values, first, covariates, function=adjusted_ratio):
    with pytest.raises(ValueError, match=why):
        function(values, first, covariates)


def test_what_cannot_be_adjusted_is_refused_with_the_reason():
    values, first, covariates = cohort(7)
    refuse("not positive", values - values.min(), first, covariates)
    refuse("'sex' does not vary", values, first, covariates.assign(sex="F"))
    refuse("follows from", values, first, covariates.assign(twice=2 * covariates["age"] + 1))
    refuse("follows from", values, first, covariates.assign(group=first))
    refuse("alone decides", values, first, covariates.assign(site=np.arange(42) == 7))
    refuse("fewer than two", values, np.arange(42) < 1, covariates)
    refuse("no covariate", values, first, covariates[[]], rank_ancova)
    refuse("as many coefficients", values[28:32], first[28:32], covariates.loc[28:31].assign(sex=["F", "M", "F", "M"]))
