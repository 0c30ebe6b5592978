"""The released tables: what each holds, and how it is written with its dictionary and mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.files import write_json
from myot2.core.labels import LabelTable
from myot2.core.releasable import mark_path, write_mark
from myot2.core.tables import write_tsv
from myot2.release.binning import histogram, roc_steps, scatter_points
from myot2.release.disclosure import REDACTED, Disclosure
from myot2.release.rules import RULE_SET
from myot2.release.settings import release_settings
from myot2.release.statistics import HIDDEN, KEPT, RELEASED, Decision, Release

GROUPS = ("patient", "control")
QUANTITIES = ("ck", "alt", "ast", "ldh", "ild_score")
STAGES = ("ingest", "reconstruct", "segment", "align", "fit", "measure")
"""Stages at which a scan can stop; any other text in the table of the flow is not shown."""

LOST = "not measured"
STATISTICS = "statistics.json"
SETTINGS = "settings.json"
COLUMNS: Mapping[str, Mapping[str, str]] = {
    "flow": {"step": "where scans were lost", "scans": "number of scans, small counts redacted, others rounded"},
    "histogram": {
        "group": "patient or control",
        "low": "lower edge of the bin (ms); n/a: open",
        "high": "upper edge of the bin (ms), not part of it; n/a: open",
        "people": "number of people, rounded",
    },
    "roc": {
        "false_positive_rate": "fraction of the controls at or above a cutoff (0-1), in steps of many people",
        "sensitivity": "fraction of the patients at or above it (0-1), in steps of many people",
    },
    "correlations": {
        "quantity": "column of the participants table",
        "value": "mean of neighbours by rank, of logarithms where it spans a large range; two significant digits",
        "t2_ms": "mean T2 of the same patients (ms)",
        "people": "number of patients, rounded",
    },
    "muscles": {"region": "muscle, in the order of the label table"},
    "analyses": {
        "id": "name of the analysis in the plan",
        "kind": "kind of analysis",
        "role": "confirmatory or exploratory",
        "family": "tests that are corrected together",
        "numbers": "how many of its numbers are shown",
    },
    "disclosure": {
        "subject": "key of statistics.json, or table",
        "action": f"{RELEASED}; {HIDDEN} (shown as {REDACTED}); or {KEPT} (not there at all)",
        "rule": "the method that its rule names",
        "why": "the rule in words",
    },
}
"""Every released table and its columns; `write_release` refuses a table or a column that is not here."""


def output_paths(folder: str | Path) -> list[Path]:
    """Every file that `write_release` writes."""
    files = [Path(folder, name) for name in (STATISTICS, SETTINGS, *(f"{table}.tsv" for table in COLUMNS))]
    return [path for file in files for path in (file, mark_path(file))]


def release_tables(
    people: pd.DataFrame,
    flow: pd.DataFrame,
    labels: LabelTable,
    log: Sequence[Mapping[str, Any]],
    release: Release,
    how: Disclosure,
) -> tuple[dict[str, pd.DataFrame], tuple[Decision, ...]]:
    """The tables behind the figures, and what was decided about each.

    Parameters
    ----------
    people : pd.DataFrame
        analyse/participants.tsv: `group`, `t2_mean_ms` and the quantities as numbers, NaN where unknown.
    flow : pd.DataFrame
        measure/flow.tsv.
    labels : LabelTable
        Names the muscles.
    log : sequence of mapping
        log.jsonl.
    release : Release
        What became of the statistics.
    how : Disclosure
        How strict.
    """
    t2 = {group: people.loc[people["group"] == group, "t2_mean_ms"].dropna().to_numpy() for group in GROUPS}
    rows = {
        "flow": _flow(flow, how),
        "histogram": [{"group": group, **asdict(one)} for group in GROUPS for one in histogram(t2[group], how)],
        "roc": [
            {"false_positive_rate": false, "sensitivity": true}
            for false, true in roc_steps(t2["patient"], t2["control"], how)
        ],
        "correlations": [row for name in QUANTITIES for row in _points(people, name, how)],
        "muscles": [{"region": name} for name in labels.muscles],
        "analyses": [_analysis(entry, release) for entry in log],
    }
    tables = {name: pd.DataFrame(found, columns=list(COLUMNS[name])) for name, found in rows.items()}
    return tables, _decisions(tables)


def _flow(flow: pd.DataFrame, how: Disclosure) -> list[dict[str, object]]:
    """Scans that were not measured, and those stopped at each stage that lost many.

    How many there were is told by the counts of people: another total would tell of a group that is redacted there.
    """
    stopped = flow[flow["status"] == "stopped"]
    lost = how.count(len(stopped))
    at = {stage: how.count(int((stopped["stage"] == stage).sum())) for stage in STAGES}
    rows: list[dict[str, object]] = [{"step": LOST, "scans": REDACTED if lost is None else str(lost)}]
    return rows + [{"step": f"stopped at {stage}", "scans": str(scans)} for stage, scans in at.items() if scans]


def _analysis(entry: Mapping[str, Any], release: Release) -> dict[str, object]:
    """A line of the log without its reasons; what came of it would tell of groups of none or one."""
    numbers = sum(release.statistics.get(key, {}).get("value") is not None for key in set(entry["keys"]))
    return {**{name: entry[name] for name in ("id", "kind", "role", "family")}, "numbers": numbers}


def _points(people: pd.DataFrame, name: str, how: Disclosure) -> list[dict[str, object]]:
    if name not in people:
        return []
    patients = people.loc[people["group"] == "patient", [name, "t2_mean_ms"]].dropna()
    points = scatter_points(patients[name].to_numpy(), patients["t2_mean_ms"].to_numpy(), how)
    return [{"quantity": name, "value": one.value, "t2_ms": one.other, "people": one.people} for one in points]


def _decisions(tables: Mapping[str, pd.DataFrame]) -> tuple[Decision, ...]:
    few = "too few people for bins"
    told = [
        Decision("flow.tsv", RELEASED, "count", "counts of scans; stages with few are not named"),
        *(_drawn(f"histogram.tsv: {group}", (tables["histogram"]["group"] == group).any(), "histogram", few)
          for group in GROUPS),
        _drawn("roc.tsv", len(tables["roc"]) > 0, "steps", "fewer than three steps of many people in a group"),
        *(_drawn(f"correlations.tsv: {name}", (tables["correlations"]["quantity"] == name).any(), "points", few)
          for name in QUANTITIES),
        Decision("participants.tsv", KEPT, "withheld", "one row per person"),
        Decision("measure/cohort.tsv", KEPT, "withheld", "one row per person and muscle"),
        Decision("roc.tsv of analyse", KEPT, "withheld", "each row is one person's value"),
        Decision("log.jsonl: reasons, warnings", KEPT, "withheld", "text that may name people"),
    ]  # fmt: skip
    return tuple(told)


def _drawn(subject: str, there: bool, rule: str, why_not: str) -> Decision:
    return Decision(subject, RELEASED if there else KEPT, rule, "people in bins" if there else why_not)


def write_release(
    release: Release,
    tables: Mapping[str, pd.DataFrame],
    decisions: Sequence[Decision],
    configuration: Mapping[str, Any],
    how: Disclosure,
    folder: str | Path,
) -> None:
    """Write everything that is released, each file with its dictionary and mark.

    Raises
    ------
    ValueError
        A table or a column has no entry in `COLUMNS`.
    """
    folder, by = Path(folder), {"Rules": RULE_SET, "RedactUpTo": how.redact_up_to, "RoundTo": how.round_to}
    every = [asdict(decision) for decision in (*release.decisions, *decisions)]
    tables = {**tables, "disclosure": pd.DataFrame(every, columns=list(COLUMNS["disclosure"]))}
    for name, table in tables.items():
        if name not in COLUMNS or list(table.columns) != list(COLUMNS[name]):
            raise ValueError(f"{name} is none of the tables that may be released, or has other columns")
        write_tsv(table, folder / f"{name}.tsv")
        write_mark(folder / f"{name}.tsv", _dictionary(COLUMNS[name]), by)
    write_json(folder / STATISTICS, release.statistics)
    write_mark(folder / STATISTICS, {"Description": "numbers by key, in the shape of analyse/statistics.json"}, by)
    write_json(folder / SETTINGS, release_settings(configuration))
    write_mark(folder / SETTINGS, {"Description": "settings of the run that shaped the numbers"}, by)


def _dictionary(columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"Description": text} for name, text in columns.items()}
