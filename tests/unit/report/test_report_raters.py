"""The tables of raters and of muscles: what is there is shown, and what is not is a dash with its reason."""

from __future__ import annotations

import pandas as pd
import pytest

from myot2.report.inputs import MUSCLE_NUMBERS, RATER_COLUMNS, RATER_MUSCLE_COLUMNS
from myot2.report.raters import muscles_table, raters_section, raters_table

BETWEEN = {
    **{"kind": "between raters", "first": "anna", "second": "ben", "scans": 12, "equal": 9, "left_out": 1, "masks": 11},
    **{
        "kappa": 0.5,
        "kappa_low": 0.1,
        "kappa_high": 0.9,
        "dice_mean": 0.987,
        "hd95_mean_mm": 1.75,
        "t2_bias_ms": -0.001,
    },
    **{"t2_bias_low_ms": -0.2, "t2_bias_high_ms": 0.2, "t2_lower_ms": -0.7, "t2_upper_ms": 0.7},
    **{"icc": 0.991, "icc_low": 0.97, "icc_high": 0.998},
}
WITHIN = {
    **{"kind": "within a rater", "first": "anna", "second": "anna", "scans": 2, "equal": 2, "left_out": 0, "masks": 0},
    "kappa_missing": "both raters gave every scan the same decision",
}


@pytest.fixture
def raters() -> pd.DataFrame:
    return pd.DataFrame([BETWEEN, WITHIN]).reindex(columns=list(RATER_COLUMNS))


def muscles(*names: str) -> pd.DataFrame:
    rows = [{"kind": "between raters", "first": "anna", "second": "ben", "region": name} for name in names]
    numbers = dict.fromkeys(MUSCLE_NUMBERS, 1.0)
    return pd.DataFrame([{**row, **numbers} for row in rows], columns=list(RATER_MUSCLE_COLUMNS))


def cells(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_each_pair_has_its_row_and_what_is_unknown_is_a_dash(raters):
    first, second = cells(raters_table(raters))
    assert first[:5] == ["anna, ben", "9 of 12", "0.50 (0.10 to 0.90)", "11", "0.987"]
    assert first[6:] == ["+0.00 (-0.20 to +0.20)", "-0.70 to +0.70", "0.991 (0.970 to 0.998)"]
    assert second[:2] == ["anna, twice", "2 of 2"] and set(second[2:3] + second[4:]) == {"–"}


def test_the_section_says_what_was_left_out_and_why_there_is_no_kappa(raters):
    told = raters_section(raters, muscles())
    assert "2 raters" in told and "no kappa (both raters gave every scan the same decision)" in told
    assert "1 comparisons are left out" in told and "@tbl-rater-muscles" not in told
    assert "@tbl-rater-muscles" in raters_section(raters, muscles("thigh"))
    assert raters_section(raters.iloc[:0], muscles()) == ""


def test_muscles_that_nobody_changed_are_not_listed_and_names_are_no_markup():
    table = pd.concat([muscles("thigh", "<b>x</b>"), muscles("sartorius").assign(changed=0.0)])
    rows = cells(muscles_table(table))
    assert len(rows) == 2 and rows[0][:3] == ["anna, ben", "thigh", "1 of 1"]
    assert "<b>" not in rows[1][1]
    without_pairs = cells(muscles_table(table.drop(columns=["kind", "first", "second"])))
    assert without_pairs[0][:2] == ["thigh", "1 of 1"]
