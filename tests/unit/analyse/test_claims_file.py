"""Files of claims: what is refused, the shipped ones, and the study's 13 inconsistencies."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from myot2.analyse.claims.claims_file import RULES, ClaimsFile, read_claims
from myot2.analyse.claims.outcome import findings_of
from myot2.analyse.claims.run import check_claims
from myot2.core.errors import MyoT2Error

CLAIMS = Path(__file__).parents[3] / "config/claims"

INCONSISTENCIES = {
    "I-1": {"ild-n", "ild-score-two-ways"},
    "I-2": {"ild-direction"},
    "I-3": {"certainty-dm"},
    "I-4": {"fig3-t2"},
    "I-5": {"acceleration", "time"},
    "I-6": {"voxels"},
    "I-7": {"ild-extent"},
    "I-8": {"classes-of-myositis"},
    "I-9": {"amyopathic", "active-disease"},
    "I-10": {"t2-as-normal"},
    "I-11": {"spread-of-groups"},
    "I-12": {"cutoff-in-its-own-people", "cutoff-in-normal-ck"},
    "I-13": {"t2-by-ild-test"},
}
"""notes/statistics.md 1.2, and the checks that find each."""


@pytest.fixture(scope="module")
def study() -> dict:
    """The content of the study's file."""
    return yaml.safe_load((CLAIMS / "wang2023.yaml").read_text(encoding="utf-8"))


def found_in(content: dict) -> set[str]:
    return {outcome.id for outcome in findings_of(check_claims("study", ClaimsFile.model_validate(content)))}


def check_of(content: dict, name: str) -> dict:
    return next(check for check in content["checks"] if check["id"] == name)


def test_the_check_finds_the_studys_thirteen_inconsistencies_and_no_other(study):
    outcomes = check_claims("study", ClaimsFile.model_validate(study))
    by_topic: dict[str, set[str]] = {}
    for outcome in findings_of(outcomes):
        by_topic.setdefault(outcome.topic.split()[0], set()).add(outcome.id)
    assert by_topic == INCONSISTENCIES
    assert [outcome.id for outcome in outcomes if outcome.status == "not checked"] == ["protocol"]


def test_the_numbers_of_the_notes_stand_in_the_findings(study):
    said = {outcome.id: outcome for outcome in check_claims("study", ClaimsFile.model_validate(study))}
    assert said["ild-n"].expected == "n = 61"
    assert "53 in place of 56 (61 in all)" in said["ild-score-two-ways"].sentence
    assert said["auc"].expected == "U = 631 of 640"
    assert said["sensitivity"].expected == "62 of 64" and said["specificity"].expected == "10 of 10"
    assert "7.1 of 64" in said["t2-as-normal"].sentence and "0.932" in said["t2-as-normal"].sentence
    assert "1.6535 x 2.75 mm" in said["voxels"].sentence


def correct_overlap(content):
    check_of(content, "classes-of-myositis")["precedence"] = "ASS before DM and PM"


def corrected(name: str, **fields):
    return lambda content: check_of(content, name).update(fields)


def claimed(**values: str):
    return lambda content: [content["claims"][name].update(value=value) for name, value in values.items()]


CORRECTIONS = [
    ({"ild-n"}, corrected("ild-n", n="61")),
    ({"ild-score-two-ways"}, claimed(ild_score="5.0")),
    ({"ild-direction"}, claimed(ild_rs="-0.226")),
    ({"certainty-dm"}, claimed(dm_probable="15")),
    ({"fig3-t2"}, claimed(fig3_t2_legend="41.0")),
    ({"acceleration"}, claimed(acceleration="10")),
    ({"time"}, claimed(time_again="1 min 49 s")),
    ({"voxels"}, claimed(matrix_y="140")),
    ({"ild-extent"}, corrected("ild-extent", classes={"0": "<10", "1": "10-<25", "2": "25-<50", "3": ">=50"})),
    ({"classes-of-myositis"}, correct_overlap),
    ({"classes-of-myositis"}, corrected("classes-of-myositis", overlaps=[])),
    ({"amyopathic"}, corrected("amyopathic", members=[{"who": "a patient with DM", "lacks": ["emg"]}])),
    ({"active-disease"}, corrected("active-disease", share="specificity")),
    ({"spread-of-groups"}, claimed(t2_controls_sd="5.9")),
    ({"cutoff-in-its-own-people"}, corrected("cutoff-in-its-own-people", beforehand=True)),
    ({"cutoff-in-normal-ck"}, corrected("cutoff-in-normal-ck", beforehand=True)),
    ({"t2-by-ild-test"}, corrected("t2-by-ild-test", labelled=True)),
]


