"""The comparison of variants: by hand on few people, and the main variant is the study's value."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from myot2.core.stopnote import StopNote
from myot2.core.tables import read_table, write_tsv

MAIN = ("automatic", "vendor-map", "mean", "voxel")
ROC_OF = {
    "auc": "auc",
    "cutoff": "cutoff_ms",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
PEOPLE = {"P1": 50.0, "P2": 41.0, "P3": 44.0, "P4": 35.0, "C1": 33.0, "C2": 36.0, "C3": 34.0}
MEDIAN = {"P1": 40.0, "P2": 39.0, "P3": 38.0, "P4": 37.0, "C1": 33.0, "C2": 36.0, "C3": 34.0}


def rows_of(person, values, *, t2="vendor-map", mask="automatic"):
    """The rows of one person's table: statistic to value, or to the reason why there is none."""
    return [
        {
            "participant_id": person,
            "session": None,
            "mask": mask,
            "t2": t2,
            "statistic": statistic,
            "aggregation": "voxel",
            "t2_ms": None if isinstance(value, str) else value,
            "reason": value if isinstance(value, str) else None,
        }
        for statistic, value in values.items()
    ]


@pytest.fixture
def compare(program, tmp_path):
    """Compare people's variants; gives the table by variant, or the exit status where it is not 0."""

    def run(people, rows, *words, status=0, notes=()):
        folder = tmp_path / "in"
        folder.mkdir(exist_ok=True)
        groups = {"P": "patient", "C": "control"}
        table = pd.DataFrame([{"participant_id": name, "group": groups[name[0]]} for name in people])
        write_tsv(table, folder / "participants.tsv")
        measures = [
            {"participant_id": name, "region": "thigh", "side": "both", "t2_mean_ms": t2} for name, t2 in people.items()
        ]
        write_tsv(pd.DataFrame(measures), folder / "cohort.tsv")
        paths = []
        for number, own in enumerate(rows):
            paths.append(folder / f"{number}_variants.tsv")
            write_tsv(pd.DataFrame(own), paths[-1])
        for number, note in enumerate(notes):
            paths.append(folder / f"{number}_stopped.tsv")
            note.write(paths[-1])
        given = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/cohort.tsv"]
        outputs = ["--out", str(tmp_path / "multiverse.tsv"), "--by-person", str(tmp_path / "masks.tsv")]
        command = [*given, "--tables", *map(str, paths), *words, *outputs]
        assert program("compare_variants")(command) == status
        return read_table(tmp_path / "multiverse.tsv").set_index(["mask", "t2", "statistic", "aggregation"])

    return run


def both(people=PEOPLE, median=MEDIAN):
    return [rows_of(name, {"mean": t2, "median": median[name]}) for name, t2 in people.items()]


def test_each_variant_has_its_own_area_cutoff_and_means(compare):
    found = compare(PEOPLE, both(), "--statistics", "median")
    assert len(found) == 2 and found["main"].tolist() == ["yes", "no"]
    main = found.loc[MAIN]
    # of 4 x 3 pairs the patient with 35 loses one; at 38.5 and above are three of four patients and no control
    assert float(main["auc"]) == pytest.approx(11 / 12)
    assert [float(main[name]) for name in ("cutoff_ms", "sensitivity", "specificity")] == [38.5, 0.75, 1.0]
    assert [float(main[f"{group}_mean_ms"]) for group in ("patient", "control")] == [42.5, pytest.approx(103 / 3)]
    median = found.loc[("automatic", "vendor-map", "median", "voxel")]
    assert [float(median[name]) for name in ("auc", "cutoff_ms", "sensitivity", "specificity")] == [1, 36.5, 1, 1]
    assert (median["n_patient"], median["n_control"]) == ("4", "3")
    assert pd.isna(median["auc_ci_low"]) and pd.isna(median["reason"])


def test_where_a_person_decided_the_main_path_is_held_against_the_corrected_mask_and_the_rejected_are_left_out(compare):
    rows = [*both(), rows_of("P1", {"mean": 47.0}, mask="corrected"), rows_of("P2", {"mean": "no"}, mask="corrected")]
    decided = {**PEOPLE, "P1": 47.0, "P2": None}
    words = ["--statistics", "median", "--masks", "corrected"]
    found = compare(decided, rows, *words, "--decided", "sub-P1", "sub-P2")
    assert found.loc[MAIN, "n_patient"] == "3" and float(found.loc[MAIN, "patient_mean_ms"]) == pytest.approx(129 / 3)
    compare(decided, rows, *words, "--decided", "sub-P2", status=1)
    compare({**decided, "P1": 46.0}, rows, *words, "--decided", "sub-P1", "sub-P2", status=1)


