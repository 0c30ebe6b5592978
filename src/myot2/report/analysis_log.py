"""The log of the analyses that were run, as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.report.lookup import DASH
from myot2.report.markdown import counted, escape, pipe_table

LOG = "analyse/log.jsonl"
_NEEDED = ("id", "kind", "role", "family", "status", "reason", "n", "warnings")


def read_log(path: Path) -> tuple[Mapping[str, Any], ...]:
    """One entry per analysis of the plan, in its order; raise `MyoT2Error` where a line is none."""
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            entry = json.loads(line)
            lacking = [name for name in _NEEDED if name not in entry]
        except (ValueError, TypeError) as error:
            raise _no_entry(str(error), number) from error
        if lacking:
            raise _no_entry(f"none of {', '.join(lacking)}", number)
        entries.append(entry)
    return tuple(entries)


def analyses_table(log: Sequence[Mapping[str, Any]]) -> str:
    """Every analysis: its name and kind, role, family, how many people, and what came of it."""
    rows = [
        [
            f"{escape(entry['id'])} ({escape(entry['kind'])})",
            escape(entry["role"]),
            escape(entry["family"]) if entry["family"] else DASH,
            DASH if entry["n"] is None else counted(LOG, entry["n"]),
            _what_came(entry),
        ]
        for entry in log
    ]
    rows = rows or [["none", DASH, DASH, DASH, DASH]]
    header = ["Analysis (kind)", "Role", "Family", "*n*", "What came of it"]
    return pipe_table(header, rows, align="lllrl", widths=[6, 3, 3, 1, 6])


def _what_came(entry: Mapping[str, Any]) -> str:
    said = [escape(entry["status"])] + ([escape(entry["reason"])] if entry["reason"] else [])
    return "; ".join([": ".join(said), *map(escape, entry["warnings"])])


def _no_entry(found: str, line: int) -> MyoT2Error:
    return MyoT2Error(
        expected="one JSON object per analysis",
        found=found,
        where=f"{LOG}, line {line}",
        do="Run the analyse stage again.",
    )
