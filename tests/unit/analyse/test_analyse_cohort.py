"""The whole stage on small cohorts, whole and broken: every key is always there."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from myot2.core.tables import read_table

TABLES = ("groups", "correlations", "roc", "roc_band", "muscles", "changes", "missing", "participants")


@pytest.fixture(scope="module")
def main(program):
    return program("analyse_cohort")


@pytest.fixture
def analyse(main, root, tmp_path):
    """A function that analyses people, given as (id, group, T2) with further cells; returns the statistics."""

    def run(people, *options, muscle_t2=None, status=0):
        participants = pd.DataFrame(
            [{"participant_id": name, "group": group, **cells} for name, group, _, cells in people]
        )
        participants.to_csv(tmp_path / "participants.tsv", sep="\t", index=False, na_rep="n/a")
        rows = [(name, "thigh", "both", t2) for name, _, t2, _ in people]
        rows += [(name, "biceps femoris long head", "both", muscle_t2(t2)) for name, _, t2, _ in people if muscle_t2]
        measures = pd.DataFrame(rows, columns=["participant_id", "region", "side", "t2_mean_ms"])
        measures.to_csv(tmp_path / "cohort.tsv", sep="\t", index=False, na_rep="n/a")
        folders = ["--participants", f"{tmp_path}/participants.tsv", "--measures", f"{tmp_path}/cohort.tsv"]
        labels = ["--label-table", str(root / "config/labels.tsv")]
        few = ["--changes", '{"resamples": 100}']
        assert main([*folders, "--out", str(tmp_path / "out"), *labels, *few, *options]) == status
        return json.loads((tmp_path / "out/statistics.json").read_text()) if status == 0 else None

    return run


def patients(*t2, **cells):
    return [(f"P{i}", "patient", value, {name: of[i] for name, of in cells.items()}) for i, value in enumerate(t2)]


def controls(*t2):
    return [(f"C{i}", "control", value, {}) for i, value in enumerate(t2)]


CLINICAL = {
    "diagnosis": ["DM", "PM", "ASS", "DM", "IMNM"],
    "ck": [900, 150, 200, None, 90],
    "ild_severity": [0, 2, 3, None, 0],
    "ild_extent": [0, 1, 4, None, 0],
    "sex": ["F", "M", "F", "F", None],
    "treatment": ["untreated", "relapsed", "untreated", "untreated", "IVIG only"],
}
WHOLE = patients(50, 41, 44, 47, 35.5, **CLINICAL) + controls(33, 34, 36, 35)


def test_a_whole_cohort_gives_the_values_that_a_person_works_out_by_hand(analyse):
    found = analyse(WHOLE)
    assert found["roc.auc"]["value"] == 19 / 20 and found["t2.mann_whitney"]["u"] == 19
    assert found["t2.mann_whitney"]["p_exact"] == pytest.approx(4 / 126)  # U of 20 or 19, or as far on the other side
    assert found["roc.cutoff"]["value"] == 38.5 and found["roc.cutoff"]["tied_cutoffs"] == [38.5]
    assert found["roc.sensitivity"]["numerator"] == 4 and found["roc.specificity"]["value"] == 1
    assert (found["normal_ck.detected"]["numerator"], found["normal_ck.detected"]["denominator"]) == (2, 3)
    assert (found["ild.present_of_known"]["printed"], found["ild.present_of_all"]["printed"]) == ("50.0 %", "40.0 %")
    assert found["ild_score.present.mean"]["value"] == 5 and found["spearman.ild_score"]["n"] == 4
    assert (found["t2.ild_absent.mean"]["n"], found["t2.ild_absent_or_unknown.mean"]["n"]) == (2, 3)
    assert found["cohort.patient.diagnosis.IMNM"]["value"] == 1 and found["cohort.patient.diagnosis.DM"]["value"] == 2
    assert found["cohort.patient.treatment.IVIG_only"]["value"] == 1
    assert (found["cohort.patient.female"]["value"], found["cohort.patient.female"]["n"]) == (3, 4)


def test_the_ck_limit_is_inclusive_and_can_be_set(analyse):
    found = analyse(WHOLE, "--ck-upper-limit", "199")
    assert found["normal_ck.detected"]["denominator"] == 2 and found["normal_ck.detected"]["ck_upper_limit"] == 199


BROKEN = {
    "no controls": patients(50, 41, 44),
    "no patients": controls(33, 34, 36),
    "nobody measured": patients(None, None) + controls(None, None),
    "all equal": patients(40, 40, 40) + controls(40, 40, 40),
    "one of each": patients(40) + controls(33),
    "one person": patients(40),
    "the wrong way round": patients(30, 31, 32) + controls(40, 41, 42),
    "separated": patients(50, 51, 52) + controls(30, 31, 32),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_cohort_with_little_to_say_keeps_every_key_and_gives_reasons(analyse, case):
    optional = ("cohort.patient.diagnosis.IMNM", "cohort.patient.treatment.IVIG_only")
    whole = [key for key in analyse(WHOLE) if key not in optional]
    found = analyse(BROKEN[case])
    assert list(found) == whole
    for key, entry in found.items():
        assert {"value", "n", "ci", "test", "p", "unit", "printed"} <= set(entry), key
        assert (entry["value"] is None) == ("reason" in entry) == (entry["printed"] == "n/a"), key
        assert (entry["p"] is None) == ("p_printed" not in entry), key


@pytest.mark.parametrize(
    ("case", "key", "reason"),
    [
        ("no controls", "roc.auc", "a group is empty"),
        ("no patients", "t2.patient.mean", "no values"),
        ("nobody measured", "t2.mann_whitney", "a group is empty"),
        ("all equal", "t2.mann_whitney", "all values are equal"),
        ("all equal", "roc.cutoff", "all values are equal"),
        ("one of each", "t2.mann_whitney", "fewer than three values"),
        ("one of each", "t2.patient.sd", "one value has no standard deviation"),
        ("one person", "spearman.ck", "fewer than three complete pairs"),
        ("the wrong way round", "roc.cutoff", "no cutoff is better than chance (Youden's index is nowhere above 0)"),
        ("the wrong way round", "normal_ck.detected", "there is no cutoff"),
        ("separated", "cohort.patient.diagnosis.DM", "the column is not in the table, or unknown"),
    ],
)
def test_the_reason_says_what_is_missing(analyse, case, key, reason):
    assert analyse(BROKEN[case])[key]["reason"] == reason


def test_the_wrong_way_round_is_an_area_below_one_half(analyse):
    assert analyse(BROKEN["the wrong way round"])["roc.auc"]["value"] == 0


def test_separated_groups_have_no_interval_of_the_area_and_the_reason(analyse):
    found = analyse(BROKEN["separated"])["roc.auc"]
    assert found["value"] == 1 and found["ci"] is None and "do not overlap" in found["ci_reason"]


def test_muscles_are_compared_one_by_one_and_the_unmeasured_keep_their_keys(analyse, tmp_path):
    found = analyse(WHOLE, muscle_t2=lambda t2: t2 + 2)
    assert found["muscle.biceps_femoris_long_head.patient.mean"]["value"] == pytest.approx(45.5)
    assert found["muscle.biceps_femoris_long_head.mann_whitney"]["p"] == found["t2.mann_whitney"]["p"]
    assert found["muscle.gracilis.patient.mean"]["value"] is None
    table = read_table(tmp_path / "out/muscles.tsv").set_index("region")
    assert table.loc["biceps femoris long head", ["kind", "patient_n", "control_mean_ms"]].tolist() == [
        "muscle",
        "5",
        "36.5",
    ]
    assert table.loc["hamstrings", "kind"] == "group" and len(table) == len(set(table.index))


def test_every_table_has_a_dictionary_of_exactly_its_columns(analyse, tmp_path):
    people = [(name, group, t2, {**cells, "city": "Bern"}) for name, group, t2, cells in WHOLE]
    analyse(people)
    for name in TABLES:
        dictionary = json.loads((tmp_path / f"out/{name}.json").read_text())
        assert list(dictionary) == list(read_table(tmp_path / f"out/{name}.tsv").columns)
        assert all(entry["Description"] for entry in dictionary.values())
    assert "further column" in json.loads((tmp_path / "out/participants.json").read_text())["city"]["Description"]


def test_the_roc_table_lists_every_cutoff(analyse, tmp_path):
    found = analyse(WHOLE)
    table = read_table(tmp_path / "out/roc.tsv").astype(float)
    assert len(table) == 9 + 1
    best = table.iloc[table["youden"].idxmax()]
    assert best["cutoff"] == found["roc.cutoff"]["value"]
    assert math.isclose(best["youden"], best["sensitivity"] + best["specificity"] - 1)


def test_the_merged_participants_hold_t2_and_no_folder_of_dicom_files(analyse, tmp_path):
    analyse([(name, group, t2, {**cells, "dicom": "/somewhere"}) for name, group, t2, cells in WHOLE])
    table = read_table(tmp_path / "out/participants.tsv")
    assert "dicom" not in table.columns and table["t2_mean_ms"].astype(float).tolist() == [t2 for _, _, t2, _ in WHOLE]


def test_the_order_of_the_people_changes_no_number(analyse):
    assert analyse(WHOLE) == analyse(WHOLE[::-1])


def test_two_runs_write_the_same_bytes(analyse, tmp_path):
    def contents():
        analyse(WHOLE)
        return {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    first = contents()
    assert len(first) == 20 and first == contents()


def test_empty_mappings_are_none(analyse):
    assert analyse(WHOLE, "--columns", "--values") == analyse(WHOLE)


def test_bad_input_writes_nothing_and_says_why(analyse, tmp_path, capsys):
    analyse(patients(40, 41, sex=["X", "F"]), status=1)
    assert "row 2, column sex" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [["--columns", "group"], ["--values", "group=x"], ["--ck-upper-limit", "0"]])
def test_options_that_cannot_be_understood_end_the_program(analyse, option, capsys):
    with pytest.raises(SystemExit):
        analyse(WHOLE, *option)
    assert "expected" in capsys.readouterr().err


def test_a_second_reader_of_the_participants_table_is_held_against_the_first_under_the_shipped_plan(analyse):
    read = {
        "ild_severity": [0, 2, 3, 1, None],
        "ild_severity_2": [0, 1, 3, 3, None],
        "ild_extent": [0, 1, 4, 2, None],
        "ild_extent_2": [0, 1, 4, 2, 1],
    }
    found = analyse(patients(50, 41, 44, 47, 35.5, **read) + controls(33, 34, 36, 35))
    # severity: |d| of four is 0 + 1 + 0 + 2; by chance the mean over all pairs of one reader's with the other's grades
    chance = sum(abs(i - j) for i in (0, 2, 3, 1) for j in (0, 1, 3, 3)) / 16
    assert found["readers.severity.kappa"]["value"] == pytest.approx(1 - (3 / 4) / chance)
    assert (found["readers.severity.agreement"]["numerator"], found["readers.severity.flagged"]["numerator"]) == (2, 1)
    assert found["readers.extent.kappa"]["value"] == 1 and found["readers.extent.kappa"]["n"] == 4
    # consensus 0, 1.5 + 1, 3 + 4, 2 + 2, unknown, against T2 of 50, 41, 44, 47: ranks 1 2 4 3 and 4 1 2 3
    assert found["readers.spearman.ild_consensus"]["value"] == pytest.approx(1 - 6 * (9 + 1 + 4 + 0) / (4 * 15))
    assert found["readers.spearman.ild_consensus"]["n"] == 4 and found["spearman.ild_score"]["n"] == 4


def test_with_one_reader_the_others_columns_are_no_need(analyse):
    found = analyse(WHOLE)
    assert found["readers.severity.kappa"]["value"] is None
    assert found["readers.severity.kappa"]["reason"] == "nobody was read by both"
    assert found["readers.spearman.ild_consensus"]["value"] == pytest.approx(found["spearman.ild_score"]["value"])
