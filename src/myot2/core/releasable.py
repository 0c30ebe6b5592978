"""The mark of a file that may leave the site: written by the stage release, asked for by whatever shows such files.

The mark stands in the JSON file beside the table (its dictionary) and holds the table's SHA-256, so that a table which
was changed, or exchanged for another, has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, write_json
from myot2.core.stopnote import raise_if_stopped

MARK = "Releasable"
RULES = "ReleasedBy"
_SHA256 = "SHA256"


def mark_path(table: str | Path) -> Path:
    """The JSON file beside a released file: `<name>.json`, and of a JSON file itself `<name>_dictionary.json`."""
    table = Path(table)
    return table.with_name(f"{table.stem}_dictionary.json" if table.suffix == ".json" else f"{table.stem}.json")


def write_mark(table: str | Path, dictionary: Mapping[str, Any], rules: Mapping[str, Any]) -> None:
    """Mark a table as releasable.

    Parameters
    ----------
    table : path
        The table, as it is on disk.
    dictionary : mapping
        What its columns (or entries) hold.
    rules : mapping
        By which rules, with which parameters, it was made.
    """
    write_json(mark_path(table), {MARK: True, RULES: dict(rules), _SHA256: sha256(table), **dictionary})


def require_releasable(table: str | Path) -> Mapping[str, Any]:
    """The rules by which a table was released.

    Raises
    ------
    Stopped
        The table holds a stop note.
    MyoT2Error
        There is no such file, it has no mark, or it is not the file that was marked.
    """
    table = Path(table)
    raise_if_stopped(table)
    found = _unmarked(table)
    if found:
        raise MyoT2Error(
            expected="a table marked as releasable",
            found=found,
            where=table.name,
            do="Make it by scripts/release_tables.py; nothing else may go into the shareable build.",
        )
    return json.loads(mark_path(table).read_text(encoding="utf-8"))[RULES]


def _unmarked(table: Path) -> str | None:
    """Why a table is not releasable, or None where it is."""
    mark = mark_path(table)
    if not table.is_file():
        return "no such file"
    try:
        content = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"no mark ({mark.name})"
    if not isinstance(content, dict) or content.get(MARK) is not True or not isinstance(content.get(RULES), dict):
        return f"no mark in {mark.name}"
    return None if content.get(_SHA256) == sha256(table) else "another content than was marked"
