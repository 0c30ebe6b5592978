"""Agreement of two raters of the same scans against printed and computed truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.analyse.rater_agreement import DECISION_COLUMNS, T2_COLUMNS, decision_agreement, t2_agreement

WORDS = ("accept", "corrected", "reject scan")


def said(table) -> tuple[list[str], list[str]]:
    """Decisions that give a table of counts, the first rater's in its rows."""
    pairs = [
        (one, other)
        for one, row in zip(WORDS, table, strict=True)
        for other, count in zip(WORDS, row, strict=True)
        for _ in range(count)
    ]
    return [one for one, _ in pairs], [other for _, other in pairs]


def test_kappa_is_that_of_the_textbook():
    # Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, 3rd ed., table 18.1: 0.68, error 0.087
    found = decision_agreement(*said([[75, 1, 4], [5, 4, 1], [0, 0, 10]]), WORDS)
    assert found["kappa"] == pytest.approx(0.676, abs=5e-4) and found["equal"] == 89 and found["scans"] == 100
    assert (found["kappa_high"] - found["kappa_low"]) / 2 / 1.95996 == pytest.approx(0.0877, abs=5e-4)
    assert found["kappa_missing"] is None and set(found) == set(DECISION_COLUMNS)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)), min_size=2, max_size=40), st.permutations(WORDS)
)
def test_kappa_is_the_share_beyond_chance_and_knows_no_order_of_the_words_or_raters(pairs, order):
    first, second = ([pair[place] for pair in pairs] for place in (0, 1))
    found = decision_agreement(first, second, WORDS)
    chance = sum(first.count(word) * second.count(word) for word in WORDS) / len(pairs) ** 2
    equal = sum(one == other for one, other in pairs) / len(pairs)
    assert found["agreement"] == pytest.approx(equal)
    if chance == 1:
        assert found["kappa"] is None and "same decision" in found["kappa_missing"]
        return
    assert found["kappa"] == pytest.approx((equal - chance) / (1 - chance), abs=1e-12)
    assert decision_agreement(first, second, order)["kappa"] == pytest.approx(found["kappa"], abs=1e-12)
    assert decision_agreement(second, first, WORDS)["kappa"] == pytest.approx(found["kappa"], abs=1e-12)


def test_raters_without_a_scan_in_common_have_no_kappa_and_it_says_so():
    found = decision_agreement([], [], WORDS)
    assert found["scans"] == 0 and found["kappa"] is None and "nobody" in found["kappa_missing"]


def test_t2_of_two_raters_is_compared_by_limits_and_icc_and_unknown_values_do_not_count():
    first = [30.0, 34.0, 41.0, 50.0, np.nan]
    second = [31.0, 33.0, 43.0, 50.0, 20.0]
    found = t2_agreement(first, second)
    difference = np.array([-1.0, 1.0, -2.0, 0.0])
    assert found["masks"] == 4 and found["t2_bias_ms"] == pytest.approx(-0.5)
    width = found["t2_upper_ms"] - found["t2_lower_ms"]
    assert width == pytest.approx(2 * 1.959964 * difference.std(ddof=1), rel=1e-6)
    # Shrout and Fleiss's ICC(2,1) by its mean squares
    values = np.column_stack([first[:4], second[:4]])
    rows = 2 * values.mean(axis=1).var(ddof=1)
    columns = 4 * values.mean(axis=0).var(ddof=1)
    error = ((values - values.mean(1, keepdims=True) - values.mean(0) + values.mean()) ** 2).sum() / 3
    assert found["icc"] == pytest.approx((rows - error) / (rows + error + 2 * (columns - error) / 4))
    assert set(found) == set(T2_COLUMNS)


def test_what_too_few_masks_cannot_tell_has_its_reason():
    found = t2_agreement([30.0], [31.0])
    assert found["t2_bias_ms"] == -1 and found["t2_lower_ms"] is None and found["icc"] is None
    assert "three" in found["t2_missing"] and "two" in found["icc_missing"]
    assert t2_agreement([], [])["masks"] == 0
