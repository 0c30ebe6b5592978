"""Two readers' agreement against published tables, scikit-learn and a numerical delta method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from myot2.analyse.raters import (
    EXTENT_CLASSES,
    Extent,
    consensus,
    extent_grade,
    gaps_and_overlaps,
    ild_score,
    weighted_kappa,
)

# Hout et al. 1987 as distributed with R's vcd (SexualFun): vcd::Kappa prints 0.2374 with the standard error 0.07832.
COUPLES = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
# Agresti and Winner, Chance 1997;10:10: two film critics (con, mixed, pro). SAS PROC FREQ: 0.4269, ASE 0.0635.
CRITICS = [[24, 8, 13], [8, 13, 11], [10, 9, 64]]


def readings(table):
    """Two readers' grades that have this cross-table."""
    pairs = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return np.array(pairs, float).T


two_readers = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=5, max_size=40).filter(
    lambda rows: len({grade for row in rows for grade in row}) > 1
)


@pytest.mark.parametrize(("table", "kappa", "se"), [(COUPLES, 0.2374, 0.07832), (CRITICS, 0.4269, 0.0635)])
def test_published_weighted_kappas_and_their_errors_are_reproduced(table, kappa, se):
    found = weighted_kappa(*readings(table), grades=range(len(table)))
    assert found.kappa == pytest.approx(kappa, abs=5e-5) and found.se == pytest.approx(se, abs=5e-5)
    assert found.n == np.sum(table) and found.ci == pytest.approx((kappa - 1.96 * se, kappa + 1.96 * se), abs=2e-4)
    assert found.table.tolist() == table


@settings(deadline=None, max_examples=80)
@given(two_readers, st.sampled_from(["linear", "quadratic"]))
def test_kappa_is_that_of_scikit_learn_and_of_either_order_of_readers(rows, weights):
    first, second = np.array(rows, float).T
    found = weighted_kappa(first, second, weights=weights)
    peer = cohen_kappa_score(first.astype(int), second.astype(int), weights=weights, labels=range(5))
    assert found.kappa == pytest.approx(peer, abs=1e-12)
    turned = weighted_kappa(4 - second, 4 - first, weights=weights)
    assert turned.kappa == pytest.approx(found.kappa, abs=1e-12)
    assert found.agreement == np.mean(first == second) and found.within_one == np.mean(np.abs(first - second) <= 1)


@settings(deadline=None, max_examples=60)
@given(two_readers)
def test_quadratic_kappa_is_lins_concordance_of_the_grades(rows):
    first, second = np.array(rows, float).T
    covariance = np.mean((first - first.mean()) * (second - second.mean()))
    concordance = 2 * covariance / (first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    assert weighted_kappa(first, second, weights="quadratic").kappa == pytest.approx(concordance, abs=1e-12)


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
def test_the_error_is_that_of_the_delta_method_on_the_cells(weights):
    counts = np.array([[9, 3, 1, 0, 0], [2, 8, 4, 1, 0], [1, 2, 7, 3, 1], [0, 1, 2, 6, 2], [0, 0, 1, 2, 5]], float)
    places = np.arange(5)
    cost = np.abs(places[:, None] - places) ** (1 if weights == "linear" else 2)

    def kappa(share):
        return 1 - (cost * share).sum() / (cost * np.outer(share.sum(1), share.sum(0))).sum() * share.sum()

    share, step = counts / counts.sum(), 1e-6
    gradient = np.zeros((5, 5))
    for place in np.ndindex(5, 5):
        moved = share.copy()
        moved[place] += step
        gradient[place] = (kappa(moved / moved.sum()) - kappa(share)) / step
    variance = ((share * gradient**2).sum() - (share * gradient).sum() ** 2) / counts.sum()
    found = weighted_kappa(*readings(counts.astype(int)), weights=weights)
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-4)


def test_the_interval_covers_95_percent():
    rng, covered, runs = np.random.default_rng(3), 0, 300
    truth = rng.integers(0, 5, 1_000_000)

    def read(grades):
        return np.clip(grades + rng.choice([-1, 0, 0, 0, 1], grades.size), 0, 4).astype(float)

    population = weighted_kappa(read(truth[:200_000]), read(truth[:200_000])).kappa
    for _ in range(runs):
        graded = rng.choice(truth, 61)
        low, high = weighted_kappa(read(graded), read(graded)).ci
        covered += low <= population <= high
    assert covered / runs == pytest.approx(0.95, abs=0.04)


