"""Joining the participants with their measures: who belongs to whom, and what is refused."""

from __future__ import annotations

import math

import pytest

from myot2.analyse.cohort import read_cohort
from myot2.core.errors import MyoT2Error
from myot2.core.participants import Participant


def person(participant_id, session=None, **facts) -> Participant:
    return Participant(**{"participant_id": participant_id, "session": session, "group": "patient", **facts})


@pytest.fixture
def measures(tmp_path):
    """A function that writes a measures table from rows (participant, session, region, side, T2)."""

    def write(*rows, header="participant_id\tsession\tregion\tside\tt2_mean_ms"):
        path = tmp_path / "cohort.tsv"
        path.write_text("\n".join([header, *("\t".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
        return path

    return write


def test_each_person_has_one_row_with_the_whole_thighs_t2(measures):
    path = measures(
        ("01", "n/a", "thigh", "left", 30),
        ("01", "n/a", "thigh", "both", 40.5),
        ("01", "n/a", "gracilis", "both", 44),
        ("sub-002", "n/a", "thigh", "both", 35),
    )
    cohort = read_cohort([person("01", ck=9), person("002", group="control"), person("3")], path)
    assert cohort.people["participant_id"].tolist() == ["01", "002", "3"]
    assert cohort.people["t2_mean_ms"].tolist()[:2] == [40.5, 35] and math.isnan(cohort.people["t2_mean_ms"][2])
    assert len(cohort.patients) == 2 and len(cohort.controls) == 1 and "dicom" not in cohort.people.columns
    assert cohort.regions["gracilis"].to_dict() == {"01": 44, "002": pytest.approx(math.nan, nan_ok=True)}


def test_of_several_sessions_the_first_measured_one_counts_with_its_own_clinical_facts(measures):
    people = [person("1", "10", ck=10), person("1", "2", ck=2), person("1", "1", ck=1), person("2", "b")]
    path = measures(
        ("1", "10", "thigh", "both", 50), ("1", "2", "thigh", "both", 42), ("1", "1", "thigh", "both", "n/a")
    )
    cohort = read_cohort(people, path)
    assert cohort.people[["session", "ck", "t2_mean_ms"]].iloc[0].tolist() == ["2", 2, 42]
    assert cohort.unused_sessions == ("sub-1_ses-1", "sub-1_ses-10")


def test_a_row_without_session_speaks_for_all_sessions_of_its_person(measures):
    path = measures(("1", "b", "thigh", "both", 50), ("1", "a", "thigh", "both", 42), ("2", "n/a", "thigh", "both", 33))
    cohort = read_cohort([person("1", ck=7), person("2")], path)
    assert cohort.people[["ck", "t2_mean_ms"]].iloc[0].tolist() == [7, 42]
    assert cohort.people["session"].iloc[0] == "a" and cohort.unused_sessions == ("sub-1_ses-b",)


def test_a_measure_without_session_belongs_to_the_only_row_of_its_person(measures):
    path = measures(("1", "thigh", "both", 50), header="participant_id\tregion\tside\tt2_mean_ms")
    cohort = read_cohort([person("1", "pre")], path)
    assert cohort.people[["session", "t2_mean_ms"]].iloc[0].tolist() == ["pre", 50]
    assert cohort.unused_sessions == ()
    with pytest.raises(MyoT2Error, match="participant '1', session 'n/a'"):
        read_cohort([person("1", "pre"), person("1", "post")], path)


@pytest.mark.parametrize(("owner", "session"), [("7", "n/a"), ("1", "3"), ("01", "1")])
def test_a_measure_of_nobody_in_the_table_is_refused(measures, owner, session):
    with pytest.raises(MyoT2Error, match=f"participant '{owner}', session '{session}'"):
        read_cohort([person("1", "1"), person("1", "2")], measures((owner, session, "thigh", "both", 50)))


@pytest.mark.parametrize("cell", ["-1", "inf", "much"])
def test_a_t2_that_is_no_number_is_refused_and_named(measures, cell):
    with pytest.raises(MyoT2Error, match=f"t2_mean_ms of 1, thigh both.*{cell!r}"):
        read_cohort([person("1")], measures(("1", "n/a", "thigh", "both", cell)))


def test_two_values_for_one_region_are_refused_unless_they_are_one(measures):
    twice = [("1", "n/a", "thigh", "both", 40), ("1", "n/a", "sartorius", "both", 41)]
    cohort = read_cohort([person("1")], measures(*twice, ("1", "n/a", "sartorius", "both", "41.0")))
    assert cohort.regions["sartorius"].tolist() == [41]
    with pytest.raises(MyoT2Error, match="41 and 42 ms"):
        read_cohort([person("1")], measures(*twice, ("1", "n/a", "sartorius", "both", 42)))


def test_rows_and_columns_that_say_nothing_are_refused(measures):
    with pytest.raises(MyoT2Error, match="1 rows without"):
        read_cohort([person("1")], measures(("1", "n/a", "n/a", "both", 40)))
    with pytest.raises(MyoT2Error, match="no column side"):
        read_cohort([person("1")], measures(("1", "thigh", 40), header="participant_id\tregion\tt2_mean_ms"))


def test_a_participants_table_with_a_t2_column_of_its_own_is_refused(measures):
    with pytest.raises(MyoT2Error, match="further column 't2_mean_ms'"):
        read_cohort([person("1", further={"t2_mean_ms": "40"})], measures(("1", "n/a", "thigh", "both", 40)))
