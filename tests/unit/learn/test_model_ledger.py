"""The ledger of a model's versions: nothing in it can be changed, moved or cut off unseen."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from myot2.core.errors import MyoT2Error
from myot2.learn.ledger import append, exclusive, records_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    with exclusive(folder):
        for number in range(4):
            append(folder, {"Event": "tried", "Number": number})
    return folder


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def copied(written, damaged, content: bytes):
    (damaged / "ledger.jsonl").write_bytes(content)
    (damaged / "ledger.head").write_bytes((written / "ledger.head").read_bytes())
    return damaged


def test_records_come_back_in_order_and_a_missing_ledger_is_empty(written, tmp_path):
    assert [record["Number"] for record in records_of(written)] == [0, 1, 2, 3]
    assert records_of(tmp_path) == []


@settings(deadline=None)
@given(st.data())
def test_a_changed_byte_is_seen(written, damaged, data):
    content = bytearray((written / "ledger.jsonl").read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    new = data.draw(st.integers(32, 126).filter(lambda value: value != content[place]))
    content[place] = new
    with pytest.raises(MyoT2Error, match="Restore the folder"):
        records_of(copied(written, damaged, bytes(content)))


@pytest.mark.parametrize("kept", [[0, 1, 2], [1, 2, 3], [0, 2, 3], [0, 2, 1, 3], []])
def test_lines_that_are_cut_off_left_out_or_moved_are_seen(written, damaged, kept):
    lines = (written / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    with pytest.raises(MyoT2Error, match="Restore the folder"):
        records_of(copied(written, damaged, b"".join(lines[number] for number in kept)))


def test_a_line_that_was_being_written_when_the_machine_stopped_is_written_anew(written, damaged):
    folder = copied(written, damaged, (written / "ledger.jsonl").read_bytes() + b'{"seq": 5, "rec')
    append(folder, {"Event": "tried", "Number": 4})
    assert [record["Number"] for record in records_of(folder)] == [0, 1, 2, 3, 4]


def test_a_line_whose_head_was_not_written_any_more_counts(written, damaged, tmp_path):
    with exclusive(tmp_path):
        append(tmp_path, {"Number": 0})
        before = (tmp_path / "ledger.head").read_bytes()
        append(tmp_path, {"Number": 1})
    (tmp_path / "ledger.head").write_bytes(before)
    assert [record["Number"] for record in records_of(tmp_path)] == [0, 1]
