"""The table of decisions, and which of them count."""

from __future__ import annotations

from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.core.tables import MISSING
from myot2.review.decisions import LONGEST_TEXT, add_decision, changed_since, checked, deciding, read_decisions

A, B, C = "a" * 64, "b" * 64, "c" * 64


def row(**changes):
    record = {
        "rater": "anna",
        "time": "2026-01-31T08:00:00Z",
        "participant_id": "P01",
        "session": None,
        "decision": "accept",
        "image_sha256": A,
        "mask_sha256": B,
        "repeat": "no",
    }
    return checked({**record, **changes}, "here")


def test_rows_come_back_as_they_were_added_in_their_order(tmp_path):
    rows = [
        row(comment="=1+1 is\tno formula\nhere", minutes=2.5),
        row(decision="corrected", corrected_sha256=C, session="2"),
        row(decision="reject muscle", muscles="left sartorius; right gracilis", reason="cut off"),
    ]
    for one in rows:
        add_decision(tmp_path, one)
    assert read_decisions(tmp_path) == rows
    assert rows[0].comment == "=1+1 is no formula here" and rows[2].rejected_muscles == [
        "left sartorius",
        "right gracilis",
    ]
    assert "\t'=1+1" in (tmp_path / "decisions.tsv").read_text(), "a spreadsheet runs no formula"


WORDS = st.one_of(
    st.sampled_from([*MISSING, "=1+1", "'=1", '"', "# x", "\ud800", "1e5", "\ufeffx"]), st.text(max_size=9)
)


@settings(max_examples=300, deadline=None)
@given(WORDS, WORDS)
def test_no_text_that_a_rater_types_makes_the_table_unreadable_or_comes_back_otherwise(reason, comment):
    try:
        one = row(decision="reject scan", reason=reason, comment=comment)
    except MyoT2Error as error:
        assert error.where == "here, column reason" and (not reason.split() or reason.strip() in MISSING)
        return
    with TemporaryDirectory() as folder:
        for _ in range(2):
            add_decision(folder, one)
        assert read_decisions(folder) == [one, one]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"rater": "../anna"}, "rater"),
        ({"rater": "NA"}, "rater"),
        ({"decision": "reject scan", "reason": "N/A"}, "reason"),
        ({"time": "yesterday"}, "time"),
        ({"participant_id": "P/../../x"}, "participant_id"),
        ({"session": ".."}, "session"),
        ({"decision": "maybe"}, "decision"),
        ({"decision": "reject scan"}, "reason"),
        ({"decision": "reject muscle", "reason": "r"}, "muscles"),
        ({"muscles": "left sartorius"}, "muscles"),
        ({"decision": "corrected"}, "corrected_sha256"),
        ({"corrected_sha256": C}, "corrected_sha256"),
        ({"image_sha256": "A" * 64}, "image_sha256"),
        ({"mask_sha256": None}, "mask_sha256"),
        ({"minutes": -1}, "minutes"),
        ({"minutes": "inf"}, "minutes"),
        ({"repeat": "maybe"}, "repeat"),
        ({"comment": "x" * (LONGEST_TEXT + 1)}, "comment"),
        ({"decision": "reject scan", "reason": "x" * (LONGEST_TEXT + 1)}, "reason"),
    ],
)
def test_a_cell_without_a_valid_word_is_refused_and_its_column_named(changes, column):
    with pytest.raises(MyoT2Error) as refused:
        row(**changes)
    assert refused.value.where == f"here, column {column}"


def test_the_last_decision_of_the_first_rater_counts_and_repeats_and_other_raters_do_not():
    rows = [
        row(comment="first"),
        row(comment="last", decision="reject scan", reason="motion"),
        row(comment="again", repeat="yes"),
        row(rater="ben", comment="other"),
    ]
    assert deciding(rows, None)["sub-P01"].comment == "last"
    assert deciding(rows, ["ben"])["sub-P01"].comment == "other"
    assert deciding(rows, ["nobody"]) == {}


def test_of_those_who_decide_the_first_who_did_counts_for_each_scan():
    rows = [row(), row(participant_id="P02"), row(rater="consensus", decision="reject scan", reason="motion")]
    counting = deciding(rows, ["consensus", "anna"])
    assert {scan: one.rater for scan, one in counting.items()} == {"sub-P01": "consensus", "sub-P02": "anna"}


def test_what_has_changed_since_is_named():
    corrected = row(decision="corrected", corrected_sha256=C)
    assert changed_since(corrected, A, B, C) == []
    assert changed_since(corrected, B, B, C) == ["the image"]
    assert changed_since(corrected, A, A, None) == ["the run's own label map", "the corrected label map"]
    assert changed_since(row(), A, B, C) == ["the corrected label map"], "a mask drawn after the acceptance"


def test_comment_and_time_are_no_reason_to_run_again_but_what_is_decided_is():
    assert row().digest() == row(comment="x", minutes=3, time="2027-01-01T00:00:00Z").digest()
    assert row().digest() != row(mask_sha256=C).digest()


def test_a_table_that_lacks_a_column_is_refused(tmp_path):
    (tmp_path / "decisions.tsv").write_text("rater\ttime\nanna\t2026\n")
    with pytest.raises(MyoT2Error, match="no column participant_id"):
        read_decisions(tmp_path)
