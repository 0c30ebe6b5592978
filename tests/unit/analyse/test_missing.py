"""Unknown values: counting, patterns, imputation against simulated cohorts, and Rubin's rules."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.imputation.mice import MICEResults

from myot2.analyse.missing import complete_cases, impute, missing_patterns, missing_table
from myot2.analyse.pooling import imputed_area, imputed_spearman, pool, pool_area, pool_spearman
from myot2.analyse.roc import area
from myot2.analyse.spearman import spearman

cells = st.lists(st.tuples(*[st.one_of(st.none(), st.integers(0, 3))] * 3), min_size=1, max_size=25)


@settings(deadline=None)
@given(cells, st.data())
def test_known_and_unknown_add_up_in_every_group_and_pattern(rows, data):
    people = pd.DataFrame(rows, columns=["ck", "ild_score", "age"], dtype="Float64")
    groups = st.lists(st.sampled_from(["patient", "control"]), min_size=len(rows), max_size=len(rows))
    group = pd.Series(data.draw(groups))
    table = missing_table(people, people.columns, group)
    assert (table["known"] + table["unknown"] == table["n"]).all()
    for place, column in enumerate(people):
        mine = table[table["column"] == column].set_index("group")
        assert mine.loc["all", "known"] == sum(row[place] is not None for row in rows)
        assert mine.drop("all")[["n", "unknown"]].sum().tolist() == mine.loc["all", ["n", "unknown"]].tolist()
    patterns = missing_patterns(people, people.columns)
    assert patterns["n"].sum() == len(rows) and patterns["n"].is_monotonic_decreasing
    whole = patterns[patterns["unknown"] == 0]["n"].sum()
    kept, left_out = complete_cases(people, people.columns)
    assert len(kept) == whole and len(kept) + left_out == len(rows)


def test_patterns_say_which_columns_are_known():
    people = pd.DataFrame({"ck": [1, 2, np.nan, 4], "age": [1, np.nan, np.nan, 2]})
    assert missing_patterns(people, ["ck", "age"]).to_dict("list") == {
        "n": [2, 1, 1],
        "unknown": [0, 1, 2],
        "ck": [True, True, False],
        "age": [True, False, False],
    }


def test_people_without_a_group_are_counted_too():
    people = pd.DataFrame({"ck": [1, np.nan, 3]})
    table = missing_table(people, ["ck"], pd.Series(["patient", None, "patient"]))
    assert table["group"].tolist() == ["n/a", "patient", "all"] and table["unknown"].tolist() == [1, 0, 1]


def cohort(rng, n=64, correlation=0.5):
    """T2 and CK of a Gaussian copula; ALT follows CK, and CK is unknown where T2 is high."""
    t2, ck, alt = rng.multivariate_normal([0, 0, 0], [[1, correlation, 0.4], [correlation, 1, 0.7], [0.4, 0.7, 1]], n).T
    whole = pd.DataFrame({"t2": 45 + 6 * t2, "ck": np.exp(5 + ck).round(), "alt": np.exp(3 + alt)})
    table = whole.copy()
    table.loc[rng.uniform(size=n) < 0.6 * stats.norm.cdf(2 * t2), "ck"] = np.nan
    return whole, table


def test_only_unknown_cells_are_filled_in_and_only_with_values_that_occur():
    _, table = cohort(np.random.default_rng(1))
    table.index = pd.Index([f"p{place}" for place in range(len(table))])
    filled = impute(table, imputations=4, seed=3)
    known = table["ck"].notna()
    assert len(filled) == 4 and 5 < (~known).sum() < 40
    for one in filled:
        assert one.index.equals(table.index) and one[["t2", "alt"]].equals(table[["t2", "alt"]])
        assert one.loc[known, "ck"].equals(table.loc[known, "ck"])
        assert set(one["ck"]) == set(table["ck"].dropna())
    assert not filled[0].equals(filled[1])


def test_the_seed_decides_and_nothing_else():
    _, table = cohort(np.random.default_rng(2))
    once, again, other = (impute(table, imputations=3, seed=seed) for seed in (5, 5, 6))
    assert all(a.equals(b) for a, b in zip(once, again, strict=True))
    assert not all(a.equals(b) for a, b in zip(once, other, strict=True))
    np.random.seed(0)
    assert np.random.uniform() == pytest.approx(0.5488135)  # the global generator was not moved on


def test_a_monotone_transform_of_a_column_changes_the_imputations_by_nothing_else():
    _, table = cohort(np.random.default_rng(3))
    plain, logged = impute(table, imputations=2), impute(table.assign(ck=np.log(table["ck"])), imputations=2)
    assert np.log(plain[1]["ck"]).to_numpy() == pytest.approx(logged[1]["ck"].to_numpy())


def test_imputation_takes_away_most_of_the_bias_of_complete_cases_and_its_intervals_cover():
    rng, runs, truth = np.random.default_rng(4), 60, 6 / math.pi * math.asin(0.25)
    errors, covered = [], 0
    for seed in range(runs):
        whole, table = cohort(rng, n=80)
        pooled = imputed_spearman(impute(table, imputations=5, seed=seed), "t2", "ck")
        complete = spearman(table["t2"].to_numpy(), table["ck"].to_numpy())
        best = spearman(whole["t2"].to_numpy(), whole["ck"].to_numpy())
        errors.append((complete.rs - best.rs, pooled.estimate - best.rs))
        covered += pooled.ci[0] <= truth <= pooled.ci[1]
        assert complete.n < 80
    bias = np.abs(np.mean(errors, axis=0))
    assert bias[1] < 0.03 and covered / runs >= 0.88


def test_an_unknown_score_is_not_a_score_of_zero():
    """Those not known are like those known here; taken for 0 they would halve the mean."""
    rng = np.random.default_rng(6)
    severity = rng.integers(1, 5, 200).astype(float)
    table = pd.DataFrame({"score": severity + rng.integers(0, 2, 200), "severity": severity})
    table.loc[rng.choice(200, 80, replace=False), "score"] = np.nan
    filled = impute(table, imputations=3)
    assert all(one["score"].min() >= 1 for one in filled)
    assert np.mean([one["score"].mean() for one in filled]) == pytest.approx(severity.mean() + 0.5, abs=0.15)


def test_a_table_without_gaps_comes_back_as_it_is():
    whole, _ = cohort(np.random.default_rng(7))
    filled = impute(whole, imputations=2)
    assert all(one.equals(whole) for one in filled)
    pooled, plain = imputed_spearman(filled, "t2", "ck"), spearman(whole["t2"].to_numpy(), whole["ck"].to_numpy())
    assert pooled.estimate == pytest.approx(plain.rs) and pooled.fraction_missing == 0
    assert pooled.p == pytest.approx(plain.p, rel=1e-9) and pooled.ci == pytest.approx(plain.ci, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "options", "why"),
    [
        ({"ck": "much"}, {}, "holds no numbers"),
        ({"ck": 4.0}, {}, "does not vary"),
        ({"ck": np.nan}, {}, "fewer than ten"),
        ({}, {"whole": ["ck"]}, "must not be filled in"),
        ({}, {"imputations": 1}, "fewer than two imputations"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_with_the_reason(change, options, why):
    _, table = cohort(np.random.default_rng(8))
    with pytest.raises(ValueError, match=why):
        impute(table.assign(**change), **options)


def test_people_of_whom_nothing_is_known_and_single_columns_are_refused():
    _, table = cohort(np.random.default_rng(9))
    with pytest.raises(ValueError, match="no other column"):
        impute(table[["ck"]])
    table.iloc[0] = np.nan
    with pytest.raises(ValueError, match="nothing is known"):
        impute(table)


estimates = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 2)), min_size=2, max_size=30)


@settings(deadline=None, max_examples=80)
@given(estimates, st.floats(3, 500))
def test_pooled_errors_are_those_of_statsmodels_and_degrees_of_freedom_never_exceed_the_complete_ones(rows, df):
    values, variances = np.array(rows).T
    found = pool(values, variances, df_complete=df)
    m = len(values)
    between = (1 + 1 / m) * np.cov(values, ddof=1)
    peer = MICEResults(None, values.mean(keepdims=True), np.atleast_2d(variances.mean() + between))
    assert found.se == pytest.approx(float(peer.bse[0])) and found.mean == pytest.approx(values.mean())
    assert found.df <= df + 1e-9 and found.df <= pool(values, variances).df + 1e-9
    assert found.ci[0] <= found.estimate <= found.ci[1] and 0 <= found.fraction_missing <= 1


def test_estimates_that_differ_by_rounding_alone_are_one_estimate():
    found = pool([0.0, 1e-110], [1.0, 1.0], df_complete=20)
    assert found.df == 20 and found.fraction_missing == 0


def test_degrees_of_freedom_by_hand():
    # B = 0.1, U = 0.5, m = 5: T = 0.62, share = 0.12 / 0.62; Rubin's 4 / share^2 = 106.78; with 20 complete ones
    # (21 / 23) x 20 x (1 - share) = 14.727, together 12.942.
    values = np.array([-1, -0.5, 0, 0.5, 1]) * math.sqrt(0.1 / 0.625)
    found = pool(values, [0.5] * 5)
    assert found.df == pytest.approx(106.78, abs=0.01) and found.se**2 == pytest.approx(0.62)
    adjusted = pool(values, [0.5] * 5, df_complete=20)
    assert adjusted.df == pytest.approx(12.942, abs=0.001) and adjusted.increase == pytest.approx(0.24)
    assert adjusted.fraction_missing == pytest.approx((0.24 + 2 / 15.942) / 1.24, abs=1e-4)


def test_the_pooled_test_of_a_correlation_is_right_as_often_as_it_says():
    """Of pairs without correlation about one in twenty has a p below 0.05, a third of one column filled in."""
    rng, below, runs = np.random.default_rng(12), 0, 60
    for seed in range(runs):
        table = pd.DataFrame({"t2": rng.normal(size=40), "ck": rng.exponential(size=40)})
        table.loc[rng.choice(40, 13, replace=False), "ck"] = np.nan
        below += imputed_spearman(impute(table, imputations=5, seed=seed), "t2", "ck").p < 0.05
    assert below / runs <= 0.15


def test_correlations_and_areas_are_pooled_on_their_scales_and_stay_within_bounds():
    rs = pool_spearman([0.3, 0.4, 0.35], 61)
    assert rs.estimate == pytest.approx(math.tanh(np.mean(np.arctanh([0.3, 0.4, 0.35])))) and rs.scale == "Fisher z"
    auc = pool_area([0.97, 0.99, 0.98], [0.02, 0.01, 0.015], 74)
    assert 0.5 < auc.ci[0] < auc.estimate < auc.ci[1] < 1 and auc.scale == "logit" and auc.p < 0.01
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"t2": rng.normal(size=30) + np.repeat([1, 0], 15)})
    single = area(table["t2"].to_numpy()[:15], table["t2"].to_numpy()[15:])
    pooled = imputed_area([table, table], "t2", np.arange(30) < 15)
    assert pooled.estimate == pytest.approx(single.area)
    assert pooled.se == pytest.approx(single.se_delong / (single.area * (1 - single.area)))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: pool([1.0], [1.0]), "fewer than two imputations"),
        (lambda: pool([1.0, np.nan], [1.0, 1.0]), "no estimate"),
        (lambda: pool_spearman([1.0, 0.5], 20), "perfect"),
        (lambda: pool_spearman([0.1, 0.5], 3), "fewer than four"),
        (lambda: pool_area([1.0, 0.9], [0.0, 0.1], 20), "0 or 1"),
        (
            lambda: imputed_area([pd.DataFrame({"a": [1.0, 2]})] * 2, "a", np.array([True, False])),
            "fewer than two people",
        ),
    ],
)
def test_what_cannot_be_pooled_is_refused_with_the_reason(call, why):
    with pytest.raises(ValueError, match=why):
        call()
