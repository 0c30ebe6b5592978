"""The files that the results of a plan are written to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from myot2.analyse.cohort import Cohort
from myot2.analyse.dictionaries import columns_of, dictionary_of
from myot2.analyse.run import Entry, Results
from myot2.analyse.statistic import plain
from myot2.core.files import write_json, write_text
from myot2.core.tables import write_tsv

STATISTICS = "statistics.json"
LOG = "log.jsonl"
TABLES = (
    "groups",
    "correlations",
    "roc",
    "roc_band",
    "muscles",
    "changes",
    "missing",
    "missing_patterns",
    "participants",
)


def output_paths(folder: str | Path) -> list[Path]:
    """Every file that `write_results` writes."""
    tables = [Path(folder, f"{name}{suffix}") for name in TABLES for suffix in (".tsv", ".json")]
    return [Path(folder, STATISTICS), Path(folder, LOG), *tables]


def write_results(results: Results, cohort: Cohort, folder: str | Path) -> None:
    """Write statistics.json, log.jsonl, and each table as TSV with its data dictionary beside it.

    A table that no analysis of the plan fills has its header only.
    """
    tables = {**results.tables, "participants": cohort.people}
    for name in TABLES:
        table = tables.get(name, pd.DataFrame(columns=columns_of(name)))
        write_tsv(table, Path(folder, f"{name}.tsv"))
        write_json(Path(folder, f"{name}.json"), dictionary_of(name, table.columns))
    write_json(Path(folder, STATISTICS), {key: value.to_json() for key, value in results.statistics.items()})
    write_text(Path(folder, LOG), log_text(results.log))


def log_text(log: Sequence[Entry]) -> str:
    """The log: one JSON object per line."""
    lines = [json.dumps(plain(entry.to_json()), ensure_ascii=False, allow_nan=False) for entry in log]
    return "".join(f"{line}\n" for line in lines)
