"""Each rule on numbers that fit and numbers that do not, and on printed summaries of simulated people."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from scipy import stats

from myot2.analyse.claims.check import Verdict
from myot2.analyse.claims.claims_file import RULES, ClaimsFile
from myot2.analyse.claims.outcome import findings_of
from myot2.analyse.claims.run import check_claims


def file_of(values: dict[str, str], *checks: dict, **more) -> ClaimsFile:
    claims = {name: {"value": value, "what": name, "where": "here"} for name, value in values.items()}
    return ClaimsFile.model_validate({"paper": {"title": "invented"}, "claims": claims, "checks": list(checks), **more})


def judge(rule: str, numbers: dict[str, str], sidecars: tuple = (), sets: dict | None = None, **fields) -> Verdict:
    file = file_of(numbers, {"rule": rule, "id": "check", **fields}, people=sets or {})
    return file.checks[0].judge(file.ledger(sidecars))


def rounded(value: float, decimals: int) -> str:
    step = Decimal(1).scaleb(-decimals)
    return f"{Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_UP):f}"


PARTS = {"parts": ["a", "b"], "total": "c"}
ONE = {"fact": "f", "values": ["a", "b"], "n": "1"}
MATRIX = {"field_of_view": ["420", "231"], "matrix": ["a", "b"]}
SHARE = {"value": "v", "n": "n", "count": "k"}
MANN_WHITNEY = {"p": "p", "summary": "mean", "test": "mann_whitney", "labelled": False}
CRITERIA = {"criteria": {"a": "a", "b": "b", "c": "c"}, "required": ["a"], "at_least": 1}
SEXES = {"classes": {"A": "a", "B": "b"}, "total": "c", "overlaps": [{"pair": ["A", "B"], "why": "both"}]}
POOLED = {"groups": [{"mean": "m1", "n": "10"}, {"mean": "m2", "n": "30"}], "whole": {"mean": "m", "n": "40"}}
SPREAD = {"first": "s1", "first_n": "30", "second": "s2", "second_n": "20"}

# rule, fields, numbers that fit, numbers that do not, n
CASES = [
    ("parts_sum", PARTS, {"a": "12", "b": "15", "c": "27"}, {"a": "12", "b": "14", "c": "27"}, 27),
    ("parts_sum", PARTS, {"a": "1.2", "b": "1.4", "c": "2.7"}, {"a": "1.2", "b": "1.4", "c": "2.8"}, None),
    (
        "ratio",
        {"numerator": "a", "denominator": "b", "value": "v"},
        {"a": "31", "b": "64", "v": "48 %"},
        {"a": "30", "b": "64", "v": "48 %"},
        64,
    ),
    (
        "ratio",
        {"numerator": "a", "denominator": "b", "value": "v"},
        {"a": "38", "b": "26", "v": "1:1.5"},
        {"a": "37", "b": "27", "v": "1:1.5"},
        64,
    ),
    ("exclusive", SEXES, {"a": "30", "b": "20", "c": "45"}, {"a": "30", "b": "15", "c": "45"}, 45),
    ("everybody", {"statement": "s", "people": "n", "share": "v"}, {"n": "9", "v": "100 %"}, {"n": "9", "v": "9 %"}, 9),
    ("grim", {"mean": "m", "n": "n"}, {"m": "4.75", "n": "8"}, {"m": "4.76", "n": "8"}, 8),
    ("grimmer", {"mean": "m", "sd": "s", "n": "12"}, {"m": "7.3", "s": "2.53"}, {"m": "7.3", "s": "2.51"}, 12),
    (
        "grimmer",
        {"mean": "m", "sd": "s", "n": "10", "scale": [0, 8]},
        {"m": "4.0", "s": "4.2"},  # half 0, half 8
        {"m": "4.0", "s": "4.3"},
        10,
    ),
    ("pooled_mean", POOLED, {"m1": "8.0", "m2": "4.0", "m": "5.0"}, {"m1": "8.0", "m2": "4.0", "m": "5.2"}, 40),
    ("p_from_z", {"z": "z", "p": "p", "n": "64"}, {"z": "2.556", "p": "0.011"}, {"z": "2.556", "p": "0.010"}, 64),
    ("p_from_z", {"z": "z", "p": "p"}, {"z": "0.771", "p": "0.440"}, {"z": "0.772", "p": "0.441"}, None),
    ("p_from_z", {"z": "z", "p": "p"}, {"z": "-4.917", "p": "<0.001"}, {"z": "3.1", "p": "<0.001"}, None),
    ("p_from_rs", {"rs": "r", "n": "61", "p": "p"}, {"r": "-0.226", "p": "0.080"}, {"r": "0.226", "p": "0.073"}, 61),
    (
        "n_from_rs_p",
        {"rs": "r", "n": "n", "p": "p"},
        {"r": "0.226", "p": "0.080", "n": "61"},
        {"r": "0.226", "p": "0.080", "n": "64"},
        None,
    ),
    (
        "direction",
        {"correlation": "r", "high": "h", "low": "l", "n": "61"},
        {"r": "-0.226", "h": "45.3", "l": "49.3"},
        {"r": "0.226", "h": "45.3", "l": "49.3"},
        61,
    ),
    ("spread", SPREAD, {"s1": "5.8", "s2": "3.1"}, {"s1": "9.0", "s2": "0.9"}, 50),
    ("summary_vs_test", {**MANN_WHITNEY, "labelled": True}, {"p": "0.1"}, None, None),
    ("summary_vs_test", {**MANN_WHITNEY, "summary": "median"}, {"p": "0.1"}, None, None),
    ("summary_vs_test", {**MANN_WHITNEY, "test": "welch"}, {"p": "0.1"}, None, None),
    ("summary_vs_test", MANN_WHITNEY, None, {"p": "0.1"}, None),
    ("auc_grid", {"auc": "a", "n_positive": "8", "n_negative": "10"}, {"a": "0.981"}, {"a": "0.983"}, 18),
    ("sens_grid", SHARE, {"v": "95.5 %", "n": "22", "k": "21"}, {"v": "95.5 %", "n": "22", "k": "20"}, 22),
    ("sens_grid", SHARE, {"v": "0.955", "n": "22", "k": "21"}, {"v": "0.965", "n": "22", "k": "21"}, 22),
    ("unique_value", ONE, {"a": "41.0", "b": "41"}, {"a": "41.0", "b": "44.9"}, 1),
    ("unique_value", ONE, {"a": "1 min 49 s", "b": "109"}, {"a": "1 min 49 s", "b": "2 min 18 s"}, 1),
    ("inclusion", {**CRITERIA, "members": [{"who": "x", "lacks": ["b"]}]}, {}, None, None),
    ("inclusion", {**CRITERIA, "members": [{"who": "x", "lacks": ["b", "c"]}]}, None, {}, None),
    ("inclusion", {**CRITERIA, "members": [{"who": "x", "lacks": ["a"]}]}, None, {}, None),
    (
        "voxel_size",
        {"field_of_view": ["420", "231"], "matrix": ["254", "84"], "voxel": ["x", "y"]},
        {"x": "1.65", "y": "2.75"},
        {"x": "1.65", "y": "1.65"},
        None,
    ),
    ("voxel_size", MATRIX, {"a": "254", "b": "140"}, {"a": "254", "b": "84"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "fields", "fitting", "unfitting", "n"), CASES)
def test_a_rule_passes_numbers_that_fit_and_finds_those_that_do_not(rule, fields, fitting, unfitting, n):
    for values, consistent in ((fitting, True), (unfitting, False)):
        if values is not None:
            verdict = judge(rule, values, **fields)
            assert verdict.consistent is consistent, verdict.sentence
            assert verdict.sentence and verdict.printed and verdict.expected
            assert n is None or verdict.n == n


def test_every_rule_is_among_the_cases_of_these_tests(root):
    text = (root / "tests/unit/analyse/test_claims_rules.py").read_text(encoding="utf-8")
    for rule in RULES:
        name = rule.model_fields["rule"].annotation.__args__[0]
        assert f'"{name}"' in text, name


def test_one_total_split_two_ways_names_the_n_that_fits():
    """notes/statistics.md 1.2, I-1 (b): the single solution is 53 in place of 56."""
    values = {"a": "4.75", "b": "2.11", "c": "4.8", "n": "56"}
    splits = [[{"mean": "a", "n": "8"}, {"mean": "b", "n": "n"}], [{"mean": "c", "n": "31"}]]
    verdict = judge("cross_sum", values, splits=splits, may_be_fewer="n")
    assert verdict.consistent is False and verdict.n == 64 and verdict.expected == "n = 53"
    assert judge("cross_sum", {**values, "n": "53"}, splits=splits, may_be_fewer="n").consistent


def test_people_in_no_group_are_told_of_and_too_many_are_found():
    values = {"m1": "45.3", "s1": "6.5", "m2": "49.3", "s2": "10.5", "m": "47.4", "s": "9.0"}
    groups, whole = [{"mean": "m1", "n": "31"}, {"mean": "m2", "n": "n"}], {"mean": "m", "n": "64"}
    sds = {"groups": [{**group, "sd": sd} for group, sd in zip(groups, ("s1", "s2"), strict=True)]}
    for rule, fields in (
        ("pooled_mean", {"groups": groups, "whole": whole}),
        ("pooled_sd", {**sds, "whole": {**whole, "sd": "s"}}),
    ):
        assert judge(rule, {**values, "n": "33"}, **fields).consistent is True
        assert judge(rule, {**values, "n": "34"}, **fields).consistent is False
        unknown = judge(rule, {**values, "n": "30"}, **fields)
        assert unknown.consistent is None and "61 of 64" in unknown.sentence
    assert judge("pooled_sd", {**values, "n": "33", "s": "9.2"}, **fields).consistent is False


BINORMAL = {
    "positive_mean": "m1", "positive_sd": "s1", "n_positive": "64", "negative_mean": "m0", "negative_sd": "s0",
    "n_negative": "10", "cutoff": "c", "sensitivity": "v", "auc": "a",
}  # fmt: skip


def test_normal_groups_give_their_accuracy_and_skewed_ones_another():
    study = {"m1": "47.4", "s1": "9.0", "m0": "33.9", "s0": "0.9", "c": "36.4", "v": "96.9 %", "a": "0.986"}
    verdict = judge("binormal", study, **BINORMAL)
    assert verdict.consistent is False and "7.1 of 64 below 36.4 and an AUC of 0.932" in verdict.sentence
    assert judge("binormal", {**study, "v": "89.1 %", "a": "0.935"}, **BINORMAL).consistent
    assert judge("binormal", {**study, "v": "89.0 %"}, **BINORMAL).consistent is None  # no share of 64


def test_normal_groups_are_seldom_called_skewed():
    """The level of the check is 5 % for each of two tests, less what rounding leaves open."""
    random, accused = np.random.default_rng(11), 0
    for _ in range(100):
        positive, negative = random.normal(46, 6, 64), random.normal(36, 3, 10)
        found = int((positive >= 40).sum())
        values = {"c": "40.0", "v": f"{rounded(100 * found / 64, 1)} %"}
        values["a"] = rounded((positive[:, None] > negative).mean(), 3)
        for name, group in (("1", positive), ("0", negative)):
            values |= {f"m{name}": rounded(group.mean(), 1), f"s{name}": rounded(group.std(ddof=1), 1)}
        accused += judge("binormal", values, **BINORMAL).consistent is False
    assert accused <= 10


PEOPLE = {
    "all": {"n": "74"}, "patients": {"n": "64", "within": "all"}, "few": {"n": "22", "within": "patients"},
    "others": {"n": "30"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("chosen_in", "judged", "beforehand", "consistent"),
    [
        ("all", "few", False, False),
        ("few", "all", False, False),
        ("patients", "patients", False, False),
        ("all", "few", True, True),
        ("others", "few", False, True),
        ("all", "others", False, True),
    ],
)
def test_a_cutoff_judged_in_some_of_its_own_people_is_found(chosen_in, judged, beforehand, consistent):
    verdict = judge(
        "derivation",
        {"c": "36.4", "v": "95.5 %"},
        sets=PEOPLE,
        cutoff="c",
        chosen_in=chosen_in,
        beforehand=beforehand,
        judged=[{"claim": "v", "people": judged}],
    )
    assert verdict.consistent is consistent and verdict.n == int(PEOPLE[chosen_in]["n"])


@pytest.mark.parametrize(
    ("classes", "span", "step", "problem"),
    [
        (["0", "10-25", "25-50", "50-75", "75-100"], "0-100", "0", "nothing covers 0 to 10; 25 is in two classes"),
        (["0-<10", "10-<25", "25-100"], "0-100", "0", ""),
        (["<10", ">=10"], "0-100", "0", ""),
        (["<10", ">10"], "0-100", "0", "nothing covers 10"),
        (["19-39", "40-59", "60-72"], "19-72", "1", ""),
        (["19-39", "40-59", "60-72"], "19-72", "0", "nothing covers 39 to 40; nothing covers 59 to 60"),
        (["19-39", "41-72"], "19-72", "1", "nothing covers 39 to 41"),
        (["0-60", "50-100"], "0-100", "0", "50 to 60 is in two classes"),
        (["10-50", "50-<90"], "0-100", "0", "nothing covers 0 to 10; nothing covers 90 to 100; 50 is in two classes"),
    ],
)
def test_classes_must_cover_their_range_once(classes, span, step, problem):
    named = {str(number): text for number, text in enumerate(classes)}
    verdict = judge("partition", {}, quantity="extent", classes=named, span=span, step=step)
    assert verdict.consistent == (not problem) and problem in verdict.sentence


MESE = {"Role": "mese", "RepetitionTime": 6.69, "SliceThickness": 5.0, "SpacingBetweenSlices": 6.0}
SIDECARS = (*({**MESE, "EchoTime": time / 100} for time in (1, 2, 3)), {"Role": "dixon-in", "EchoTime": 0.051})


@pytest.mark.parametrize(
    ("value", "fact", "consistent"),
    [
        ("6690", {"field": "RepetitionTime", "times": 1000}, True),
        ("6700", {"field": "RepetitionTime", "times": 1000}, False),
        ("6.7", {"field": "RepetitionTime"}, True),
        ("10", {"field": "EchoTime", "times": 1000, "role": "mese", "take": "smallest"}, True),
        ("30", {"field": "EchoTime", "times": 1000, "role": "mese", "take": "largest"}, True),
        ("30", {"field": "EchoTime", "times": 1000, "role": "mese"}, False),
        ("3", {"field": "EchoTime", "role": "mese", "take": "count"}, True),
        ("51", {"field": "EchoTime", "times": 1000, "role": "dixon"}, True),
        ("1", {"field": "SpacingBetweenSlices", "less": "SliceThickness"}, True),
        ("0", {"field": "SpacingBetweenSlices", "less": "SliceThickness"}, False),
        ("3", {"field": "MagneticFieldStrength"}, None),
    ],
)
def test_the_protocol_is_held_against_the_sidecars_that_have_the_fact(value, fact, consistent):
    verdict = judge("protocol_vs_dicom", {"a": value}, sidecars=SIDECARS, facts=[{"claim": "a", **fact}])
    assert verdict.consistent is consistent, verdict.sentence


def test_the_n_behind_a_correlation_is_that_of_the_people_it_was_computed_of():
    random = np.random.default_rng(8)
    for n in (8, 25, 61, 140):
        one = random.normal(size=n)
        other = one + random.normal(scale=2, size=n)
        result = stats.spearmanr(one, other)
        values = {"r": rounded(result.statistic, 3), "p": rounded(result.pvalue, 3), "n": str(n)}
        if values["p"] == "0.000":
            values["p"] = "<0.001"
        assert judge("n_from_rs_p", values, rs="r", p="p", n="n").consistent
        assert judge("p_from_rs", values, rs="r", p="p", n="n").consistent


def summaries(random: np.random.Generator) -> ClaimsFile:
    """Everything that can be printed of a simulated cohort, and every check of it."""
    n1, n0 = int(random.integers(12, 90)), int(random.integers(8, 40))
    t2, control = np.round(random.gamma(9, 1.5, n1) + 32, 2), np.round(random.normal(35, 3, n0), 2)
    score, woman = random.integers(0, 9, n1), np.arange(n1) < random.integers(3, n1 - 3)
    high = score >= np.median(score)
    high[:2], high[2:4] = True, False
    women, many, found = int(woman.sum()), int(high.sum()), int((t2 >= 40).sum())
    rs, z = stats.spearmanr(t2, score), float(random.normal(0, 2))
    values = {
        "patients": n1, "controls": n0, "all": n1 + n0, "women": women, "men": n1 - women, "many": many, "found": found,
        "ratio": f"1:{rounded(women / (n1 - women), 2)}", "share": f"{rounded(100 * found / n1, 1)} %",
        "auc": rounded((t2[:, None] > control).mean() + (t2[:, None] == control).mean() / 2, 3),
        "rs": rounded(rs.statistic, 3), "p": "<0.001" if rs.pvalue < 0.0005 else rounded(rs.pvalue, 3),
        "z": rounded(z, 3), "z_p": rounded(2 * stats.norm.sf(abs(z)), 3),
    }  # fmt: skip
    parts = {"t2": t2, "t2_high": t2[high], "t2_low": t2[~high], "score": score, "score_women": score[woman],
             "score_men": score[~woman]}  # fmt: skip
    for name, part in parts.items():
        values[name], values[f"{name}_sd"] = rounded(part.mean(), 2), rounded(part.std(ddof=1), 2)
    groups = [
        {"mean": f"t2_{name}", "sd": f"t2_{name}_sd", "n": n}
        for name, n in (("high", "many"), ("low", "patients - many"))
    ]
    whole = {"mean": "t2", "sd": "t2_sd", "n": "patients"}
    means = [{key: group[key] for key in ("mean", "n")} for group in (*groups, whole)]
    sexes = [{"mean": "score_women", "n": "women"}, {"mean": "score_men", "n": "men"}]
    checks = [
        {"rule": "parts_sum", "parts": ["patients", "controls"], "total": "all"},
        {"rule": "ratio", "numerator": "women", "denominator": "men", "value": "ratio"},
        {"rule": "sens_grid", "value": "share", "n": "patients", "count": "found"},
        {"rule": "auc_grid", "auc": "auc", "n_positive": "patients", "n_negative": "controls"},
        {"rule": "p_from_rs", "rs": "rs", "n": "patients", "p": "p"},
        {"rule": "n_from_rs_p", "rs": "rs", "n": "patients", "p": "p"},
        {"rule": "p_from_z", "z": "z", "p": "z_p"},
        {"rule": "pooled_mean", "groups": means[:2], "whole": means[2]},
        {"rule": "pooled_sd", "groups": groups, "whole": whole},
        {"rule": "cross_sum", "splits": [sexes, [{"mean": "score", "n": "patients"}]]},
        *({"rule": "grim", "mean": name, "n": n} for name, n in (("score", "patients"), ("score_women", "women"))),
        {"rule": "grimmer", "mean": "score", "sd": "score_sd", "n": "patients", "scale": [0, 8]},
        {"rule": "grimmer", "mean": "score_men", "sd": "score_men_sd", "n": "men"},
    ]
    numbered = [{**check, "id": f"check{number}"} for number, check in enumerate(checks)]
    return file_of({name: str(value) for name, value in values.items()}, *numbered)


@pytest.mark.parametrize("seed", range(40))
def test_summaries_of_simulated_people_give_no_finding(seed):
    outcomes = check_claims("simulated", summaries(np.random.default_rng(seed)))
    assert [outcome.sentence for outcome in findings_of(outcomes)] == []
    assert len(outcomes) == 14 and all(outcome.status == "consistent" for outcome in outcomes)