def test_perfect_agreement_has_no_error():
    found = weighted_kappa(np.array([0, 1, 2.0]), np.array([0, 1, 2.0]))
    assert (found.kappa, found.se, found.ci, found.p) == (1, None, None, None) and found.agreement_ci[0] < 0.5


def test_a_reader_who_gave_everybody_one_grade_agrees_by_chance_alone_and_has_no_error():
    found = weighted_kappa(np.array([1, 1, 1.0]), np.array([0, 1, 2.0]))
    assert (found.kappa, found.se, found.p) == (0, None, None)


def test_people_read_by_one_alone_do_not_count_for_agreement():
    found = weighted_kappa(np.array([0, 1, np.nan, 3.0]), np.array([0, 2, 2, np.nan]))
    assert found.n == 2


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ([np.nan], [1.0], "nobody was read by both"),
        ([1.5], [1.0], "a grade is 1.5"),
        ([2, 2.0], [2, 2.0], "everybody the same grade"),
    ],
)
def test_readings_without_an_agreement_are_refused_with_the_reason(first, second, why):
    with pytest.raises(ValueError, match=why):
        weighted_kappa(np.array(first), np.array(second))


def test_the_consensus_is_the_mean_and_more_than_one_grade_apart_is_flagged():
    first = np.array([0, 1, 3, np.nan, 4, np.nan])
    second = np.array([1, 1, 1, 2, np.nan, np.nan])
    found = consensus(first, second)
    assert found.grades[:5].tolist() == [0.5, 1, 2, 2, 4] and np.isnan(found.grades[5])
    assert found.flagged.tolist() == [False, False, True, False, False, False]
    assert found.single.tolist() == [False, False, False, True, True, False] and found.unresolved == 1


def test_a_third_reader_decides_where_the_two_are_far_apart_and_is_waited_for():
    first, second = np.array([0, 3, 4.0]), np.array([1, 1, 0.0])
    found = consensus(first, second, np.array([4, 2, np.nan]), rule="third")
    assert found.grades[:2].tolist() == [0.5, 2] and np.isnan(found.grades[2]) and found.unresolved == 1
    with pytest.raises(ValueError, match="different numbers"):
        consensus(first, second[:2])


def test_the_score_is_the_sum_and_unknown_stays_unknown():
    score = ild_score(np.array([0, 4, np.nan, 2]), np.array([0, 4, 3, np.nan]))
    assert score[:2].tolist() == [0, 8] and np.isnan(score[2:]).all()
    with pytest.raises(ValueError, match="extent is 5"):
        ild_score(np.array([1.0]), np.array([5.0]))


@settings(deadline=None)
@given(st.floats(0, 100))
def test_every_extent_has_one_grade_and_more_is_never_a_lower_one(percent):
    assert extent_grade(0) == 0 and extent_grade(100) == 4
    assert extent_grade(percent) <= extent_grade(min(percent + 1, 100))
    assert (extent_grade(percent) == 0) == (percent == 0)


def test_the_classes_are_a_partition_and_the_studys_own_are_not():
    assert gaps_and_overlaps(EXTENT_CLASSES) == ([], [])
    study = [Extent(0, 0, 0, True, True)]
    study += [
        Extent(grade + 1, *ends, True, True) for grade, ends in enumerate([(10, 25), (25, 50), (50, 75), (75, 100)])
    ]
    gaps, overlaps = gaps_and_overlaps(study)
    assert gaps == [(0, 10)] and overlaps == [(25, 25), (50, 50), (75, 75)]
    with pytest.raises(ValueError, match="no class"):
        extent_grade(5, study)
    with pytest.raises(ValueError, match=r"grades \[1, 2\]"):
        extent_grade(25, study)
    assert gaps_and_overlaps([Extent(0, 0, 40, True, False), Extent(1, 30, 90, False, True)]) == (
        [(90, 100)],
        [(30, 40)],
    )
