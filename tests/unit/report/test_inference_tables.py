"""Tables of what the plan asks beyond the study: each number by its key, a reason or a dash where there is none."""

from __future__ import annotations

import pytest
from test_report_tables import FOUND, findings, missing, plain, statistic

from myot2.report import inference_tables, prose
from myot2.report.analysis_log import analyses_table
from myot2.report.lookup import DASH, Statistics
from myot2.report.methods import analyses
from myot2.report.tables import reasons

FURTHER = FOUND | {
    "t2.effect.shift": statistic("12.2", 74, unit="ms", ci_printed="10.2 to 14.5"),
    "t2.adjusted.ratio": statistic(
        "1.339",
        74,
        ci_printed="1.261 to 1.422",
        p_printed="<0.001",
        p_adjusted_printed="0.002",
        covariates=["age", "sex"],
    ),
    "t2.adjusted.rank_ancova": missing("the covariate 'sex' does not vary", 3),
    "t2.adjusted.ratio_sex_F": statistic("1.329", 47, among="sex F"),
    "roc.interval.wilson": statistic("0.986", 74, ci_printed="0.925 to 0.998", ci_method="Wilson's score interval"),
    "roc.bootstrap.cutoff": statistic("36.4", 74, unit="ms", ci_printed="34.8 to 36.7"),
    "roc.bootstrap.sensitivity_corrected": statistic("96.8 %", 64),
    "normal_ck.left_out.detected": statistic("95.5 %", 22, numerator=21, denominator=22, ci_printed="77.2 % to 99.9 %"),
    "missing.patient.ck": statistic("0", 64),
    "missing.patient.complete": statistic("95.3 %", 64, numerator=61, denominator=64),
    "missing.control.ck": statistic("10", 10),
    "spearman.imputed.ck": statistic(
        "0.361", 64, ci_printed="0.114 to 0.567", p_printed="0.006", filled_in=3, imputations=20
    ),
    "spearman.imputed.ast": missing("ast is known of fewer than 10 people", 64),
    "muscle_model.average": statistic(
        "1.30", 74, ratio=True, ci_printed="1.2 to 1.4", p_printed="<0.001", method="bootstrap", covariates=["age"]
    ),
    "muscle_model.biceps_femoris_long_head": missing("fewer than two people of a group have a value"),
    "muscle_model.interaction": statistic("2.10", 74, p_printed="0.040", p_adjusted_printed="0.080"),
}


def rows_of(markdown: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in plain(markdown).splitlines()[2:]]


def test_effects_have_their_interval_both_p_and_n_or_the_reason():
    rows = {row[0]: row[1:] for row in rows_of(inference_tables.effect_table(Statistics(FURTHER)))}
    assert rows["Difference of T2 (Hodges–Lehmann)"] == ["12.2 ms", "10.2 to 14.5", DASH, DASH, "74"]
    assert rows["Ratio of T2, covariates held equal"] == ["1.339", "1.261 to 1.422", "<0.001", "0.002", "74"]
    assert rows["*F* of ranks, covariates held equal"][1] == "not computed"
    assert rows["Ratio of T2 among sex F"][0] == "1.329"


def test_the_accuracy_table_has_every_row_whatever_the_run_has():
    rows = rows_of(inference_tables.accuracy_table(Statistics(FURTHER)))
    assert rows[0] == ["Area, the interval to quote", "0.986", "0.925 to 0.998", "74"]
    assert ["Sensitivity less its optimism", "96.8 %", DASH, "64"] in rows
    assert ["Specificity less its optimism", DASH, "not computed", DASH] in rows
    given = Statistics(FURTHER | {"roc.prespecified.sensitivity": statistic("90.0 %", 64)})
    assert len(rows_of(inference_tables.accuracy_table(given))) == len(rows) + 1


def test_the_unknown_are_counted_of_all_and_a_group_without_a_count_has_a_dash():
    rows = rows_of(inference_tables.missing_table(Statistics(FURTHER)))
    assert rows == [["Creatine kinase (CK)", "0 of 64", "10 of 10"], ["All of these known", "61 of 64", DASH]]


def test_correlations_with_the_unknown_filled_in_say_how_many_were():
    rows = rows_of(inference_tables.imputed_table(Statistics(FURTHER)))
    assert rows[0] == ["Creatine kinase (CK)", "64", "3", "0.361", "0.114 to 0.567", "0.006"]
    assert rows[1] == ["Aspartate aminotransferase (AST)", "64", DASH, DASH, "not computed", DASH]
    assert len(rows) == 2


