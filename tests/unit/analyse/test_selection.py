"""Who belongs to a group: conditions, limits, and what becomes of the unknown."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.analyse.plan import Group
from myot2.analyse.selection import lung_disease, members
from myot2.core.participants import Participant, table_of

ROWS = [
    {"group": "patient", "diagnosis": "DM", "ck": 150, "age": 40},
    {"group": "patient", "diagnosis": "ass", "ck": 200, "age": 60},
    {"group": "patient", "diagnosis": "PM", "ck": 201},
    {"group": "patient", "age": 61},
    {"group": "control", "ck": 100, "age": 20},
]


def people(rows=ROWS) -> pd.DataFrame:
    return table_of([Participant(participant_id=f"P{i}", **row) for i, row in enumerate(rows)])


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ({"group": "patient"}, [0, 1, 2, 3]),
        ({"group": "patient", "diagnosis": "ASS"}, [1]),
        ({"group": "patient", "diagnosis": {"not": "ASS"}}, [0, 2]),
        ({"diagnosis": ["DM", "PM"]}, [0, 2]),
        ({"diagnosis": {"not": ["DM", "PM"]}}, [1]),
        ({"ck": "normal"}, [0, 1, 4]),
        ({"ck": "raised"}, [2]),
        ({"ck": {"not": "normal"}}, [2]),
        ({"age": {"at_least": 60}}, [1, 3]),
        ({"age": {"above": 60}}, [3]),
        ({"age": {"above": 20, "at_most": 60}}, [0, 1]),
        ({"age": {"below": 40}}, [4]),
    ],
)
def test_a_group_holds_those_of_whom_all_conditions_are_known_to_hold(where, chosen):
    found = members(people(), Group.model_validate({"where": where}), {"ck": 200})
    assert found[found].index.tolist() == chosen


def test_the_unknown_are_counted_in_only_where_the_group_says_so_and_nothing_else_speaks_against_them():
    group = Group.model_validate({"where": {"group": "patient", "ck": "normal"}, "unknown": "included"})
    found = members(people(), group, {"ck": 200})
    assert found[found].index.tolist() == [0, 1, 3]


def test_a_column_that_is_not_there_or_holds_text_is_said():
    with pytest.raises(ValueError, match="no column 'site'"):
        members(people(), Group.model_validate({"where": {"site": "A"}}), {})
    with pytest.raises(ValueError, match="'diagnosis' does not hold numbers only"):
        members(people(), Group.model_validate({"where": {"diagnosis": {"above": 1}}}), {})


def test_lung_disease_is_unknown_unless_a_score_or_one_of_its_parts_tells():
    rows = [
        {"ild_score": 0},
        {"ild_score": 3},
        {"ild_severity": 2},
        {"ild_severity": 0},
        {"ild_severity": 0, "ild_extent": 0},
        {},
    ]
    found = lung_disease(people([{"group": "patient", **row} for row in rows]))
    assert found.fillna("unknown").tolist() == ["absent", "present", "present", "unknown", "absent", "unknown"]


cells = st.one_of(st.none(), st.sampled_from(["DM", "PM", "ASS"]))


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=30))
def test_a_group_and_its_opposite_share_nobody_and_leave_out_exactly_the_unknown(diagnoses):
    table = people([{"group": "patient", "diagnosis": cell} for cell in diagnoses])
    one, other = (members(table, Group.model_validate({"where": {"diagnosis": c}}), {}) for c in ("DM", {"not": "DM"}))
    assert not (one & other).any()
    assert (one | other).tolist() == [cell is not None for cell in diagnoses]
