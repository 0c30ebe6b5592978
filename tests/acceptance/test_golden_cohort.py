"""The study's printed numbers, digit by digit, from the golden cohort.

../shared/data/golden-cohort/participants.csv is a synthetic table of 64 patients and 10 controls, made so that every
statistic printed by Wang et al. (Eur Radiol 2023;33:2350, doi 10.1007/s00330-022-09254-9) comes out; they are not the
study's patients. Claim ids are those of the ledger in ../shared/notes/statistics.md, 1.1. Two printed figures differ
from the study's, both explained there or here: the sign of the ILD correlation (the study's own group means
contradict its plus), and z of claim A1, 2.555 for 2.556, because no such cohort was found.

What the table cannot show: diagnostic certainty (N3, N4), biopsies (N9, C6), the single patient of Fig. 3 (C7), the
protocol (P) and the segmentation (S).
"""

from __future__ import annotations

import json

import pandas as pd
import pytest

COLUMNS = ["participant_id=id", "diagnosis=dx", "treatment=untreated", "disease_duration_months=duration_mo"]
VALUES = ["group:IIM=patient", "group:HC=control", "treatment:1.0=untreated", "treatment:0.0=relapsed"]

CLAIMS = {
    "N1 subjects": ("cohort.n", "printed", "74"),
    "N1 patients": ("cohort.patient.n", "printed", "64"),
    "N1 controls": ("cohort.control.n", "printed", "10"),
    "N2 DM": ("cohort.patient.diagnosis.DM", "printed", "27"),
    "N2 PM": ("cohort.patient.diagnosis.PM", "printed", "29"),
    "N2 ASS": ("cohort.patient.diagnosis.ASS", "printed", "8"),
    "N5 male": ("cohort.patient.male", "printed", "26"),
    "N5 female": ("cohort.patient.female", "printed", "38"),
    "N5 ratio": ("cohort.patient.sex_ratio", "printed", "1:1.5"),
    "N6 age": ("cohort.patient.age.mean", "printed", "44.3"),
    "N6 youngest": ("cohort.patient.age.min", "printed", "19"),
    "N6 oldest": ("cohort.patient.age.max", "printed", "72"),
    "N7 duration": ("cohort.patient.disease_duration.mean", "printed", "22.2"),
    "N7 shortest": ("cohort.patient.disease_duration.min", "printed", "1"),
    "N7 longest": ("cohort.patient.disease_duration.max", "printed", "144"),
    "N8 untreated": ("cohort.patient.treatment.untreated", "printed", "37"),
    "N8 relapsed": ("cohort.patient.treatment.relapsed", "printed", "27"),
    "N10 male": ("cohort.control.male", "printed", "1"),
    "N10 female": ("cohort.control.female", "printed", "9"),
    "N10 age": ("cohort.control.age.mean", "printed", "36.6"),
    "N10 youngest": ("cohort.control.age.min", "printed", "25"),
    "N10 oldest": ("cohort.control.age.max", "printed", "63"),
    "T1 mean": ("t2.patient.mean", "printed", "47.4"),
    "T1 SD": ("t2.patient.sd", "printed", "9.0"),
    "T2 mean": ("t2.control.mean", "printed", "33.9"),
    "T2 SD": ("t2.control.sd", "printed", "0.9"),
    "T3 p": ("t2.mann_whitney", "p_printed", "<0.001"),
    "T3 U": ("t2.mann_whitney", "u_smaller", 9),
    "T3 z": ("t2.mann_whitney", "z_printed", "4.917"),
    "R1 AUC": ("roc.auc", "printed", "0.986"),
    "R1 pairs": ("roc.auc", "u", 631),
    "R1 p": ("roc.auc", "p_printed", "<0.001"),
    "R2 cutoff": ("roc.cutoff", "printed", "36.4"),
    "R3 sensitivity": ("roc.sensitivity", "printed", "96.9 %"),
    "R3 found": ("roc.sensitivity", "numerator", 62),
    "R4 specificity": ("roc.specificity", "printed", "100.0 %"),
    "R4 rejected": ("roc.specificity", "numerator", 10),
    "C1 p": ("spearman.ck", "p_printed", "0.003"),
    "C2 p": ("spearman.alt", "p_printed", "0.016"),
    "C3 p": ("spearman.ast", "p_printed", "0.006"),
    "C4 p": ("spearman.ldh", "p_printed", "0.015"),
    "C5 detected": ("normal_ck.detected", "numerator", 21),
    "C5 of": ("normal_ck.detected", "denominator", 22),
    "C5 percent": ("normal_ck.detected", "printed", "95.5 %"),
    "I1 present": ("ild.present_of_all", "numerator", 31),
    "I1 as the study counts (48 %)": ("ild.present_of_all", "printed", "48.4 %"),
    "I1 of those with HRCT": ("ild.present_of_known", "printed", "50.8 %"),
    "I1 with HRCT": ("ild.present_of_known", "denominator", 61),
    "I2 mean": ("ild_score.present.mean", "printed", "4.8"),
    "I2 SD": ("ild_score.present.sd", "printed", "1.6"),
    "I3 rs": ("spearman.ild_score", "printed", "-0.226"),
    "I3 p": ("spearman.ild_score", "p_printed", "0.080"),
    "I3 n": ("spearman.ild_score", "n", 61),
    "I4 mean without": ("t2.ild_absent.mean", "printed", "49.3"),
    "I4 SD without": ("t2.ild_absent.sd", "printed", "10.5"),
    "I4 mean with": ("t2.ild_present.mean", "printed", "45.3"),
    "I4 SD with": ("t2.ild_present.sd", "printed", "6.5"),
    "I4 p": ("t2.ild_mann_whitney", "p_printed", "0.118"),
    "A1 mean ASS": ("ild_score.ass.mean", "printed", "4.75"),
    "A1 mean non-ASS": ("ild_score.non_ass.mean", "printed", "2.11"),
    "A1 z (the study: 2.556)": ("ild_score.ass_mann_whitney", "z_printed", "2.555"),
    "A1 p": ("ild_score.ass_mann_whitney", "p_printed", "0.011"),
    "A2 z": ("t2.ass_mann_whitney", "z_printed", "-0.771"),
    "A2 p": ("t2.ass_mann_whitney", "p_printed", "0.440"),
}

