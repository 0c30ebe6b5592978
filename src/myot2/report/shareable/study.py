"""Everything that the shareable report is made from: the folder of released tables, each asked for its mark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.releasable import require_releasable
from myot2.core.tables import read_table
from myot2.report.lookup import Statistics
from myot2.report.study import read_statistics

STATISTICS = "statistics.json"
SETTINGS = "settings.json"
TABLES = ("flow", "histogram", "roc", "correlations", "muscles", "analyses", "disclosure")
RELEASED = (STATISTICS, SETTINGS, *(f"{name}.tsv" for name in TABLES))
"""Every file that the report reads; there is no other way into it."""

NUMBERS = {
    "histogram": ("low", "high", "people"),
    "roc": ("false_positive_rate", "sensitivity"),
    "correlations": ("value", "t2_ms", "people"),
}
REDACTED = "[REDACTED]"


@dataclass(frozen=True)
class Shared:
    """What was released of one run.

    Parameters
    ----------
    statistics : Statistics
        In the shape of the run's own, each number as it may be shown.
    flow, histogram, roc, correlations, analyses, disclosure : pd.DataFrame
        The released tables (docs/stages/release.md).
    muscles : tuple of str
        Names of the muscles, in the order of the label table.
    configuration : mapping
        The settings that may be shown.
    rules : mapping
        By which rules the tables were released: Rules, RedactUpTo, RoundTo.
    """

    statistics: Statistics
    flow: pd.DataFrame
    histogram: pd.DataFrame
    roc: pd.DataFrame
    correlations: pd.DataFrame
    muscles: tuple[str, ...]
    analyses: pd.DataFrame
    disclosure: pd.DataFrame
    configuration: Mapping[str, Any]
    rules: Mapping[str, Any]

    @property
    def band(self) -> tuple[()]:
        """No band around the curve: its ends are single people's."""
        return ()

    def redacts(self, key: str) -> bool:
        """Whether a number is shown as redacted."""
        return self.statistics.content.get(key, {}).get("printed") == REDACTED


def read_shared(folder: str | Path) -> Shared:
    """Read a folder of released tables.

    Raises
    ------
    MyoT2Error
        A file is not marked as releasable, or they were released by different rules.
    Stopped
        The tables could not be made; the note says why.
    """
    folder = Path(folder)
    rules = rules_of([folder / name for name in RELEASED])
    tables = {name: _read(folder / f"{name}.tsv", NUMBERS.get(name, ())) for name in TABLES}
    muscles = tuple(tables.pop("muscles")["region"])
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    statistics = read_statistics(folder / STATISTICS)
    return Shared(statistics=statistics, muscles=muscles, configuration=settings, rules=rules, **tables)


def rules_of(files: list[Path]) -> Mapping[str, Any]:
    """The rules by which all files were released; raises `MyoT2Error` where one has no mark or other rules."""
    found = [require_releasable(file) for file in files]
    for file, rules in zip(files, found, strict=True):
        if rules != found[0]:
            raise MyoT2Error(
                expected=f"files released by the rules of {files[0].name}",
                found="other rules or limits",
                where=file.name,
                do="Make all of them again by scripts/release_tables.py.",
            )
    return found[0]


def _read(path: Path, numbers: tuple[str, ...]) -> pd.DataFrame:
    table = read_table(path)
    return table.assign(**{name: pd.to_numeric(table[name]).astype("float64") for name in numbers})
