"""Tables: three forms in, one form out, text stays text."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import StopNote, Stopped
from myot2.core.tables import MISSING, read_table, write_tsv

CONTENT = pd.DataFrame({"participant_id": ["007", "1e5"], "ck": [" 12.5", "n/a"], "note": ["", "a, b"]})


@pytest.fixture(params=["tsv", "csv", "xlsx"])
def table_path(request, tmp_path):
    path = tmp_path / f"table.{request.param}"
    writers = {
        "tsv": lambda: CONTENT.to_csv(path, sep="\t", index=False),
        "csv": lambda: CONTENT.to_csv(path, index=False),
        "xlsx": lambda: CONTENT.to_excel(path, index=False),
    }
    writers[request.param]()
    return path


def test_every_form_gives_the_same_table_of_text(table_path):
    table = read_table(table_path)
    assert list(table["participant_id"]) == ["007", "1e5"]
    assert table["ck"][0] == "12.5"
    assert table["ck"].isna().tolist() == [False, True]
    assert table["note"].isna().tolist() == [True, False]


def test_empty_rows_of_a_spreadsheet_are_not_participants(tmp_path):
    (tmp_path / "t.csv").write_text("participant_id,ck\nP01,1\n,\n")
    assert len(read_table(tmp_path / "t.csv")) == 1


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.tsv", "a\tb\ta\n1\t2\t3\n", "'a' more than once"),
        ("t.ods", "", "ending in '.ods'"),
        ("missing.tsv", None, "no such file"),
        ("t.tsv", "", "an empty table"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(tmp_path, name, text, message):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(MyoT2Error, match=message):
        read_table(path)


def test_a_column_that_is_asked_for_must_be_there_whatever_else_is(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("more\tsession\tparticipant_id\n1\tn/a\tP1\n")
    assert list(read_table(path, columns=("participant_id", "session"))) == ["more", "session", "participant_id"]
    with pytest.raises(MyoT2Error) as caught:
        read_table(path, columns=("participant_id", "region", "side"), do="Measure again.")
    said = str(caught.value)
    assert "expected columns participant_id, region, side; found no column region, side" in said
    assert str(path) in said and said.endswith("Measure again.")


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv", "id,Größe\n1,2\n".encode("latin-1")), ("t.tsv", b"a\tb\n1\t2\t3\n"), ("t.xlsx", b"no zip")],
)
def test_a_table_of_another_encoding_or_form_is_refused_without_a_traceback(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MyoT2Error, match="unreadable content"):
        read_table(tmp_path / name)


def test_a_stop_note_is_not_taken_for_a_table(tmp_path):
    StopNote("fit", "a", "b", "c", "d").write(tmp_path / "t.tsv")
    with pytest.raises(Stopped):
        read_table(tmp_path / "t.tsv")


def test_a_written_table_has_unknown_cells_as_na_and_ten_digits(tmp_path):
    write_tsv(pd.DataFrame({"t2_ms": [1 / 3, float("nan")], "n": [3, 4]}), tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_text() == "t2_ms\tn\n0.3333333333\t3\nn/a\t4\n"


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+HYPERLINK(1)", "@SUM(1)", "-2+3+cmd|'x'!A0", " =1+1", "'=1"])
def test_what_a_spreadsheet_would_run_is_marked_as_text_in_the_file_and_read_back_as_it_was(tmp_path, text):
    path = tmp_path / "table.tsv"
    write_tsv(pd.DataFrame({"id": ["1"], text: [text]}), path)
    header, row = path.read_text(encoding="utf-8").splitlines()
    assert header == f"id\t'{text}" and row == f"1\t'{text}"
    table = read_table(path)
    assert table.columns[1] == text.strip() and table.iloc[0, 1] == text.strip()


@pytest.mark.parametrize("text", ["-5", "+3.2e-4", "-", "+", "@", "a=b", "P-01", "-.5"])
def test_numbers_signs_and_other_text_are_written_as_they_are(tmp_path, text):
    path = tmp_path / "table.tsv"
    write_tsv(pd.DataFrame({"a": [text, "x"]}), path)
    assert path.read_text(encoding="utf-8") == f"a\n{text}\nx\n"


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1))
@example("+0")
@example("nan")
def test_any_text_comes_back_from_a_file_and_never_starts_as_a_formula_there(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "table.tsv"
    write_tsv(pd.DataFrame({"a": [text], "b": ["x"]}), path)
    cell = path.read_text(encoding="utf-8").splitlines()[1].partition("\t")[0].strip().strip('"').strip()
    assert len(cell) < 2 or cell[0] not in "=+@" or re.fullmatch(r"\+[0-9.eE+-]+", cell), "a signed number is none"
    expected = text.strip()
    assert pd.isna(read_table(path)["a"].iloc[0]) if expected in MISSING else read_table(path)["a"].iloc[0] == expected