INTERVALS = {
    "roc.sensitivity": (0.892, 0.996),
    "roc.specificity": (0.692, 1.0),
    "normal_ck.detected": (0.772, 0.999),
    "ild.present_of_known": (0.377, 0.639),
}

RANGES = {
    "T1 mean": ("t2.patient.mean", "value", 47.35, 47.45),
    "T1 SD": ("t2.patient.sd", "value", 8.95, 9.05),
    "T2 mean": ("t2.control.mean", "value", 33.85, 33.95),
    "T2 SD": ("t2.control.sd", "value", 0.85, 0.95),
    "T3 p": ("t2.mann_whitney", "p", 8.75e-7, 8.85e-7),
    "R2 cutoff": ("roc.cutoff", "value", 36.35, 36.45),
    "C1 rs": ("spearman.ck", "value", 0.360, 0.372),
    "C2 rs": ("spearman.alt", "value", 0.299, 0.3015),
    "C3 rs": ("spearman.ast", "value", 0.337, 0.343),
    "C4 rs": ("spearman.ldh", "value", 0.301, 0.304),
    "A1 p": ("ild_score.ass_mann_whitney", "p", 0.0105, 0.0107),
    "I4 z": ("t2.ild_mann_whitney", "z", -1.566, -1.561),
    "A2 z": ("t2.ass_mann_whitney", "z", -0.7715, -0.77135),
}
"""Between what a number must lie for the study's to print as it does; the ledger's last column."""