def test_the_main_variant_is_the_study_to_the_last_digit(compare, program, root, tmp_path):
    compare(PEOPLE, both(), "--statistics", "median")
    folder = tmp_path / "in"
    words = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/cohort.tsv"]
    words += ["--multiverse", f"{tmp_path}/multiverse.tsv", "--out", f"{tmp_path}/out"]
    assert program("analyse_cohort")(words) == 0
    statistics = json.loads((tmp_path / "out/statistics.json").read_text())
    main = read_table(tmp_path / "multiverse.tsv").iloc[0]
    for key, column in ROC_OF.items():
        assert float(main[column]) == pytest.approx(statistics[f"roc.{key}"]["value"], rel=1e-9)
    ci = [float(main[f"auc_ci_{end}"]) for end in ("low", "high")]
    assert ci == pytest.approx(statistics["roc.auc"]["ci"], rel=1e-9)
    for group in ("patient", "control"):
        assert float(main[f"{group}_mean_ms"]) == pytest.approx(statistics[f"t2.{group}.mean"]["value"], rel=1e-9)


def test_the_statistics_say_between_what_the_variants_lie(compare, program, tmp_path):
    compare(PEOPLE, both(), "--statistics", "median", "--masks", "corrected")
    words = ["--participants", f"{tmp_path}/in/participants.tsv", "--measures", f"{tmp_path}/in/cohort.tsv"]
    words += ["--multiverse", f"{tmp_path}/multiverse.tsv", "--out", f"{tmp_path}/out"]
    assert program("analyse_cohort")(words) == 0
    found = json.loads((tmp_path / "out/statistics.json").read_text())
    assert [key for key in found if key.startswith("multiverse.")] == [
        "multiverse.variants",
        *(f"multiverse.{name}.{end}" for name in ("auc", "cutoff") for end in ("min", "max")),
    ]
    variants = found["multiverse.variants"]
    assert (variants["value"], variants["asked_for"], variants["n"]) == (2, 4, 7)
    assert variants["main"] == "automatic, vendor-map, mean, voxel"
    assert (found["multiverse.auc.min"]["printed"], found["multiverse.auc.max"]["printed"]) == ("0.917", "1.000")
    assert (found["multiverse.cutoff.min"]["value"], found["multiverse.cutoff.max"]["value"]) == (36.5, 38.5)
    assert found["multiverse.cutoff.min"]["variant"] == "automatic, vendor-map, median, voxel"


def test_a_variant_that_nobody_has_keeps_its_row_with_the_reason(compare):
    rows = both()
    for number, name in enumerate(PEOPLE):
        rows[number] += rows_of(name, {"mean": "no corrected label map is given"}, mask="corrected")
    found = compare(PEOPLE, rows, "--masks", "corrected", "--t2", "epg", notes=[StopNote("fit", "a", "b", "c", "d")])
    assert found["reason"].isna().tolist() == [True, False, False, False]
    assert found.loc[("corrected", "vendor-map", "mean", "voxel"), "reason"] == "no corrected label map is given"
    assert found.loc[("automatic", "epg", "mean", "voxel"), "reason"] == "no scan was measured so"
    assert found["n_patient"].tolist() == ["4", "0", "0", "0"]


def test_who_lacks_a_variant_is_left_out_of_it_alone(compare):
    rows = both()
    rows[0] = rows_of("P1", {"mean": PEOPLE["P1"], "median": "no voxel of the mask can be measured"})
    found = compare(PEOPLE, rows, "--statistics", "median")
    assert found["n_patient"].tolist() == ["4", "3"] and found["reason"].isna().all()
    assert float(found.iloc[1]["patient_mean_ms"]) == pytest.approx((39 + 38 + 37) / 3)


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ({"P1": 50.0, "P2": 44.0}, "a group is empty"),
        ({"P1": 50.0, "C1": 44.0}, "fewer than three values"),
        ({"P1": 40.0, "P2": 40.0, "C1": 40.0}, "all values are equal"),
        ({"P1": 30.0, "P2": 31.0, "C1": 40.0, "C2": 41.0}, "no cutoff is better than chance"),
    ],
)
def test_a_cohort_that_carries_no_curve_gives_the_reason(compare, people, reason):
    found = compare(people, [rows_of(name, {"mean": t2}) for name, t2 in people.items()])
    assert found["reason"].tolist() == [reason] and found["cutoff_ms"].isna().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[0][0].update(t2_ms=50.5), "in the main variant"),
        (lambda rows: rows.append(rows_of("X9", {"mean": 40.0})), "'X9'"),
        (lambda rows: rows.append(rows_of("P1", {"mean": 50.0})), "each variant of a scan once"),
        (lambda rows: rows[0][0].update(t2_ms="high"), "'high'"),
        (lambda rows: [row.pop("aggregation") for row in rows[0]], "no column aggregation"),
    ],
)
def test_tables_of_another_run_or_none_at_all_are_refused(compare, capsys, change, message):
    rows = both()
    compare(PEOPLE, rows)
    change(rows)
    compare(PEOPLE, rows, status=1)
    assert message in capsys.readouterr().err


