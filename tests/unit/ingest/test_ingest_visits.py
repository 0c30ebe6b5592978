"""Of the dates in headers only whole days between visits leave ingest."""

from __future__ import annotations

import json
import re

import pytest
from ingest_dicom_builder import mese_plan, planes, write

from myot2.core.tables import read_table
from myot2.ingest.identity import make_key, read_key
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stacking.joining import find_stacks


@pytest.fixture(scope="module")
def main(program):
    return program("date_visits")


def visit(folder, study_date=None, acquisition_date=None, more=()):
    """A visit of four slices and three echoes; `more` are study dates of single further images."""
    datasets = planes(mese_plan(7, echoes=3))
    for dataset, date in zip(datasets, [*more, *[study_date] * len(datasets)], strict=False):
        del dataset.AcquisitionDate
        if date:
            dataset.StudyDate = date
        if acquisition_date:
            dataset.AcquisitionDate = acquisition_date
    write(folder, datasets)
    return folder


def run(main, folder, sessions, *more):
    names = list(sessions)
    return main(
        [
            *("--participant", "01", "--sessions", *names, "--dicom", *(str(sessions[name]) for name in names)),
            *("--table", str(folder / "sub-01_sessions.tsv"), *more),
        ]
    )


def days(folder):
    table = read_table(folder / "sub-01_sessions.tsv")
    return dict(zip(table["session_id"], table["days_since_first_visit"].astype("Int64"), strict=True))


def test_days_count_from_the_earliest_visit_whatever_the_order_of_the_table(main, tmp_path):
    dates = {"b": "20200301", "a": "20200228", "c": "20210228"}
    sessions = {name: visit(tmp_path / name, date) for name, date in dates.items()}
    assert run(main, tmp_path, sessions) == 0
    assert list(days(tmp_path).items()) == [("ses-b", 2), ("ses-a", 0), ("ses-c", 366)]  # 2020 has a 29 February


def test_the_table_is_what_bids_asks_for_and_its_columns_are_described(main, tmp_path):
    sessions = {name: visit(tmp_path / name, date) for name, date in {"1": "20200101", "2": "20200111"}.items()}
    run(main, tmp_path, sessions)
    text = (tmp_path / "sub-01_sessions.tsv").read_text()
    assert text == "session_id\tdays_since_first_visit\nses-1\t0\nses-2\t10\n"
    dictionary = json.loads((tmp_path / "sub-01_sessions.json").read_text())
    assert list(dictionary) == ["session_id", "days_since_first_visit"]
    assert dictionary["days_since_first_visit"]["Units"] == "d"


def test_the_acquisition_date_stands_in_for_a_missing_study_date(main, tmp_path):
    sessions = {"1": visit(tmp_path / "1", "20200101"), "2": visit(tmp_path / "2", None, "20200108")}
    run(main, tmp_path, sessions)
    assert days(tmp_path) == {"ses-1": 0, "ses-2": 7}


def test_the_study_date_counts_where_the_examination_lasts_beyond_midnight(main, tmp_path):
    sessions = {"1": visit(tmp_path / "1", "20200101", "20200102"), "2": visit(tmp_path / "2", "20200103")}
    run(main, tmp_path, sessions)
    assert days(tmp_path) == {"ses-1": 0, "ses-2": 2}


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
@pytest.mark.parametrize(
    ("date", "reason"), [(None, "no date in the headers"), ("20201399", "no date"), ("2020011", "no date")]
)
def test_a_visit_without_a_usable_date_is_not_known_and_the_reason_is_printed(main, tmp_path, capsys, date, reason):
    sessions = {"1": visit(tmp_path / "1", "20200101"), "2": visit(tmp_path / "2", date)}
    assert run(main, tmp_path, sessions) == 0
    assert (tmp_path / "sub-01_sessions.tsv").read_text().endswith("ses-1\t0\nses-2\tn/a\n")
    assert f"session 2: {reason}" in capsys.readouterr().out


