"""Running a plan: every analysis leaves a line, none stops the others, and p values know their family."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from myot2.analyse import run
from myot2.analyse.cohort import read_cohort
from myot2.analyse.plan_file import read_plan
from myot2.analyse.results import log_text
from myot2.analyse.run import DONE, FAILED, NOT_APPLICABLE, run_plan
from myot2.core.labels import read_labels
from myot2.core.participants import Participant

RNG = np.random.default_rng(7)
PATIENTS, CONTROLS = 40 + RNG.gamma(2, 4, 30), 34 + RNG.normal(0, 1.5, 12)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """30 patients and 12 controls with enzymes, in part unknown."""
    path = tmp_path_factory.mktemp("measures") / "cohort.tsv"
    t2 = {f"P{i}": value for i, value in enumerate(PATIENTS)} | {f"C{i}": value for i, value in enumerate(CONTROLS)}
    rows = [(name, "thigh", "both", value, value - 1) for name, value in t2.items()]
    columns = ["participant_id", "region", "side", "t2_mean_ms", "t2_median_ms"]
    pd.DataFrame(rows, columns=columns).to_csv(path, sep="\t", index=False)
    return read_cohort([_person(i, name) for i, name in enumerate(t2)], path, ["t2_median_ms"])


def _person(i: int, name: str) -> Participant:
    patient = name.startswith("P")
    facts = {"group": "patient" if patient else "control", "sex": "MF"[i % 2], "age": 30 + i % 20}
    enzymes = {"ck": 100 + 13 * (i * 7 % 17), "alt": 20 + i * 11 % 23, "diagnosis": ("DM", "ASS", None)[i % 3]}
    return Participant(participant_id=name, **facts, **(enzymes if patient else {"ck": 80 + i}))


@pytest.fixture(scope="module")
def plan(root):
    """A function that gives the study's plan with few resamples, and changes."""
    return lambda **changes: read_plan(root / "config/plans/study.yaml", {"resamples": 100, **changes})


@pytest.fixture(scope="module")
def results(plan, cohort):
    return run_plan(plan(), cohort)


def entry(results, key):
    return next(each for each in results.log if each.key == key)


def test_every_analysis_of_the_plan_has_its_line_in_its_order(results, plan):
    lines = [json.loads(line) for line in log_text(results.log).splitlines()]
    assert [line["id"] for line in lines] == list(plan().analyses)
    for line in lines:
        expected = {"id", "kind", "role", "family", "status", "reason", "n", "parameters", "keys", "warnings"}
        assert expected <= set(line) <= expected | {"n_by_key"}
        assert (line["status"] == DONE) == (line["reason"] is None)
    assert {key for line in lines for key in line["keys"]} == set(results.statistics)


def test_a_line_holds_all_that_the_analysis_was_told(results):
    told = entry(results, "normal_ck").to_json()["parameters"]
    assert told["groups"]["normal_ck"]["where"] == {"group": {"is": "patient"}, "ck": {"is": "normal"}}
    assert told["limits"] == {"ck": 200} and told["endpoints"]["t2"]["measure"] == "t2_mean_ms"
    assert entry(results, "roc.bootstrap").parameters["resamples"] == 100


def test_the_log_holds_no_time_and_no_path_and_is_the_same_twice(results, plan, cohort):
    text = log_text(results.log)
    assert text == log_text(run_plan(plan(), cohort).log)
    assert not re.search(r"/\w+/|\d\d:\d\d", text)


def test_what_these_people_cannot_tell_is_not_applicable_with_its_reason(results):
    lung = entry(results, "ild")
    assert (lung.status, lung.reason) == (NOT_APPLICABLE, "there is nobody to count among")
    assert results.statistics["ild.present_of_known"].value is None


def test_an_analysis_that_breaks_is_logged_as_failed_keeps_its_keys_and_stops_no_other(
    plan, cohort, monkeypatch, capsys
):
    def breaks(key, analysis, material):
        return np.zeros(3) @ np.zeros(4)

    kind = run.KINDS["roc"]
    monkeypatch.setitem(run.KINDS, "roc", run.Kind(breaks, kind.main))
    found = run_plan(plan(), cohort)
    broken = entry(found, "roc")
    assert broken.status == FAILED and broken.reason.startswith("ValueError: matmul")
    assert found.statistics["roc.auc"].reason == broken.reason
    assert entry(found, "normal_ck").reason == "there is no cutoff"
    assert entry(found, "spearman").status == DONE
    assert "Traceback" in capsys.readouterr().err