def test_of_a_persons_sessions_the_one_that_is_analysed_counts(program, tmp_path):
    people = [("P1", "1", "patient", 50.0), ("P1", "2", "patient", 30.0), ("P2", "1", "patient", 42.0)]
    people += [("C1", "1", "control", 34.0), ("C2", "1", "control", 35.0)]
    names = ["participant_id", "session", "group", "t2_ms"]
    table = pd.DataFrame(people, columns=names)
    write_tsv(table.drop(columns="t2_ms"), tmp_path / "participants.tsv")
    measures = table.rename(columns={"t2_ms": "t2_mean_ms"}).assign(region="thigh", side="both")
    write_tsv(measures.drop(columns="group"), tmp_path / "cohort.tsv")
    paths = []
    for person, session, _, t2 in people:
        paths.append(tmp_path / f"{person}_{session}.tsv")
        write_tsv(pd.DataFrame(rows_of(person, {"mean": t2})).assign(session=session), paths[-1])
    words = ["--participants", f"{tmp_path}/participants.tsv", "--measures", f"{tmp_path}/cohort.tsv"]
    out = tmp_path / "multiverse.tsv"
    assert program("compare_variants")([*words, "--tables", *map(str, paths), "--out", str(out)]) == 0
    row = read_table(out).iloc[0]
    assert float(row["patient_mean_ms"]) == 46.0 and math.isclose(float(row["auc"]), 1.0)


def test_every_column_is_in_the_dictionary_and_two_runs_write_the_same_bytes(compare, tmp_path):
    contents = []
    for _ in range(2):
        compare(PEOPLE, both(), "--statistics", "median", "p90", "--aggregations", "muscle")
        contents.append([(tmp_path / f"multiverse{end}").read_bytes() for end in (".tsv", ".json")])
    assert contents[0] == contents[1]
    dictionary = json.loads(contents[0][1])
    assert list(dictionary) == list(read_table(tmp_path / "multiverse.tsv").columns)
    assert all("participants table" not in entry["Description"] for entry in dictionary.values())


CORRECTED = {"P1": 51.0, "P2": 41.5, "P3": 43.0, "C1": 33.5, "C3": 34.0}


@pytest.fixture
def agree(compare, program, tmp_path):
    """Analyse people with and without a corrected mask; gives the statistics below `masks.`."""

    def run(corrected, *words):
        none = "no corrected label map is given"
        masks = [rows_of(name, {"mean": corrected.get(name, none)}, mask="corrected") for name in PEOPLE]
        rows = [own + others for own, others in zip(both(), masks, strict=True)]
        compare(PEOPLE, rows, "--statistics", "median", "--masks", "corrected")
        command = ["--participants", f"{tmp_path}/in/participants.tsv", "--measures", f"{tmp_path}/in/cohort.tsv"]
        command += ["--multiverse", f"{tmp_path}/multiverse.tsv", "--masks", f"{tmp_path}/masks.tsv"]
        assert program("analyse_cohort")([*command, "--out", f"{tmp_path}/out", *words]) == 0
        found = json.loads((tmp_path / "out/statistics.json").read_text())
        return {key.removeprefix("masks."): entry for key, entry in found.items() if key.startswith("masks.")}

    return run


def test_corrected_masks_are_held_against_the_runs_own_by_limits_of_agreement(agree):
    found = agree(CORRECTED)
    differences = pd.Series([t2 - PEOPLE[name] for name, t2 in CORRECTED.items()])
    assert found["bias"]["value"] == pytest.approx(differences.mean()) and found["bias"]["n"] == 5
    for name, sign in (("lower", -1), ("upper", 1)):
        assert found[name]["value"] == pytest.approx(differences.mean() + sign * 1.959964 * differences.std(), rel=1e-6)
        assert found[name]["ci"][0] < found[name]["value"] < found[name]["ci"][1]
    assert found["bias"]["equal_pairs"] == 1 and found["bias"]["unit"] == "ms"
    assert 0.9 < found["icc"]["ci"][0] < found["icc"]["value"] < found["icc"]["ci"][1] <= 1
    assert found["icc"]["form"] == "ICC(A,1)"


def test_another_statistic_of_t2_changes_nothing_of_the_agreement_of_masks(agree):
    plain = agree(CORRECTED)
    assert agree(CORRECTED, "--changes", '{"endpoints": {"t2": {"measure": "t2_median_ms"}}}') == plain


def test_without_a_corrected_mask_the_reason_is_that_of_the_scans(agree):
    found = agree({})
    assert {entry["reason"] for entry in found.values()} == {"no corrected label map is given"}


def test_everybodys_t2_by_each_mask_has_a_row_and_a_dictionary(compare, tmp_path):
    corrected = [rows_of("P1", {"mean": 51.0}, mask="corrected"), rows_of("P2", {"mean": "refused"}, mask="corrected")]
    compare(PEOPLE, [*both(), *corrected], "--statistics", "median", "--masks", "corrected")
    table = read_table(tmp_path / "masks.tsv")
    assert len(table) == 2 * len(PEOPLE)
    own = table[table["mask"] == "automatic"]
    assert dict(zip(own["participant_id"], own["t2_ms"].astype(float), strict=True)) == PEOPLE
    rows = table[table["mask"] == "corrected"].set_index("participant_id")
    assert (
        rows.loc["P1", "t2_ms"] == "51" and rows.loc["P2", "reason"] == "refused" and pd.isna(rows.loc["C1", "reason"])
    )
    assert list(json.loads((tmp_path / "masks.json").read_text())) == list(table.columns)
