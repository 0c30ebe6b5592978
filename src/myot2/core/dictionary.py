"""Data dictionaries: a JSON file beside each table that says what its columns mean (BIDS)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myot2.core.files import write_json


def dictionary_path(table_path: str | Path) -> Path:
    """The JSON file that belongs to a table."""
    return Path(table_path).with_suffix(".json")


def write_dictionary(
    table_path: str | Path, columns: Mapping[str, str], settings: Mapping[str, Any] | None = None
) -> None:
    """Write the dictionary of a table: per column its description and unit, and the settings that shaped the values."""
    entries: dict[str, Any] = {name: _entry(name, text) for name, text in columns.items()}
    if settings:
        entries["GeneratedWith"] = dict(settings)
    write_json(dictionary_path(table_path), entries)


def _entry(name: str, description: str) -> dict[str, str]:
    units = {"ms": "ms", "ml": "mL", "mm": "mm", "percent": "%"}.get(name.rsplit("_", 1)[-1])
    return {"Description": description, **({"Units": units} if units else {})}