def test_a_column_that_is_nowhere_makes_its_analysis_not_applicable(plan, cohort):
    changes = {
        "endpoints": {"crp": {"column": "crp"}, "p90": {"measure": "t2_p90_ms"}},
        "analyses": {
            "crp": {"kind": "correlation", "endpoint": "t2", "with": ["crp"], "among": "patient"},
            "p90": {"kind": "roc", "endpoint": "p90", "positive": "patient", "negative": "control"},
        },
    }
    found = run_plan(plan(**changes), cohort)
    assert (entry(found, "crp").status, entry(found, "p90").status) == (NOT_APPLICABLE, NOT_APPLICABLE)
    assert found.statistics["crp.crp"].reason == "the participants table has no column 'crp'"
    assert found.statistics["p90.auc"].reason == "the measures table has no column 't2_p90_ms'"


def test_two_analyses_never_write_different_numbers_under_one_key(plan, cohort):
    changes = {"groups": {"patient": {"where": {"group": "patient", "sex": "F"}}}}
    found = run_plan(plan(**changes), cohort)
    assert all(each.status != FAILED for each in found.log)
    clash = {
        "analyses": {
            "again": {"kind": "comparison", "endpoint": "t2", "first": "patient", "second": "ass", "decimals": 3}
        }
    }
    found = run_plan(plan(**clash), cohort)
    assert "t2.patient.mean belongs to an analysis above" in entry(found, "again").reason
    assert found.statistics["t2.patient.mean"].printed == f"{PATIENTS.mean():.1f}"


def test_holm_multiplies_the_smallest_p_of_its_family_by_the_number_of_tests(results):
    table = [results.statistics[f"spearman.{name}"] for name in ("ck", "alt", "ast", "ldh", "ild_score")]
    tested = sorted((each for each in table if each.p is not None), key=lambda each: each.p)
    assert [each.extras["family_size"] for each in tested] == [2, 2]  # AST, LDH and the score are unknown
    assert tested[0].extras["p_adjusted"] == pytest.approx(min(1, 2 * tested[0].p))
    assert tested[1].extras["p_adjusted"] == pytest.approx(max(tested[1].p, min(1, 2 * tested[0].p)))
    assert tested[0].extras["family"] == "table_1" and tested[0].extras["family_method"] == "Holm"
    assert results.statistics["t2.mann_whitney"].extras["p_adjusted"] == results.statistics["t2.mann_whitney"].p


def test_what_belongs_to_no_family_is_not_corrected(results):
    assert "p_adjusted" not in results.statistics["roc.auc"].extras
    assert "p_adjusted" not in results.statistics["t2.ild_mann_whitney_unknown_as_absent"].extras


def test_a_cutoff_given_before_is_counted_by_itself_and_says_where_it_comes_from(plan, cohort):
    given = {"cutoff": 41.0, "source": "the pilot study"}
    found = run_plan(plan(analyses={"roc": {"prespecified": given}}), cohort).statistics
    sensitivity = found["roc.prespecified.sensitivity"]
    assert sensitivity.extras["numerator"] == (PATIENTS >= 41).sum() and sensitivity.n == 30
    assert found["roc.prespecified.specificity"].extras["numerator"] == (CONTROLS < 41).sum()
    assert sensitivity.extras["source"] == "the pilot study" and "not optimistic" in sensitivity.extras["note"]


def test_an_endpoint_may_be_any_measure_of_any_region(plan, cohort):
    found = run_plan(plan(endpoints={"t2": {"measure": "t2_median_ms"}}), cohort).statistics
    assert found["t2.patient.mean"].value == pytest.approx(PATIENTS.mean() - 1)
    nowhere = run_plan(plan(endpoints={"t2": {"side": "left"}}), cohort).statistics
    assert nowhere["t2.mann_whitney"].reason == "a group is empty"


def test_each_patient_with_normal_ck_is_judged_by_the_cutoff_of_the_others(results, cohort):
    normal = cohort.patients["ck"].to_numpy() <= 200
    controls = np.array(CONTROLS)
    found = 0
    for i in np.flatnonzero(normal):
        others = np.delete(PATIENTS, i)
        values = np.unique(np.concatenate([others, CONTROLS]))
        cutoffs = [values[0] - 1, *(values[:-1] + values[1:]) / 2, values[-1] + 1]
        by = [((others >= c).mean() + (controls < c).mean(), (controls < c).mean(), -c) for c in cutoffs]
        found += PATIENTS[i] >= -max(by)[2]
    left_out = results.statistics["normal_ck.left_out.detected"]
    assert (left_out.extras["numerator"], left_out.n) == (found, normal.sum())


