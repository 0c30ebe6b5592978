"""The program check_claims: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pandas as pd
import pytest

STATISTICS = {
    "cohort.n": {"value": 3, "n": None, "printed": "3"},
    "cohort.patient.n": {"value": 2, "n": None, "printed": "2"},
    "cohort.control.n": {"value": 1, "n": None, "printed": "1"},
    "roc.sensitivity": {"value": 0.5, "n": 2, "printed": "50.0 %", "numerator": 1, "denominator": 2},
}


@pytest.fixture
def check(program, root, tmp_path):
    """Runs the program on the shipped files and small statistics; returns its status."""

    def run(*options: object, out="out") -> int:
        return program("check_claims")([*map(str, options), "--out", str(tmp_path / out)])

    return run


@pytest.fixture
def statistics(tmp_path):
    path = tmp_path / "statistics.json"
    path.write_text(json.dumps(STATISTICS), encoding="utf-8")
    return path


def test_it_writes_a_record_a_table_and_its_dictionary_and_prints_the_findings(check, root, tmp_path, capsys):
    assert check("--claims", root / "config/claims/wang2023.yaml", root / "config/claims/template.yaml") == 0
    printed = capsys.readouterr().out
    assert "wang2023: 13 inconsistencies" in printed and "template: 0 inconsistencies" in printed
    record = json.loads((tmp_path / "out/claims.json").read_text(encoding="utf-8"))
    table = pd.read_csv(tmp_path / "out/claims.tsv", sep="\t", keep_default_na=False)
    dictionary = json.loads((tmp_path / "out/claims_dictionary.json").read_text(encoding="utf-8"))
    assert list(table.columns) == list(dictionary) == list(record["outcomes"][0])
    assert len(table) == len(record["outcomes"]) and set(table["status"]) <= set(dictionary["status"]["Levels"])
    assert [summary["topics_with_findings"] for summary in record["summary"]] == [13, 0]


def test_two_runs_write_the_same_bytes(check, root, statistics, tmp_path):
    for out in ("one", "two"):
        assert check("--claims", root / "config/claims/wang2023.yaml", "--statistics", statistics, out=out) == 0
    for name in ("claims.json", "claims.tsv", "claims_dictionary.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("key", "change", "finding"),
    [
        ("cohort.n", {"value": 4, "printed": "4"}, "parts_sum.cohort_n"),
        ("cohort.n", {"printed": "4"}, "parts_sum.cohort_n"),
        ("roc.sensitivity", {"numerator": 2}, "sens_grid.roc_sensitivity"),
        ("roc.sensitivity", {"value": 0.51}, "c_roc_sensitivity"),
    ],
)
def test_our_own_statistics_are_held_against_one_another(check, statistics, tmp_path, key, change, finding):
    def findings() -> set[str]:
        record = json.loads((tmp_path / "out/claims.json").read_text(encoding="utf-8"))
        return {outcome["id"] for outcome in record["outcomes"] if outcome["status"] == "inconsistent"}

    assert check("--statistics", statistics) == 0 and findings() == set()
    statistics.write_text(json.dumps({**STATISTICS, key: {**STATISTICS[key], **change}}), encoding="utf-8")
    assert check("--statistics", statistics) == 0 and finding in findings()


def test_a_page_is_held_against_the_statistics(check, statistics, tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text('<span data-claim="cohort.n">7</span>', encoding="utf-8")
    assert check("--statistics", statistics, "--page", page) == 0
    assert "cohort.n is '3' in the statistics; the page shows '7'" in capsys.readouterr().out


def test_bad_input_is_told_and_writes_nothing(check, tmp_path, capsys):
    (tmp_path / "mine.yaml").write_text("paper: {title: x}\nclaims: {a: {value: 9.0, what: a, where: b}}\n")
    assert check("--claims", tmp_path / "mine.yaml") == 1
    assert "in quotes, for trailing zeros matter" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert check("--statistics", tmp_path / "none.json") == 1


@pytest.mark.parametrize(
    "options", [[], ["--claims", "a/x.yaml", "b/x.yaml"], ["--claims", "x.yaml", "--page", "p.html"]]
)
def test_options_that_do_not_fit_are_refused(check, options):
    with pytest.raises(SystemExit):
        check(*options)
