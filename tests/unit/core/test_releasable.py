"""The mark of what may leave the site."""

from __future__ import annotations

import json

import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.releasable import MARK, mark_path, require_releasable, write_mark
from myot2.core.stopnote import StopNote, Stopped

RULES = {"Rules": "some", "RedactUpTo": 7}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "flow.tsv"
    path.write_text("step\tscans\nnot measured\t10\n", encoding="utf-8")
    write_mark(path, {"step": {"Description": "where"}}, RULES)
    return path


def test_a_marked_table_says_by_which_rules_it_was_released(table):
    assert require_releasable(table) == RULES
    assert json.loads(mark_path(table).read_text(encoding="utf-8"))["step"] == {"Description": "where"}


@pytest.mark.parametrize("spoil", ["no mark", "false", "text", "changed", "no table", "no rules"])
def test_a_table_without_its_mark_is_refused(table, spoil):
    mark = mark_path(table)
    content = json.loads(mark.read_text(encoding="utf-8"))
    if spoil == "no mark":
        mark.unlink()
    elif spoil == "text":
        mark.write_text("yes", encoding="utf-8")
    elif spoil == "changed":
        table.write_text("step\tscans\nnot measured\t3\n", encoding="utf-8")
    elif spoil == "no table":
        table.unlink()
    else:
        spoilt = {**content, MARK: "true"} if spoil == "false" else {**content, "ReleasedBy": None}
        mark.write_text(json.dumps(spoilt), encoding="utf-8")
    with pytest.raises(MyoT2Error, match="marked as releasable"):
        require_releasable(table)


def test_a_stop_note_in_its_place_stops(table):
    StopNote("release", "a", "b", "c", "d").write(table)
    with pytest.raises(Stopped):
        require_releasable(table)


def test_a_json_file_has_its_mark_beside_it_under_another_name(tmp_path):
    assert mark_path(tmp_path / "statistics.json").name == "statistics_dictionary.json"