def test_two_readers_make_a_score_and_are_held_against_each_other(plan, tmp_path):
    grades = [(0, 0, 0, 0), (1, 2, 2, 2), (4, 1, 3, 3), (2, None, 1, 2), (None, None, 2, 2)]
    names = ("severity_a", "severity_b", "extent_a", "extent_b")
    people = [
        Participant(
            participant_id=f"P{i}",
            group="patient",
            further={name: None if cell is None else str(cell) for name, cell in zip(names, row, strict=True)},
        )
        for i, row in enumerate(grades)
    ]
    measures = pd.DataFrame({"participant_id": [f"P{i}" for i in range(5)], "region": "thigh", "side": "both"})
    measures.assign(t2_mean_ms=[40, 41, 42, 43, 44]).to_csv(tmp_path / "m.tsv", sep="\t", index=False)
    changes = {
        "endpoints": {
            **{name: {"column": name} for name in names},
            "severity": {"readers": list(names[:2])},
            "extent": {"readers": list(names[2:])},
            "score": {"sum_of": ["severity", "extent"]},
        },
        "groups": {"affected": {"where": {"score": {"above": 0}}}},
        "analyses": {
            "readers": {"kind": "raters", "first": "severity_a", "second": "severity_b", "among": "patient"},
            "who": {"kind": "description", "measured": "t2", "of": {"affected": {"summarise": ["score"]}}},
        },
    }
    found = run_plan(plan(**changes), read_cohort(people, tmp_path / "m.tsv"))
    statistics = found.statistics
    assert statistics["who.affected.n"].value == 3  # 1.5 + 2, 2.5 + 3, and the one whose severity one reader read
    assert statistics["who.affected.score.mean"].value == pytest.approx((3.5 + 5.5 + 3.5) / 3)
    # observed disagreement |d|/4 of three: (0 + 1 + 3)/12; expected from the margins 0,1,4 and 0,2,1: mean |i - j|/4
    expected = np.mean([abs(i - j) for i in (0, 1, 4) for j in (0, 2, 1)])
    assert statistics["readers.kappa"].value == pytest.approx(1 - (4 / 3) / expected)
    assert statistics["readers.flagged"].extras["numerator"] == 1 and statistics["readers.kappa"].n == 3
    assert entry(found, "readers").warnings == ("people whom one reader alone has read: 1",)


def test_the_unknown_are_counted_by_group_and_in_the_combinations_that_occur(results, cohort):
    unknown = cohort.people[cohort.people["group"] == "patient"]["ast"].isna().sum()
    assert results.statistics["missing.patient.ast"].value == unknown == 30
    assert results.statistics["missing.patient.complete"].value == 0
    patterns = results.tables["missing_patterns"].set_index("unknown")["n"].to_dict()
    assert patterns == {"ast, ldh, ild_score": 30, "alt, ast, ldh, ild_score": 12}


def test_what_is_known_of_too_few_is_neither_filled_in_nor_used_to_fill_in(results):
    imputed = entry(results, "spearman.imputed")
    assert "ast is known of fewer than 10 people: not used" in imputed.warnings
    assert results.statistics["spearman.imputed.ast"].reason == "ast is known of fewer than 10 people"
    # nothing is unknown of CK: filling in changes nothing
    assert results.statistics["spearman.imputed.ck"].value == pytest.approx(results.statistics["spearman.ck"].value)
    assert imputed.parameters["seed"] == 20230 and imputed.parameters["imputations"] == 20


def test_the_table_of_variants_is_an_analysis_of_the_plan(plan, cohort):
    variants = pd.DataFrame(
        {
            "mask": ["automatic", "eroded"],
            "t2": "vendor-map",
            "statistic": "mean",
            "aggregation": "voxel",
            "main": ["yes", "no"],
            "n_patient": 30,
            "n_control": 12,
            "auc": [0.9, 0.95],
            "cutoff_ms": [38.0, 37.0],
            "reason": None,
        }
    )
    found = run_plan(plan(), cohort, multiverse=variants)
    assert (found.statistics["multiverse.auc.max"].value, found.statistics["multiverse.cutoff.min"].value) == (0.95, 37)
    assert entry(found, "multiverse").status == DONE
    without = entry(run_plan(plan(), cohort), "multiverse")
    assert without.status == NOT_APPLICABLE and "no table of variants" in without.reason


