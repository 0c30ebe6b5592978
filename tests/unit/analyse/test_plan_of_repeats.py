"""Agreement, repeatability and change under a plan: the numbers a person works out, and what cannot be had."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from myot2.analyse.cohort import read_cohort
from myot2.analyse.dictionaries import columns_of
from myot2.analyse.plan_file import read_plan
from myot2.analyse.run import NOT_APPLICABLE, run_plan
from myot2.core.errors import MyoT2Error
from myot2.core.participants import Participant

TWICE = {"C1": (34.0, 34.6), "C2": (33.0, 32.6), "C3": (35.0, 35.2), "P1": (50, 42), "P2": (41, 41.5), "P3": (38, 44)}


@pytest.fixture
def cohort(tmp_path):
    """A function that gives people measured in sessions 2 and 10."""

    def read(values=TWICE):
        rows = [
            (name, session, "thigh", "both", value, value + 1 + i % 2)
            for i, (name, pair) in enumerate(values.items())
            for session, value in zip(("10", "2"), reversed(pair), strict=True)
        ]
        columns = ["participant_id", "session", "region", "side", "t2_mean_ms", "t2_median_ms"]
        pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
        groups = {"P": "patient", "C": "control"}
        people = [Participant(participant_id=name, group=groups[name[0]]) for name in values]
        return read_cohort(people, tmp_path / "cohort.tsv", ["t2_median_ms"])

    return read


@pytest.fixture
def plan(root):
    return lambda **changes: read_plan(root / "config/plans/follow-up.yaml", changes)


def test_the_error_of_repetition_is_that_of_the_controls_differences(cohort, plan):
    found = run_plan(plan(), cohort()).statistics
    wsd = math.sqrt((0.6**2 + 0.4**2 + 0.2**2) / 2 / 3)
    assert found["t2.repeatability.wsd"].value == pytest.approx(wsd)
    assert found["t2.repeatability.rc"].value == pytest.approx(1.959964 * math.sqrt(2) * wsd, rel=1e-6)
    assert found["t2.repeatability.rc"].extras["df"] == 3 and found["t2.repeatability.rc"].n == 3


def test_a_patient_has_changed_where_the_change_exceeds_the_error(cohort, plan):
    results = run_plan(plan(), cohort())
    counts = {
        name: results.statistics[f"t2.change.{name}"].extras["numerator"] for name in ("improved", "stable", "worse")
    }
    assert counts == {"improved": 1, "stable": 1, "worse": 1}
    table = results.tables["changes"]
    assert list(table.columns) == columns_of("changes")
    assert table[["participant_id", "session_first", "session_second", "change", "verdict"]].to_numpy().tolist() == [
        ["P1", "2", "10", -8, "improved"],
        ["P2", "2", "10", 0.5, "stable"],
        ["P3", "2", "10", 6, "worse"],
    ]


def test_an_error_known_from_elsewhere_is_taken_and_named(cohort, plan):
    change = {"error_of": None, "error": {"coefficient": 7.0, "source": "a pilot"}}
    found = run_plan(plan(analyses={"t2.change": change}), cohort()).statistics
    assert found["t2.change.worse"].value == 0 and found["t2.change.improved"].extras["source"] == "a pilot"


def test_people_measured_once_have_neither_error_nor_change(cohort, plan):
    once = {name: (pair[0], math.nan) for name, pair in TWICE.items()}
    results = run_plan(plan(), cohort(once))
    reasons = {entry.key: (entry.status, entry.reason) for entry in results.log}
    assert reasons["t2.repeatability"] == (NOT_APPLICABLE, "nobody was measured twice")
    assert reasons["t2.change"] == (NOT_APPLICABLE, "nobody was measured in two sessions")
    assert results.statistics["t2.change.stable"].value is None


def test_a_change_without_an_error_of_repetition_says_so(cohort, plan):
    results = run_plan(plan(), cohort({name: pair for name, pair in TWICE.items() if name[0] == "P"}))
    assert results.log[-1].reason == "t2.repeatability gives no error of repetition: nobody was measured twice"


def test_two_endpoints_of_the_same_people_agree_up_to_their_difference(cohort, plan):
    changes = {
        "endpoints": {"median": {"measure": "t2_median_ms", "unit": "ms"}},
        "groups": {"all": {"where": {"group": ["patient", "control"]}}},
        "analyses": {"agree": {"kind": "agreement", "endpoint": "median", "against": "t2", "among": "all"}},
    }
    found = run_plan(plan(**changes), cohort()).statistics
    sd = math.sqrt(6 * 0.25 / 5)  # the differences are 1 and 2, three times each
    assert found["agree.bias"].value == pytest.approx(1.5) and found["agree.bias"].unit == "ms"
    assert found["agree.upper"].value == pytest.approx(1.5 + 1.959964 * sd, rel=1e-6)
    assert found["agree.icc"].n == 6 and 0.9 < found["agree.icc"].value < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"error_of": "t2.rc"}, r"'t2.rc' is no repeatability analysis above it \(there: t2.repeatability\)"),
        ({"error_of": None}, "either error_of or error is needed"),
        ({"error_of": None, "error": {"coefficient": 2.0}}, "t2.change.error.source: Field required"),
        ({"error_of": None, "error": {"coefficient": 2.0, "sorce": "x"}}, r"nearest: source\)"),
    ],
)
def test_a_change_needs_an_error_with_a_source(plan, change, message):
    with pytest.raises(MyoT2Error, match=message):
        plan(analyses={"t2.change": change})
