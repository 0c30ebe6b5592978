"""Spreadsheets that run nothing, and labels in other tools' numbers."""

from __future__ import annotations

import json

import numpy as np
import openpyxl
import pandas as pd
import pytest
import SimpleITK as sitk
from export_examination import ROOT

from myot2.core.files import write_json
from myot2.core.images import array_of, read_image, write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.tables import read_table, write_tsv
from myot2.export.spreadsheet import write_workbook

PAYLOADS = ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t=1", '=HYPERLINK("http://a")', "\x01bell"]


@pytest.fixture(scope="module")
def table():
    return read_labels(ROOT / "config/labels.tsv")


@pytest.fixture
def exported(tmp_path, program):
    """The folder of a table's exports."""
    measures = pd.DataFrame(
        {
            "participant_id": ["007", "P2", "P3"],
            "session": ["n/a", "n/a", "n/a"],
            "region": ["vastus lateralis", "=1+1", "@cmd"],
            "t2_mean_ms": [36.123456789, -0.25, None],
            "voxels": [12, 7, 0],
        }
    )
    write_tsv(measures, tmp_path / "cohort.tsv")
    write_json(
        tmp_path / "cohort.json",
        {"t2_mean_ms": {"Description": "mean T2", "Units": "ms"}, "GeneratedWith": {"erosion_mm": 0.5}},
    )
    options = ["--measures", tmp_path / "cohort.tsv", "--csv", tmp_path / "m.csv", "--xlsx", tmp_path / "m.xlsx"]
    options += ["--colours", tmp_path / "colours", "--label-table", ROOT / "config/labels.tsv"]
    assert program("export_tables")([*map(str, options)]) == 0
    return tmp_path


def test_numbers_of_a_workbook_are_numbers_and_text_is_never_a_formula(exported):
    sheet = openpyxl.load_workbook(exported / "m.xlsx")["data"]
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("participant_id", "session", "region", "t2_mean_ms", "voxels")
    assert rows[1] == ("007", None, "vastus lateralis", 36.12345679, 12)
    assert rows[2] == ("P2", None, "=1+1", -0.25, 7)
    assert rows[3] == ("P3", None, "@cmd", None, 0)
    assert {sheet.cell(row, 3).data_type for row in (2, 3, 4)} == {"s"}
    assert {sheet.cell(row, 5).data_type for row in (2, 3, 4)} == {"n"}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_runs_in_any_place_of_a_workbook(tmp_path, payload):
    table = pd.DataFrame({payload: [payload]})
    write_workbook(table, {payload: {"Description": payload, "Units": payload}}, tmp_path / "m.xlsx")
    book = openpyxl.load_workbook(tmp_path / "m.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert len(cells) == 2 + 3 + 3
    assert {cell.data_type for cell in cells} == {"s"}


def test_a_workbook_says_what_its_columns_mean(exported):
    sheet = openpyxl.load_workbook(exported / "m.xlsx")["dictionary"]
    assert list(sheet.iter_rows(values_only=True)) == [
        ("column", "description", "unit"),
        ("t2_mean_ms", "mean T2", "ms"),
        ("GeneratedWith", "erosion_mm: 0.5", None),
    ]
    assert json.loads((exported / "m.json").read_text())["t2_mean_ms"]["Units"] == "ms"


def test_equal_tables_give_equal_bytes(exported, program):
    first = (exported / "m.xlsx").read_bytes()
    write_workbook(pd.DataFrame({"a": [1]}), {}, exported / "a.xlsx")
    again = (exported / "a.xlsx").read_bytes()
    write_workbook(pd.DataFrame({"a": [1]}), {}, exported / "a.xlsx")
    assert (exported / "a.xlsx").read_bytes() == again != first


def test_a_csv_guards_text_and_leaves_numbers(exported):
    lines = (exported / "m.csv").read_text().splitlines()
    assert lines[2] == "P2,n/a,'=1+1,-0.25,7"
    assert read_table(exported / "m.csv").equals(read_table(exported / "cohort.tsv"))


@pytest.mark.parametrize("numbering", ["myot2", "musclemap", "qmritools"])
def test_itksnap_gets_every_label_with_its_number_and_colour(exported, table, numbering):
    text = (exported / f"colours/{numbering}_itksnap.label").read_text()
    rows = [line.split(None, 7) for line in text.splitlines() if not line.startswith("#")]
    assert rows[0] == ["0", "0", "0", "0", "0", "0", "0", '"Clear Label"']
    numbers = {label.index if numbering == "myot2" else getattr(label, numbering): label for label in table.labels}
    numbers.pop("n/a", None)
    assert [str(number) for number in sorted(map(int, numbers))] == [row[0] for row in rows[1:]]
    for row in rows[1:]:
        label = numbers.get(row[0]) or numbers[int(row[0])]
        assert row[7] == f'"{label.name} {label.side}"'
        assert "#{:02x}{:02x}{:02x}".format(*map(int, row[1:4])) == label.colour
        assert row[4:7] == ["1", "1", "1"]


def test_slicer_gets_names_without_spaces_and_no_table_of_numbers_that_are_too_large(exported):
    lines = (exported / "colours/myot2_slicer.ctbl").read_text().splitlines()
    assert lines[2] == "1 vastus_lateralis_left 215 48 39 255"
    assert all(len(line.split()) == 6 for line in lines[1:])
    assert (exported / "colours/musclemap_slicer.ctbl").is_file()
    assert not (exported / "colours/qmritools_slicer.ctbl").exists()


@pytest.mark.parametrize(
    ("numbering", "expected"), [("musclemap", [7101, 7222, 6171]), ("qmritools", [223211, 222402, 0])]
)
def test_labels_get_the_numbers_of_another_tool_and_what_it_has_not_is_said(tmp_path, program, numbering, expected):
    image = sitk.GetImageFromArray(np.array([[[0, 1, 18, 27]]], np.uint16))
    image.SetSpacing((1.5, 1.5, 6))
    write_image(image, tmp_path / "dseg.nii.gz")
    options = ["--labels", tmp_path / "dseg.nii.gz", "--numbering", numbering, "--out", tmp_path / "out.nii.gz"]
    options += ["--label-table", ROOT / "config/labels.tsv"]
    assert program("renumber_labels")([*map(str, options)]) == 0
    assert array_of(read_image(tmp_path / "out.nii.gz")).ravel().tolist() == [0, *expected]
    left_out = json.loads((tmp_path / "out.json").read_text())["LeftOut"]
    assert left_out == (["femur left"] if numbering == "qmritools" else [])


def test_a_stopped_scan_stays_stopped(tmp_path, program):
    StopNote("segment", "legs", "none", "here", "Look.").write(tmp_path / "dseg.nii.gz")
    options = ["--labels", tmp_path / "dseg.nii.gz", "--numbering", "musclemap", "--out", tmp_path / "out.nii.gz"]
    options += ["--label-table", ROOT / "config/labels.tsv", "--leave-stop-notes"]
    assert program("renumber_labels")([*map(str, options)]) == 0
    assert read_stop_note(tmp_path / "out.json").stage == "segment"
