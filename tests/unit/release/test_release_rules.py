"""What is released of statistics.json: closed by default, and every number by its rule."""

from __future__ import annotations

import re

import pytest

from myot2.release import rules
from myot2.release.disclosure import REDACTED, Disclosure
from myot2.release.methods import METHODS
from myot2.release.statistics import release_statistics

HOW = Disclosure()
NOTHING = dict.fromkeys(("value", "n", "ci", "test", "p", "unit"))


def entry(value, printed=None, **more):
    return {**NOTHING, "value": value, "printed": str(value) if printed is None else printed, **more}


def summaries(prefix, values, n, unit="ms"):
    """Keys of one quantity in one group: mean, sd, median, q1, q3, min, max."""
    names = ("mean", "sd", "median", "q1", "q3", "min", "max")
    return {f"{prefix}.{name}": entry(value, n=n, unit=unit) for name, value in zip(names, values, strict=True)}


def analysis(identifier, kind, keys, groups=("patient", "control"), **parameters):
    told = {"groups": {name: {"unknown": "left out"} for name in groups}, "endpoints": {"t2": {}}, **parameters}
    return {
        "id": identifier,
        "kind": kind,
        "role": "exploratory",
        "family": None,
        "parameters": told,
        "keys": list(keys),
    }


COMPARED = {
    **summaries("t2.patient", (47.4, 9.0, 45.8, 40.5, 51.4, 33.2, 80.9), 64),
    **summaries("t2.control", (33.9, 0.9, 34.1, 32.9, 34.8, 32.5, 35.0), 10),
    "t2.mann_whitney": entry(631.0, n=74, test="Mann-Whitney U", p=8.8e-7, z=4.917, n_first=64, n_second=10, u=631.0),
}


def of_comparison(statistics=COMPARED, **more):
    line = analysis("t2.mann_whitney", "comparison", statistics, **more)
    return release_statistics(statistics, [line], HOW)


def test_a_key_that_no_analysis_gave_is_not_released_nor_named():
    found = release_statistics({**COMPARED, "smuggled.P01": entry(55.24)}, [], HOW)
    assert found.statistics == {}
    assert {decision.subject for decision in found.decisions} == {"keys of no analysis"}


@pytest.mark.parametrize("kind", ["change", "repeatability", "agreement", "raters", "a kind of tomorrow"])
def test_a_kind_without_a_rule_is_not_released(kind):
    found = release_statistics(COMPARED, [analysis("t2.mann_whitney", kind, COMPARED)], HOW)
    assert found.statistics == {} and {decision.action for decision in found.decisions} == {"withheld"}


@pytest.mark.parametrize("key", ["t2.patient.p90", "t2.patient.mean.of_P01", "t2.somebody.mean", "ck.patient.mean"])
def test_a_key_without_a_rule_is_not_released_though_its_kind_has_rules(key):
    found = of_comparison({**COMPARED, key: entry(55.24, n=64, unit="ms")})
    assert key not in found.statistics and "t2.patient.mean" in found.statistics


def test_the_lowest_and_the_highest_are_never_released():
    found = of_comparison()
    assert not [key for key in found.statistics if key.endswith((".min", ".max"))]


def test_no_part_of_an_entry_is_copied_that_its_rule_does_not_name():
    found = of_comparison(
        {key: {**value, "secret": "P01", "note": "P01", "left_out": ["P01"]} for key, value in COMPARED.items()}
    )
    assert "P01" not in str(found.statistics)
    assert found.statistics["t2.mann_whitney"] == {
        **entry(0.0, "<0.001"), "n": 75, "test": "Mann-Whitney U", "p": 0.0, "p_printed": "<0.001"
    }  # fmt: skip


def test_a_mean_has_the_interval_of_the_rounded_number_of_people():
    from scipy import stats

    mean = of_comparison().statistics["t2.patient.mean"]
    low, high = stats.t.interval(0.95, 64, 47.4, 9.0 / 65**0.5)
    assert (mean["printed"], mean["n"], mean["ci_printed"]) == ("47.4", 65, f"{low:.1f} to {high:.1f}")


def test_quantiles_are_of_enough_people_and_coarse():
    found = of_comparison().statistics
    assert [found[f"t2.patient.{name}"]["printed"] for name in ("q1", "median", "q3")] == ["40", "45", "50"]
    assert {found[f"t2.control.{name}"]["printed"] for name in ("q1", "median", "q3")} == {REDACTED}


@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_group_of_few_looks_the_same_whatever_it_is_and_so_does_one_without_a_value(n):
    few = {**COMPARED, **summaries("t2.control", (33.9, 0.9, 34.1, 32.9, 34.8, 32.5, 35.0), n)}
    few["t2.mann_whitney"] = {**COMPARED["t2.mann_whitney"], "n_second": n}
    none = {
        key: {**value, "value": None, "printed": "n/a", "reason": "P01"} if "control" in key else value
        for key, value in few.items()
    }
    shown = of_comparison(few)
    assert shown == of_comparison(none)
    assert shown.statistics["t2.mann_whitney"]["printed"] == shown.statistics["t2.control.mean"]["printed"] == REDACTED
    assert "33" not in str(shown.statistics)


def test_what_one_person_makes_up_is_not_shown():
    outlier = summaries("t2.patient", (1487.8, 3700.0, 360.5, 140.8, 870.5, 18.0, 24355.0), 64)
    found = of_comparison({**COMPARED, **outlier}).statistics
    assert found["t2.patient.sd"]["printed"] == REDACTED
    assert found["t2.patient.mean"]["printed"] == "1487.8" and "ci_printed" not in found["t2.patient.mean"]
    found = of_comparison({**COMPARED, **summaries("t2.patient", (900.0, 3000.0, 9, 8, 10, 1, 24000.0), 40)}).statistics
    assert found["t2.patient.mean"]["printed"] == REDACTED