@pytest.mark.parametrize(
    ("gone", "correct"), CORRECTIONS, ids=lambda value: "-".join(value) if isinstance(value, set) else ""
)
def test_an_inconsistency_goes_when_the_paper_is_corrected(study, gone, correct):
    content = copy.deepcopy(study)
    correct(content)
    assert gone == found_in(study) - found_in(content)


@pytest.mark.parametrize(
    ("claim", "value", "check"),
    [
        ("dm", "28", "diagnoses"),
        ("controls", "11", "groups"),
        ("sex_ratio", "1:1.4", "sex-ratio"),
        ("pm_probable", "16", "certainty-pm"),
        ("untreated", "36", "treatments"),
        ("sensitivity", "97.0 %", "sensitivity"),
        ("specificity", "98 %", "specificity"),
        ("normal_ck_share", "95.4 %", "normal-ck"),
        ("ild_share", "47 %", "ild-share"),
        ("ild_score_ass", "4.76", "ild-score-ass"),
        ("ild_score_other", "2.10", "ild-score-other"),
        ("ild_score_p", "0.012", "ild-score-by-ass"),
        ("t2_ass_z", "0.781", "t2-by-ass"),
        ("t2_no_ild", "48.3", "t2-of-ild-groups"),
        ("t2_no_ild_sd", "12.5", "t2-spread-of-ild-groups"),
        ("acceleration_martini", "4", "acceleration-product"),
        ("echoes", "11", "echo-train"),
    ],
)
def test_a_changed_digit_is_found_by_arithmetic_alone(study, claim, value, check):
    content = copy.deepcopy(study)
    content["claims"][claim]["value"] = value
    assert check in found_in(content) - found_in(study)


def test_the_template_has_a_check_of_every_rule_and_nothing_to_find():
    file = read_claims(CLAIMS / "template.yaml")
    outcomes = check_claims("template", file)
    assert findings_of(outcomes) == []
    assert {outcome.rule for outcome in outcomes} == {
        rule.model_fields["rule"].annotation.__args__[0] for rule in RULES
    }


def test_every_rule_is_in_the_documentation(root):
    text = (root / "docs/how-to/check-claims.md").read_text(encoding="utf-8")
    for rule in RULES:
        assert f"`{rule.model_fields['rule'].annotation.__args__[0]}`" in text


def test_another_studys_protocol_is_compared_and_ones_own_is_judged():
    file = read_claims(CLAIMS / "wang2023.yaml")
    sidecars = [{"Role": "mese", "RepetitionTime": 4.0}]
    for ours, status in ((None, "compared"), (True, "inconsistent")):
        outcomes = {outcome.id: outcome for outcome in check_claims("w", file, sidecars=sidecars, same_people=ours)}
        assert (
            outcomes["protocol"].status == status
            and "6690 is printed, the images have 4000" in outcomes["protocol"].sentence
        )


SMALL = """
paper: {title: x}
people: {all: {n: a}}
claims:
  a: {value: "12", what: a, where: here}
  b: {value: "4.75", what: b, where: here}
checks:
  - {rule: grim, id: one, mean: b, n: a}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('value: "4.75"', "value: 4.75", "a number in quotes"),
        ('value: "4.75"', 'value: "4.75 ms"', "is not a number"),
        ("rule: grim", "rule: grimm", "one of parts_sum, ratio"),
        ("mean: b", "mean: c", "names 'c', which is no claim"),
        ("n: a}\n", "n: b}\n", "is no whole number"),
        ("mean: b", "mean: b + ", "joined by"),
        ("id: one", "id: one, by: me", "unknown key"),
        ("id: one, mean: b, n: a}", "id: one, mean: b, n: a}\n  - {rule: grim, id: one, mean: b, n: a}", "two checks"),
        ("{all: {n: a}}", "{all: {n: a, within: some}}", "'some', who are none"),
        ("{all: {n: a}}", "{all: {n: a, within: all}}", "within itself"),
        ("paper: {title: x}", "paper: [", "found"),
        ("paper: {title: x}", "", "paper"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused_with_the_reason(tmp_path, old, new, message):
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    read_claims(path)
    assert old in SMALL
    path.write_text(SMALL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(MyoT2Error, match="mine.yaml: expected") as error:
        read_claims(path)
    assert message in str(error.value)


def test_a_missing_file_is_told():
    with pytest.raises(MyoT2Error, match="no such file"):
        read_claims("nowhere.yaml")