def test_acquisition_dates_that_contradict_each_other_are_not_known(main, tmp_path, capsys):
    write(tmp_path / "2", planes(mese_plan(7, facts={"AcquisitionDate": "20200101"})))
    write(tmp_path / "2", planes(mese_plan(8, facts={"AcquisitionDate": "20200105"})))
    sessions = {"1": visit(tmp_path / "1", "20200101"), "2": tmp_path / "2"}
    run(main, tmp_path, sessions)
    assert (tmp_path / "sub-01_sessions.tsv").read_text().endswith("ses-2\tn/a\n")
    assert "session 2: no study date, and acquisition dates that contradict each other" in capsys.readouterr().out


def test_a_missing_or_empty_folder_leaves_the_other_sessions_known(main, tmp_path, capsys):
    (tmp_path / "3").mkdir()
    sessions = {"1": visit(tmp_path / "1", "20200101"), "2": tmp_path / "2", "3": tmp_path / "3"}
    assert run(main, tmp_path, sessions) == 0
    assert (tmp_path / "sub-01_sessions.tsv").read_text().endswith("ses-1\t0\nses-2\tn/a\nses-3\tn/a\n")
    printed = capsys.readouterr().out
    assert "session 2: no such DICOM folder" in printed
    assert "session 3: no readable image" in printed


def test_a_folder_of_two_visits_has_no_day(main, tmp_path, capsys):
    sessions = {"1": visit(tmp_path / "1", "20200101"), "2": visit(tmp_path / "2", "20200201", more=["20200301"])}
    assert run(main, tmp_path, sessions) == 0
    assert (tmp_path / "sub-01_sessions.tsv").read_text().endswith("ses-1\t0\nses-2\tn/a\n")
    assert "session 2: 2 study dates in one folder" in capsys.readouterr().out


def test_an_edited_table_says_which_series_of_one_folder_are_of_which_visit(main, tmp_path):
    for number, date in ((7, "20200101"), (8, "20200131")):
        write(tmp_path / "all", planes(mese_plan(number, echoes=5, facts={"StudyDate": date})))
    make_key(tmp_path / "key")
    pseudonyms = read_key(tmp_path / "key")
    first, second = (pseudonyms.of(stack.identity) for stack in find_stacks(read_index(tmp_path / "all").frames))
    header = "participant_id\tsession\tseries\trole\ttaken\tpseudonym"
    rows = [f"01\t1\t7\tmese\tyes\t{first}", f"01\t2\t8\tmese\tyes\t{second}"]
    (tmp_path / "series.tsv").write_text("\n".join([header, *rows, ""]))
    sessions = {"1": tmp_path / "all", "2": tmp_path / "all"}
    assert run(main, tmp_path, sessions, "--series", str(tmp_path / "series.tsv"), "--key", str(tmp_path / "key")) == 0
    assert days(tmp_path) == {"ses-1": 0, "ses-2": 30}


def test_no_date_is_written_or_printed(main, tmp_path, capfd):
    dates = {"1": "18710203", "2": "18710217"}
    sessions = {name: visit(tmp_path / name, date, date) for name, date in dates.items()}
    run(main, tmp_path, sessions)
    sessions["2"] = visit(tmp_path / "3", "18710217", more=["18710219"])
    run(main, tmp_path, sessions)
    captured = capfd.readouterr()
    written = [path.read_text() for path in tmp_path.iterdir() if path.is_file()]
    assert len(written) == 2
    assert not re.search(r"1871|0203|0217|0219", captured.out + captured.err + "".join(written))


@pytest.mark.parametrize(
    "sessions", [{"1": "a", "2": ""}, {"../1": "a"}, {"ses-1": "a"}], ids=["no folder", "path", "prefix"]
)
def test_sessions_are_plain_and_have_a_folder_each(main, tmp_path, sessions, capsys):
    folders = [folder for folder in sessions.values() if folder]
    with pytest.raises(SystemExit):
        main(["--participant", "01", "--sessions", *sessions, "--dicom", *folders, "--table", str(tmp_path / "t.tsv")])
    assert "--sessions" in capsys.readouterr().err
