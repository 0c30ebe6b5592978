"""The settings of a run that a reader elsewhere needs: how numbers were made, not where the site keeps its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SECTIONS: Mapping[str, tuple[str, ...] | None] = {
    "simulate": None,
    "ingest": ("source", "dixon", "echoes", "t2_map", "t2_map_scale", "cross_check"),
    "reconstruct": None,
    "segment": None,
    "align": None,
    "fit": None,
    "measure": None,
    "analysis": ("ck_upper_limit", "seed", "resamples"),
    "report": ("title", "disclosure"),
}
"""Sections of the configuration, and which of their keys (None: all)."""

GIVEN = "given"
"""In the place of a text that could be a path or anybody's words."""

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,40}")


def release_settings(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `SECTIONS`; words and numbers as they are, any other text but the title as 'given'."""
    shown: dict[str, Any] = {}
    for name, keys in SECTIONS.items():
        section = configuration.get(name)
        if isinstance(section, Mapping):
            shown[name] = {key: _plain(value) for key, value in section.items() if keys is None or key in keys}
    if "report" in shown and "title" in configuration["report"]:
        shown["report"]["title"] = configuration["report"]["title"]
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if _WORD.fullmatch(str(key))}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else GIVEN
    return value