def test_where_nothing_was_unknown_no_row_repeats_the_numbers_of_the_known():
    whole = {key: entry | {"filled_in": 0} for key, entry in FURTHER.items() if key == "spearman.imputed.ck"}
    assert rows_of(inference_tables.imputed_table(Statistics(whole))) == [["nothing was filled in", *[DASH] * 5]]
    ratio = {"t2.adjusted.imputed.ratio": statistic("1.340", 74, filled_in=0, imputations=20)}
    assert "filled in" not in inference_tables.effect_table(Statistics(FURTHER | ratio))
    ratio["t2.adjusted.imputed.ratio"]["filled_in"] = 4
    rows = rows_of(inference_tables.effect_table(Statistics(FURTHER | ratio)))
    assert rows[-1][:2] == ["Ratio of T2, unknown covariates filled in", "1.340"]
    assert "The adjusted ratio was had again with unknown covariates filled in 20 times" in analyses(
        findings(FURTHER | ratio)
    )


def test_a_reason_is_said_once_below_the_table_with_the_rows_that_it_is_of():
    statistics = Statistics({f"a{i}": missing("the groups do not overlap", 12) for i in range(2)} | FURTHER)
    entries = [("a0", "Bootstrap"), ("t2.effect.shift", "Shift"), ("a1", "Logit"), ("b", "Other")]
    assert plain(reasons(statistics, entries)) == (
        "Not computed: Bootstrap; Logit (the groups do not overlap). Other (it is not among the statistics)."
    )
    assert reasons(statistics, entries[1:2]) == ""


def test_the_muscle_model_has_the_average_each_muscle_and_whether_they_differ():
    table = inference_tables.muscle_model_table(Statistics(FURTHER), ("biceps femoris long head",))
    average, muscle, interaction = rows_of(table)
    assert average[1:] == ["1.30", "1.2 to 1.4", "<0.001", DASH, "74"] and "Ratio of T2" in table
    assert muscle[:3] == [
        "biceps femoris long head",
        DASH,
        "not computed",
    ]
    assert interaction[1:] == ["2.10", DASH, "0.040", "0.080", "74"]
    nothing = inference_tables.muscle_model_table(Statistics({}), ("biceps femoris long head",))
    assert len(rows_of(nothing)) == 2 and "Difference of T2" in nothing


def test_the_log_of_analyses_says_what_came_of_each():
    log = [
        {"id": "roc", "kind": "roc", "role": "confirmatory", "family": None, "status": "done", "reason": None, "n": 74}
        | {"warnings": ["one | two"]},
        {"id": "a", "kind": "change", "role": "exploratory", "family": "further", "status": "failed", "n": None}
        | {"reason": "KeyError: x", "warnings": []},
    ]
    lines = plain(analyses_table(log)).splitlines()[2:]
    assert lines[0] == "| roc (roc) | confirmatory | – | 74 | done; one | two |" and "one \\| two" in analyses_table(
        log
    )
    assert lines[1] == "| a (change) | exploratory | further | – | failed: KeyError: x |"


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (
            prose.precision_sentence,
            "for the area is 0.925 to 0.998 (Wilson's score interval); in bootstrap samples the",
        ),
        (prose.precision_sentence, "the cutoff varies from 34.8 to 36.7 ms"),
        (prose.effect_sentence, "less controls, is 12.2 ms (95 % interval 10.2 to 14.5, *n* = 74)."),
        (prose.effect_sentence, "With age and sex held equal, T2 of patients is 1.339 times that of controls"),
        (prose.markers_sentence, "T2 and CK could not be compared in the same people: it is not among the statistics."),
    ],
)
def test_sentences_look_their_numbers_up(sentence, words):
    assert words in plain(sentence(Statistics(FURTHER)))


def test_markers_are_compared_with_both_areas_and_the_difference():
    key = "roc.t2_against_ck"
    content = {
        f"{key}.t2": statistic("0.986", 74),
        f"{key}.ck": statistic("0.900", 74),
        f"{key}.difference": statistic(
            "0.086", 74, ci_printed="0.010 to 0.160", p_printed="0.030", p_adjusted_printed="0.060"
        ),
    }
    assert plain(prose.markers_sentence(Statistics(content))) == (
        "In the same people the area is 0.986 for T2 and 0.900 for CK; difference 0.086 (95 % interval 0.010 to 0.160, "
        "*p* = 0.030, corrected *p* = 0.060, *n* = 74)."
    )


def test_the_methods_tell_of_what_was_done_beyond_the_study_and_of_nothing_else():
    words = (
        "Wilson's score",
        "less their optimism",
        "everybody else",
        "Hodges and Lehmann",
        "HC3",
        "bootstrap of people",
    )
    told = plain(analyses(findings(FURTHER)))
    assert [word for word in (*words, "age held equal", "filled in 20 times") if word not in told] == []
    assert [word for word in ("Quade", "DeLong's test", "Holm") if word in told] == []
    assert [word for word in (*words, "filled in") if word in plain(analyses(findings(FOUND)))] == []
