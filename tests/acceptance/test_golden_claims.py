"""The study's printed numbers (config/claims/wang2023.yaml) against the golden cohort's statistics.

All come out but two, which are known (test_golden_cohort.py): the sign of the ILD correlation, and the last digit of
one z. Any other digit in the place of any printed one is found.
"""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from myot2.analyse.claims.claims_file import ClaimsFile, read_claims
from myot2.analyse.claims.outcome import findings_of
from myot2.analyse.claims.reproduction import reproduce
from myot2.analyse.claims.run import check_statistics

COLUMNS = ["participant_id=id", "diagnosis=dx", "treatment=untreated", "disease_duration_months=duration_mo"]
VALUES = ["group:IIM=patient", "group:HC=control", "treatment:1.0=untreated", "treatment:0.0=relapsed"]
KNOWN = {"ild_rs", "ild_score_z"}


@pytest.fixture(scope="module")
def analyse(program, shared_data, tmp_path_factory):
    """Makes statistics.json of the golden cohort with a change of the people's table."""

    def run(change=lambda people: people) -> dict:
        folder = tmp_path_factory.mktemp("golden")
        people = change(pd.read_csv(shared_data / "golden-cohort/participants.csv"))
        people.drop(columns="t2_ms").to_csv(folder / "people.csv", index=False)
        thigh = {"participant_id": people["id"], "region": "thigh", "side": "both", "t2_mean_ms": people["t2_ms"]}
        pd.DataFrame(thigh).to_csv(folder / "cohort.tsv", sep="\t", index=False)
        inputs = ["--participants", str(folder / "people.csv"), "--measures", str(folder / "cohort.tsv")]
        options = ["--columns", *COLUMNS, "--values", *VALUES, "--out", str(folder)]
        assert program("analyse_cohort")([*inputs, *options]) == 0
        return json.loads((folder / "statistics.json").read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="module")
def statistics(analyse) -> dict:
    return analyse()


@pytest.fixture(scope="module")
def study(root) -> ClaimsFile:
    return read_claims(root / "config/claims/wang2023.yaml")


def differing(file: ClaimsFile, statistics: dict) -> set[str]:
    return {outcome.id for outcome in findings_of(reproduce("study", file, statistics, judge=True))}


def with_value(file: ClaimsFile, name: str, value: str) -> ClaimsFile:
    claim = file.claims[name].model_copy(update={"value": value})
    return file.model_copy(update={"claims": {name: claim}})


def test_every_number_with_a_key_comes_out_but_the_two_that_are_known(study, statistics):
    outcomes = list(reproduce("study", study, statistics, judge=True))
    assert {outcome.id for outcome in outcomes if outcome.status != "consistent"} == KNOWN
    assert len(outcomes) == 56


def test_every_other_digit_in_every_number_is_found(study, statistics):
    missed, tried = [], 0
    for name, claim in study.claims.items():
        if claim.key is None or name in KNOWN:
            continue
        for place in [match.start() for match in re.finditer(r"\d", claim.value)]:
            for digit in set("0123456789") - {claim.value[place]}:
                value = f"{claim.value[:place]}{digit}{claim.value[place + 1 :]}"
                if value.startswith("0:"):
                    continue  # a ratio to nothing is refused when the file is read
                tried += 1
                if not differing(with_value(study, name, value), statistics):
                    missed.append((name, value))
    assert missed == [] and tried > 1000


@pytest.mark.parametrize("row", [0, 17, 63, 64, 73])
def test_a_changed_t2_in_the_table_is_found(analyse, study, row):
    def change(people):
        return people.assign(t2_ms=people["t2_ms"].where(people.index != row, people["t2_ms"] + 10))

    assert differing(study, analyse(change)) > KNOWN


def test_our_own_statistics_fit_together(statistics):
    outcomes = check_statistics(statistics)
    assert [outcome.sentence for outcome in findings_of(outcomes)] == []
    assert {"parts_sum", "sens_grid", "auc_grid", "p_from_z", "p_from_rs", "reproduction"} == {o.rule for o in outcomes}
    assert all(outcome.status == "consistent" for outcome in outcomes) and len(outcomes) > 300
