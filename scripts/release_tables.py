"""Make of a run's results the tables that may leave the site, by the rules of disclosure control.

Counts of few people are redacted, others rounded; extremes, quantiles of small groups, single people's values and free
text are left out. Writes into --out: statistics.json, settings.json and the tables behind the figures, each with its
mark and dictionary, and disclosure.tsv, which says what became of every key. docs/stages/release.md lists the rules.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.labels import read_labels
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import read_table
from myot2.release.disclosure import Disclosure
from myot2.release.statistics import release_statistics
from myot2.release.tables import QUANTITIES, output_paths, release_tables, write_release


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        how = Disclosure(options.redact_up_to, options.round_to)
    except ValueError as error:
        parser.error(str(error))

    def work() -> None:
        statistics = _json(options.results / "analyse/statistics.json")
        log = _log(options.results / "analyse/log.jsonl")
        people = _people(options.results / "analyse/participants.tsv")
        flow = read_table(options.results / "measure/flow.tsv")
        labels = read_labels(options.label_table)
        release = release_statistics(statistics, log, how)
        tables, decisions = release_tables(people, flow, labels, log, release, how)
        write_release(release, tables, decisions, _json(options.config_summary), how, options.out)

    return run_stage("release", work, outputs=output_paths(options.out), leave_stop_notes=options.leave_stop_notes)


def _json(path: Path) -> Mapping[str, Any]:
    raise_if_stopped(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _log(path: Path) -> list[Mapping[str, Any]]:
    raise_if_stopped(path)
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> MyoT2Error:
    return MyoT2Error(expected="JSON", found=str(error), where=path, do="Run the workflow up to the analyse stage.")


def _people(path: Path) -> pd.DataFrame:
    table = read_table(path)
    numbers = [name for name in ("t2_mean_ms", *QUANTITIES) if name in table]
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce").astype("float64") for name in numbers})


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="holds measure/ and analyse/")
    parser.add_argument("--config-summary", type=Path, required=True, metavar="JSON", help="the run's configuration")
    parser.add_argument("--label-table", type=Path, default=Path("config/labels.tsv"), metavar="TABLE")
    parser.add_argument(
        "--redact-up-to", type=int, default=7, metavar="N", help="redact counts up to this (default: 7)"
    )
    parser.add_argument("--round-to", type=int, default=5, metavar="N", help="round others to this (default: 5)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the released tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