def test_a_group_of_whom_all_have_one_value_is_not_shown():
    found = of_comparison({**COMPARED, **summaries("t2.patient", (40.0, 0.0, 40.0, 40.0, 40.0, 40.0, 40.0), 64)})
    assert {found.statistics[f"t2.patient.{name}"]["printed"] for name in ("mean", "sd", "median")} == {REDACTED}


def test_a_group_with_the_unknown_among_it_is_withheld_for_it_tells_of_them():
    groups = {"patient": {"unknown": "included"}, "control": {"unknown": "left out"}}
    line = analysis("t2.mann_whitney", "comparison", COMPARED)
    line["parameters"]["groups"] = groups
    assert release_statistics(COMPARED, [line], HOW).statistics == {}


def description(words, plan=("DM", "PM")):
    keys = {
        "cohort.n": entry(74),
        "cohort.patient.n": entry(64),
        "cohort.control.n": entry(10),
        **{f"cohort.patient.diagnosis.{word}": entry(count, n=64) for word, count in words.items()},
    }
    of = {"patient": {"summarise": [], "count": {"diagnosis": list(plan)}}, "control": {}}
    return keys, analysis("cohort", "description", keys, of=of)


def test_words_of_the_participants_table_are_not_released_and_count_as_hidden():
    keys, line = description({"DM": 30, "PM": 31, "rare_disease_of_Mrs_X": 3})
    found = release_statistics(keys, [line], HOW)
    assert "rare" not in str(found)
    assert found.statistics["cohort.patient.diagnosis.DM"]["printed"] == REDACTED, "else the 3 could be subtracted"
    assert found.statistics["cohort.patient.diagnosis.PM"]["printed"] == "30"


@pytest.mark.parametrize("word", ["mean", "sd", "n", "male", "median"])
def test_a_word_that_reads_like_a_number_of_the_run_is_still_a_word(word):
    keys, line = description({"DM": 63, word: 1})
    found = release_statistics(keys, [line], HOW)
    assert f"cohort.patient.diagnosis.{word}" not in found.statistics


def test_totals_are_made_of_rounded_parts():
    keys, line = description({"DM": 27, "PM": 29, "ASS": 8}, plan=("DM", "PM", "ASS"))
    found = release_statistics(keys, [line], HOW).statistics
    shown = {key: found[key]["value"] for key in found}
    assert (shown["cohort.n"], shown["cohort.patient.n"], shown["cohort.control.n"]) == (75, 65, 10)
    parts = [found[f"cohort.patient.diagnosis.{name}"] for name in ("DM", "PM", "ASS")]
    assert [part["value"] for part in parts] == [25, 30, 10] and {part["n"] for part in parts} == {65}
    assert [part["percent_printed"] for part in parts] == ["38 %", "46 %", "15 %"]


def test_a_total_with_a_redacted_group_is_redacted():
    keys, line = description({"DM": 40, "PM": 24})
    keys["cohort.control.n"] = entry(4)
    keys["cohort.n"] = entry(68)
    assert release_statistics(keys, [line], HOW).statistics["cohort.n"]["printed"] == REDACTED


GROUPS = {"n_positive": 64, "n_negative": 10}
AREA = entry(0.9859, "0.986", n=74, ci=(0.963, 1.0))
SHIFT = entry(12.23, "12.2", unit="ms", ci=(10.2, 14.5), n_first=64, n_second=10)
RS = entry(0.3613, "0.361", ci=(0.119, 0.563), p=0.0034)


@pytest.mark.parametrize(
    ("kind", "key", "value", "printed", "interval"),
    [
        ("roc", "roc.auc", {**AREA, **GROUPS}, "0.98", "0.96 to 1.00"),
        ("roc", "roc.cutoff", entry(36.4, n=74, unit="ms", tied_cutoffs=[36.4], **GROUPS), "36", None),
        ("roc", "roc.sensitivity", entry(0.97, "96.9 %", numerator=62, denominator=64, n=64), REDACTED, None),
        ("roc", "roc.specificity", entry(1.0, "100.0 %", numerator=10, denominator=10, n=10), REDACTED, None),
        ("roc", "roc.auc", {**AREA, "n_positive": 64, "n_negative": 4}, REDACTED, None),
        ("roc", "roc.auc", AREA, REDACTED, None),
        ("effect-size", "roc.shift", SHIFT, "12", "10 to 15"),
        ("correlation", "roc.t2", {**RS, "n": 64}, "0.36", "0.12 to 0.56"),
        ("correlation", "roc.t2", {**RS, "n": 15}, REDACTED, None),
    ],
)
def test_each_kind_by_its_rule(kind, key, value, printed, interval):
    found = release_statistics({key: value}, [analysis("roc", kind, [key])], HOW).statistics[key]
    assert (found["printed"], found.get("ci_printed")) == (printed, interval)
    if kind == "correlation" and printed != REDACTED:
        assert (found["n"], found["p_printed"]) == (65, "0.003")


def test_every_rule_has_a_method_and_says_why():
    made_of_several = {rules.PART, rules.TOTAL, rules.WITHHELD}
    for rule in rules.RULES:
        assert rule.method in METHODS or rule.method in made_of_several, rule
        assert rule.why and re.compile(
            rules._filled(rule.pattern, dict.fromkeys(("id", "group", "endpoint", "summarised", "word", "name"), "x"))
        )


def test_the_audit_has_a_line_for_every_key_and_no_value():
    found = of_comparison()
    assert {decision.subject for decision in found.decisions} == set(COMPARED)
    assert not re.search(r"\d\d\.\d", " ".join(decision.why for decision in found.decisions))
