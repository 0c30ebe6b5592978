"""The participants table: what is read, what is refused, and what the refusal says."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.participants import COLUMNS, Participant, read_participants, table_of

HEADER = "participant_id\tsession\tdicom\tgroup\tdiagnosis\tsex\tage\tck\tild_severity\tild_extent\tild_score"
ROW = "01\tn/a\tdicom/01\tpatient\tDM\tF\t52\t180.5\t2\t3\tn/a"


def write(folder, *rows, header=HEADER, name="participants.tsv"):
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def refusal(path, **options) -> MyoT2Error:
    with pytest.raises(MyoT2Error) as caught:
        read_participants(path, **options)
    return caught.value


def changed(**cells: str) -> str:
    """The valid row with some cells replaced."""
    row = dict(zip(HEADER.split("\t"), ROW.split("\t"), strict=True)) | cells
    return "\t".join(row.values())


def test_a_row_is_read_into_typed_values(tmp_path):
    (found,) = read_participants(write(tmp_path, ROW))
    assert found == Participant(
        participant_id="01",
        dicom="dicom/01",
        group="patient",
        diagnosis="DM",
        sex="F",
        age=52,
        ck=180.5,
        ild_severity=2,
        ild_extent=3,
        ild_score=5,
    )
    assert (found.session, found.alt, found.treatment) == (None, None, None)


def test_leading_zeros_stay_and_prefixes_of_bids_go(tmp_path):
    found = read_participants(
        write(tmp_path, changed(participant_id="sub-007", session="ses-02"), changed(participant_id="7"))
    )
    assert [(row.participant_id, row.session) for row in found] == [("007", "02"), ("7", None)]
    assert [row.scan for row in found] == ["sub-007_ses-02", "sub-7"]
    assert [row.folder for row in found] == ["sub-007/ses-02/anat", "sub-7/anat"]


@pytest.mark.parametrize(("cell", "sex"), [("M", "M"), ("female", "F"), ("Male", "M"), ("f", "F"), ("n/a", None)])
def test_sex_is_taken_as_letter_or_word_in_any_case(tmp_path, cell, sex):
    assert read_participants(write(tmp_path, changed(sex=cell)))[0].sex == sex


@pytest.mark.parametrize(
    ("column", "cell", "allowed"),
    [
        ("participant_id", "a_b", "letters and digits"),
        ("participant_id", "../x", "letters and digits"),
        ("participant_id", "n/a", "letters and digits"),
        ("session", "1 2", "letters and digits"),
        ("dicom", "n/a", "folder"),
        ("group", "IIM", "patient or control"),
        ("group", "n/a", "patient or control"),
        ("sex", "X", "M or F"),
        ("age", "-1", "at least 0"),
        ("age", "fifty", "at least 0"),
        ("ck", "inf", "at least 0"),
        ("ck", "1_000", "at least 0"),
        ("ck", "1,5", "at least 0"),
        ("ck", "1e999", "at least 0"),
        ("ild_severity", "5", "from 0 to 4"),
        ("ild_extent", "-1", "from 0 to 4"),
        ("ild_score", "9", "from 0 to 8"),
    ],
)
def test_a_wrong_cell_is_named_by_row_column_value_and_what_is_allowed(tmp_path, column, cell, allowed):
    error = refusal(write(tmp_path, changed(participant_id="00"), changed(**{column: cell})))
    assert error.where.endswith(f"participants.tsv, row 3, column {column}")
    assert error.found == ("n/a" if cell == "n/a" else repr(cell))
    assert allowed in error.expected


def test_the_row_number_is_the_one_in_the_file_although_empty_rows_precede(tmp_path):
    path = write(tmp_path, "", ROW, "\t" * 10, changed(participant_id="02", sex="X"))
    assert ", row 5, column sex" in refusal(path).where


def test_the_row_number_is_the_one_in_the_spreadsheet(tmp_path):
    cells = [HEADER.split("\t"), ROW.split("\t"), [None] * 11, changed(participant_id="02", sex="X").split("\t")]
    path = tmp_path / "participants.xlsx"
    pd.DataFrame(cells).to_excel(path, header=False, index=False)
    assert ", row 4, column sex" in refusal(path).where


def test_all_wrong_cells_are_listed_at_once(tmp_path):
    error = refusal(write(tmp_path, changed(sex="X", age="old"), changed(participant_id="02", group="?")))
    assert "row 2, column sex" in error.where
    assert error.do.endswith("2 more to correct: row 2 age, row 3 group.")


def test_the_score_is_the_sum_of_severity_and_extent(tmp_path):
    assert read_participants(write(tmp_path, changed(ild_severity="1", ild_extent="2.5")))[0].ild_score == 3.5
    error = refusal(write(tmp_path, changed(ild_severity="1", ild_extent="2", ild_score="4")))
    assert "3, the sum of ild_severity and ild_extent" in error.expected
    assert error.found == "'4'" and "column ild_score" in error.where


@pytest.mark.parametrize("parts", [("n/a", "n/a"), ("2", "n/a"), ("n/a", "0")])
def test_a_score_may_stand_alone_and_is_never_made_of_one_part(tmp_path, parts):
    severity, extent = parts
    alone = changed(ild_severity=severity, ild_extent=extent, ild_score="6")
    without = changed(participant_id="02", ild_severity=severity, ild_extent=extent)
    assert [row.ild_score for row in read_participants(write(tmp_path, alone, without))] == [6, None]


def test_one_row_per_participant_and_session(tmp_path):
    twice = refusal(write(tmp_path, changed(session="1"), changed(session="2"), changed(session="ses-1")))
    assert twice.found == "'sub-01_ses-1'" and ", row 4," in twice.where


@pytest.mark.parametrize("cell", [{"group": "control"}, {"sex": "M"}])
def test_sessions_of_one_person_agree_on_group_and_sex(tmp_path, cell):
    error = refusal(write(tmp_path, changed(session="1"), changed(session="2", **cell)))
    assert f"column {next(iter(cell))}" in error.where and "first session" in error.expected


def test_a_users_own_column_names_and_codes_are_mapped(tmp_path):
    path = write(tmp_path, "7;IIM;0", "8;HC;1", header="Patient no.;Arm;female", name="own.tsv")
    path.write_text(path.read_text().replace(";", "\t"))
    found = read_participants(
        path,
        columns={"participant_id": "Patient no.", "group": "Arm", "sex": "female"},
        values={"group": {"IIM": "patient", "HC": "control"}, "sex": {"0": "M", "1": "F"}},
        require_dicom=False,
    )
    assert [(row.participant_id, row.group, row.sex) for row in found] == [("7", "patient", "M"), ("8", "control", "F")]


def test_errors_name_the_users_own_column(tmp_path):
    path = write(tmp_path, "7\tx", header="participant_id\tArm")
    assert "column Arm" in refusal(path, columns={"group": "Arm"}, require_dicom=False).where


@pytest.mark.parametrize("option", ["columns", "values"])
def test_an_unknown_key_of_a_mapping_names_the_nearest_column(tmp_path, option):
    error = refusal(write(tmp_path, ROW), **{option: {"ild_sevrity": "x"}})
    assert "'ild_sevrity'" in error.found and "'ild_severity'" in error.do


def test_a_mapped_column_that_is_not_there_names_the_nearest_in_the_table(tmp_path):
    error = refusal(write(tmp_path, ROW), columns={"group": "grop"})
    assert "'grop'" in error.expected and "'group'" in error.found


def test_a_missing_column_names_the_nearest_in_the_table(tmp_path):
    error = refusal(write(tmp_path, "1\tpatient", header="participant\tgroup"))
    assert "'participant_id'" in error.expected and "'participant'" in error.found


def test_a_column_that_differs_only_in_case_or_spaces_is_not_taken_for_a_further_one(tmp_path):
    error = refusal(write(tmp_path, "1\tpatient\t3", header="participant_id\tgroup\tILD Score"), require_dicom=False)
    assert "'ild_score'" in error.expected and "'ILD Score'" in error.found


@pytest.mark.parametrize("columns", [{"ck": "age"}, {"ck": "diagnosis", "alt": "diagnosis"}])
def test_one_column_cannot_serve_as_two(tmp_path, columns):
    assert "column" in refusal(write(tmp_path, ROW), columns=columns).where


def test_a_table_without_rows_is_refused(tmp_path):
    assert "without rows" in refusal(write(tmp_path)).found


def test_dicom_folders_are_required_unless_said_otherwise(tmp_path):
    path = write(tmp_path, "1\tpatient", header="participant_id\tgroup")
    assert "'dicom'" in refusal(path).expected
    assert read_participants(path, require_dicom=False)[0].dicom is None


def test_raw_k_space_needs_its_column_but_not_every_cell(tmp_path):
    assert "'kspace'" in refusal(write(tmp_path, ROW), require_kspace=True).expected
    path = write(tmp_path, f"{ROW}\traw/01.h5", f"{changed(participant_id='02')}\tn/a", header=f"{HEADER}\tkspace")
    assert [row.kspace for row in read_participants(path, require_kspace=True)] == ["raw/01.h5", None]


def test_the_table_of_participants_reads_back_as_the_same_participants(tmp_path):
    header = f"{HEADER}\tcity"
    found = read_participants(
        write(tmp_path, f"{ROW}\tBern", f"{changed(participant_id='02', age='n/a')}\t", header=header)
    )
    assert found[0].further == {"city": "Bern"} and found[1].further == {"city": None}
    table = table_of(found)
    assert list(table.columns) == [*COLUMNS, "city"]
    assert table["age"].dtype == float and table["participant_id"].tolist() == ["01", "02"]
    again = tmp_path / "again.csv"
    table.to_csv(again, index=False, na_rep="n/a")
    assert read_participants(again) == found


def test_importing_the_module_loads_no_image_or_statistics_library():
    code = (
        "import sys, myot2.core.participants; "
        "print([m for m in ('torch', 'scipy', 'SimpleITK', 'nibabel', 'pydicom', 'matplotlib') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"


def test_a_second_readers_grades_are_numbers_of_their_own_and_leave_the_score_to_the_first(tmp_path):
    row = {"ild_severity": "1", "ild_extent": "2", "ild_severity_2": "3", "ild_extent_2": "n/a"}
    table = tmp_path / "participants.tsv"
    table.write_text(
        "\t".join(["participant_id", "group", *row]) + "\n" + "\t".join(["1", "patient", *row.values()]) + "\n"
    )
    person = read_participants(table, require_dicom=False)[0]
    assert (person.ild_severity_2, person.ild_extent_2, person.ild_score) == (3, None, 3)
    table.write_text(table.read_text().replace("\t3\t", "\t5\t"))
    with pytest.raises(MyoT2Error, match="second reader"):
        read_participants(table, require_dicom=False)
