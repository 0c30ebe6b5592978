"""The analysis plan: what is refused, what a run may change, and files that do not drift."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from myot2.analyse.plan_docs import plan_files
from myot2.analyse.plan_file import read_plan
from myot2.analyse.run import KINDS
from myot2.core.config import read_configuration
from myot2.core.errors import MyoT2Error


@pytest.fixture
def study(root):
    return root / "config/plans/study.yaml"


def test_the_schema_and_the_page_of_a_plan_are_those_of_the_model(root):
    for path, text in plan_files().items():
        assert (root / path).read_text(encoding="utf-8") == text, f"{path} drifted: run scripts/write_configuration.py"


def test_an_editor_finds_nothing_wrong_with_the_studys_plan(root, study):
    schema = json.loads((root / "config/plan.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(study.read_text()), schema)


def test_every_kind_of_a_plan_can_be_run_and_every_plan_that_is_shipped_is_valid(root):
    from myot2.analyse.plan_kinds import KINDS as MODELS

    assert set(KINDS) == set(MODELS)
    for path in (root / "config/plans").iterdir():
        read_plan(path)


def test_a_plan_may_be_json(study, tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(yaml.safe_load(study.read_text())))
    assert read_plan(tmp_path / "plan.json") == read_plan(study)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"analyses": {"roc": {"endpont": "t2"}}}, r"nearest: endpoint\); found the unknown key analyses.roc.endpont"),
        ({"analyses": {"x": {"kind": "anova"}}}, "analyses.x.kind: one of description, comparison, .*found 'anova'"),
        ({"analyses": {"x": {"role": "confirmatory"}}}, "analyses.x.kind: one of .*found None"),
        (
            {"analyses": {"roc": {"endpoint": "t3"}}},
            r"analyses.roc.endpoint: 't3' is not among .*endpoints \(nearest: t2",
        ),
        ({"analyses": {"roc": {"positive": "patients"}}}, r"not among the plan's groups \(nearest: patient\)"),
        ({"analyses": {"spearman": {"with": ["ck", "crp"]}}}, r"analyses.spearman.with: 'crp' is not among"),
        ({"analyses": {"cohort": {"of": {"control": {"summarise": ["agee"]}}}}}, r"of.control.summarise: 'agee'"),
        ({"analyses": {"cohort": {"of": {"patient": {"sumarise": []}}}}}, "nearest: summarise"),
        ({"analyses": {"spearman": {"family": "table1"}}}, r"nearest: table_1\)"),
        ({"analyses": {"normal_ck": {"cutoff_of": "rok"}}}, "'rok' is no roc analysis above it"),
        ({"analyses": {"roc": {"prespecified": {"cutoff": 36.4}}}}, "analyses.roc.prespecified.source: Field required"),
        ({"analyses": {"t2.adjusted": {"within": {"site": "A"}}}}, "within names 'site'"),
        ({"families": {"primary": {"method": "bh"}}}, "families.primary is of confirmatory .* must be holm"),
        ({"families": {"primary": {"method": "bonferroni"}}}, "families.primary.method: 'holm' or 'bh'"),
        ({"analyses": {"t2.ass_mann_whitney": {"family": "primary"}}}, "give each role a family of its own"),
        ({"groups": {"patient": {"were": {}}}}, r"nearest: where\); found the unknown key groups.patient.were"),
        ({"groups": {"old": {"where": {"age": {"atleast": 60}}}}}, r"nearest: at_least\)"),
        ({"groups": {"old": {"where": {"age": {}}}}}, "one of is, not, at_least"),
        ({"groups": {"smoker": {"where": {"smoker": True}}}}, "a word, a list of words, or a condition; found True"),
        ({"endpoints": {"t2": {"column": "t2"}}}, "one of column, measure, readers, sum_of is needed, and no more"),
        ({"endpoints": {"ck": {"side": "left"}}}, "region and side go with a measure"),
        ({"endpoints": {"sum": {"sum_of": ["ck", "crp"]}}}, "endpoints.sum.sum_of: 'crp' is not among"),
        ({"endpoints": {"a": {"sum_of": ["ck", "b"]}, "b": {"sum_of": ["a", "ck"]}}}, "'b' is a sum itself"),
        ({"analyses": {"rock": None}}, "'rock'. The nearest is 'roc'"),
        ({"analyses": {"roc": "off"}}, "keys with values, or null"),
        ({"analyses": {"1st": {"kind": "comparison"}}}, "analyses.1st"),
        ({"resamples": 5}, "resamples: greater than or equal to 100"),
    ],
)
def test_a_plan_that_does_not_fit_together_is_refused_in_plain_words(study, changes, message):
    with pytest.raises(MyoT2Error, match=message):
        read_plan(study, changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("a: [", "found while"),
        ("- a", "keys with values; found list"),
        ("{}", "title: Field req"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(MyoT2Error, match=message):
        read_plan(tmp_path / "plan.yaml")


def test_a_run_changes_keys_of_an_entry_adds_entries_and_takes_entries_out(study):
    changes = {
        "limits": {"ck": 170, "ldh": 250},
        "endpoints": {"t2": {"measure": "t2_median_ms"}},
        "groups": {"raised_ldh": {"where": {"ldh": "raised"}}},
        "analyses": {
            "ild": None,
            "t2.ldh": {"kind": "effect-size", "endpoint": "t2", "first": "raised_ldh", "second": "control"},
        },
    }
    plan, shipped = read_plan(study, changes), read_plan(study)
    assert plan.limits == {"ck": 170, "ldh": 250} and plan.measures == ("t2_median_ms", "t2_mean_ms")
    assert plan.endpoints["t2"].unit == "ms"
    assert list(plan.analyses) == [*(key for key in shipped.analyses if key != "ild"), "t2.ldh"]


def test_the_configuration_names_the_plan_and_what_it_changes(study):
    content = {"analysis": {"ck_upper_limit": 190, "seed": 0, "analyses": {"ild": None}}}
    section = read_configuration(content, where="run.yaml").analysis
    plan = read_plan(study, section.changes())
    assert (plan.limits["ck"], plan.seed, "ild" in plan.analyses) == (190, 0, False)
    assert read_configuration({}, where="run.yaml").analysis.changes() == {}


def test_the_sections_old_name_is_refused_with_the_new_one():
    with pytest.raises(MyoT2Error, match=r"nearest: analysis\); found the unknown key analyse"):
        read_configuration({"analyse": {"ck_upper_limit": 200}}, where="run.yaml")


@pytest.mark.parametrize(
    "change", [{"region": "vastus lateralis"}, {"side": "left"}, {"measure": "t2_median_ms"}, {"mask": "painted"}]
)
def test_t2_by_another_mask_is_the_mean_of_both_thighs(study, change):
    with pytest.raises(MyoT2Error, match="mask"):
        read_plan(study, {"endpoints": {"t2_corrected": change}})