@pytest.fixture(scope="module")
def muscles(root, tmp_path_factory):
    """24 patients 10 ms above 12 controls in three muscles of either side, and the label table."""
    rng, rows, people = np.random.default_rng(3), [], []
    for i in range(36):
        patient, name = i < 24, f"P{i:02}"
        people.append(
            Participant(
                participant_id=name, group="patient" if patient else "control", age=30 + i * 7 % 30, sex="MF"[i % 2]
            )
        )
        person = rng.normal(45 if patient else 35, 2)
        for place, muscle in enumerate(("gracilis", "sartorius", "semitendinosus")):
            own = rng.normal(place, 1)
            rows += [(name, muscle, side, person + own + rng.normal(0, 0.5)) for side in ("left", "right")]
    path = tmp_path_factory.mktemp("muscles") / "cohort.tsv"
    columns = ["participant_id", "region", "side", "t2_mean_ms"]
    pd.DataFrame(rows, columns=columns).to_csv(path, sep="\t", index=False)
    return read_cohort(people, path), read_labels(root / "config/labels.tsv")


@pytest.mark.parametrize("method", ["model", "bootstrap"])
def test_the_model_of_all_muscles_finds_the_groups_difference_in_each(plan, muscles, method):
    cohort, labels = muscles
    found = run_plan(plan(analyses={"muscle_model": {"method": method}}), cohort, labels)
    average = found.statistics["muscle_model.average"]
    assert average.ci[0] < 10 < average.ci[1] and average.value == pytest.approx(10, abs=1.5) and average.unit == "ms"
    assert found.statistics["muscle_model.gracilis"].n == 36 and average.extras["method"] == method
    assert found.statistics["muscle_model.rectus_femoris"].reason == "fewer than two people of a group have a value"
    assert average.extras["family"] == "muscle_model" and average.extras["family_size"] == 5


def test_without_a_label_table_nobody_knows_which_regions_are_muscles(plan, muscles):
    told = entry(run_plan(plan(), muscles[0]), "muscle_model")
    assert told.status == NOT_APPLICABLE and "label table" in told.reason


def test_a_size_to_weigh_by_that_was_not_measured_is_said(plan, muscles):
    weighted = plan(analyses={"muscle_model": {"weighting": "volume"}})
    assert "volume_ml" in weighted.measures
    assert entry(run_plan(weighted, *muscles), "muscle_model").reason == "the measures table has no column 'volume_ml'"


@pytest.fixture(scope="module")
def gaps(cohort):
    """The same cohort with a number of ages and sexes unknown, more of them where T2 is high."""
    people = cohort.people.copy()
    high = people["t2_mean_ms"].rank(ascending=False, method="first")
    people.loc[high.isin([1, 2, 4, 7, 30]), "age"] = np.nan
    people.loc[high.isin([2, 3, 35]), "sex"] = pd.NA
    return dataclasses.replace(cohort, people=people)


def test_unknown_covariates_are_filled_in_beside_the_complete_cases(plan, gaps):
    found = run_plan(plan(), gaps)
    complete, filled = (found.statistics[f"t2.adjusted.{name}"] for name in ("ratio", "imputed.ratio"))
    assert (complete.n, complete.extras["left_out"]) == (35, 7)
    assert (filled.n, filled.extras["filled_in"]) == (42, 7) and filled.extras["by_column"] == {"age": 5, "sex": 3}
    assert filled.extras["fraction_missing"] > 0 and filled.ci[0] < filled.value < filled.ci[1]
    # the two highest patients are back: of T2 alone the ratio of geometric means is this
    plain = np.exp(np.log(PATIENTS).mean() - np.log(CONTROLS).mean())
    assert abs(np.log(filled.value / plain)) < abs(np.log(complete.value / plain)) < 0.1
    assert entry(found, "t2.adjusted.imputed").parameters["seed"] == 20230


def test_with_nothing_unknown_filling_in_gives_the_numbers_of_the_known(results):
    for plain, filled in (("t2.adjusted.ratio", "t2.adjusted.imputed.ratio"), ("spearman.ck", "spearman.imputed.ck")):
        one, other = results.statistics[plain], results.statistics[filled]
        assert other.extras["filled_in"] == 0
        assert (other.value, other.p, *other.ci) == pytest.approx((one.value, one.p, *one.ci), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"covariates": ["age", "diagnosis"]}, "'diagnosis' has more than two words"),
        ({"covariates": ["ild_score"]}, "'ild_score' is known of fewer than 10 people"),
        ({"covariates": ["site"]}, "no column 'site'"),
        ({"second": "patient"}, "somebody belongs to both groups"),
    ],
)
def test_covariates_that_cannot_be_filled_in_are_said(plan, gaps, change, reason):
    people = gaps.people.assign(diagnosis=["DM", "PM", "ASS"] * 14)
    found = run_plan(plan(analyses={"t2.adjusted.imputed": change}), dataclasses.replace(gaps, people=people))
    assert entry(found, "t2.adjusted.imputed").status == NOT_APPLICABLE
    assert reason in found.statistics["t2.adjusted.imputed.ratio"].reason