@pytest.fixture(scope="module")
def statistics(program, shared_data, tmp_path_factory) -> dict:
    """statistics.json of the golden cohort, made by the program from the table as it is."""
    folder = tmp_path_factory.mktemp("golden")
    table = shared_data / "golden-cohort/participants.csv"
    people = pd.read_csv(table)
    measures = pd.DataFrame(
        {"participant_id": people["id"], "region": "thigh", "side": "both", "t2_mean_ms": people["t2_ms"]}
    )
    measures.to_csv(folder / "cohort.tsv", sep="\t", index=False)
    inputs = ["--participants", str(table), "--measures", str(folder / "cohort.tsv"), "--out", str(folder)]
    assert program("analyse_cohort")([*inputs, "--columns", *COLUMNS, "--values", *VALUES]) == 0
    return json.loads((folder / "statistics.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_printed_number_of_the_study_comes_out(statistics, claim):
    key, field, printed = CLAIMS[claim]
    assert statistics[key][field] == printed


@pytest.mark.parametrize("claim", RANGES)
def test_the_number_behind_a_printed_one_lies_where_the_ledger_says(statistics, claim):
    key, field, low, high = RANGES[claim]
    assert low <= statistics[key][field] <= high


def test_every_correlation_with_an_enzyme_is_of_all_patients(statistics):
    """C1 to C4; the study prints no n, and that of the lung score is another."""
    assert {name: statistics[f"spearman.{name}"]["n"] for name in ("ck", "alt", "ast", "ldh", "ild_score")} == {
        **dict.fromkeys(("ck", "alt", "ast", "ldh"), 64),
        "ild_score": 61,
    }


def test_means_of_scores_are_whole_sums(statistics):
    """I2 and A1: 150 points in 31 people, 38 in the 8 with ASS, 112 in the other 53 whose HRCT is known."""
    sums = {
        name: (statistics[f"ild_score.{name}.mean"]["value"] * statistics[f"ild_score.{name}.mean"]["n"])
        for name in ("present", "ass", "non_ass")
    }
    assert sums == pytest.approx({"present": 150, "ass": 38, "non_ass": 112})
    counts = [statistics[f"ild_score.{name}.mean"]["n"] for name in ("present", "ass", "non_ass")]
    assert counts == [31, 8, 53] and 147.25 <= sums["present"] < 150.35


def test_of_the_two_missed_patients_one_has_a_normal_ck(statistics):
    """C5: 21 of 22 with normal CK are found, 62 of all 64."""
    missed = [
        statistics[key]["denominator"] - statistics[key]["numerator"]
        for key in ("roc.sensitivity", "normal_ck.detected")
    ]
    assert missed == [2, 1]


@pytest.mark.parametrize("key", INTERVALS)
def test_exact_intervals_are_those_of_the_notes(statistics, key):
    assert statistics[key]["ci"] == pytest.approx(INTERVALS[key], abs=5e-4)


def test_the_area_has_the_error_that_nine_discordant_pairs_allow(statistics):
    """notes/statistics.md 1.4: DeLong's error lies between .0111 and .0141."""
    area = statistics["roc.auc"]
    assert area["value"] == 631 / 640 and 0.0111 <= area["se_delong"] <= 0.0141
    assert area["ci"][1] == 1 and area["ci_untruncated"][1] > 1


def test_the_studys_ild_figures_leave_the_unknown_out_and_the_other_convention_misses_them(statistics):
    other = [
        statistics[key][field]
        for key, field in (
            ("t2.ild_absent_or_unknown.mean", "printed"),
            ("t2.ild_absent_or_unknown.sd", "printed"),
            ("t2.ild_mann_whitney_unknown_as_absent", "p_printed"),
        )
    ]
    assert other == ["49.4", "10.6", "0.119"]
    assert (statistics["t2.ild_absent.mean"]["n"], statistics["t2.ild_absent_or_unknown.mean"]["n"]) == (30, 33)
