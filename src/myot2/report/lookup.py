"""Numbers by their key in statistics.json, as Markdown; none is typed or computed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from myot2.report.markdown import claim, escape

DASH = "–"


@dataclass(frozen=True)
class Statistics:
    """The content of statistics.json (docs/stages/analyse.md lists its keys)."""

    content: Mapping[str, Mapping[str, Any]]

    def has(self, key: str) -> bool:
        """Whether the key is there and has a value."""
        return self.content.get(key, {}).get("value") is not None

    def value(self, key: str) -> float | None:
        """The number itself, for drawing; None where there is none."""
        return self.content.get(key, {}).get("value")

    def reason(self, key: str) -> str:
        """Why a key has no value, as Markdown."""
        return escape(self.content.get(key, {}).get("reason") or "it is not among the statistics")

    def part(self, key: str, name: str) -> str:
        """One printed part of a statistic, such as ci_printed, as Markdown; a dash where there is none."""
        text = self.content.get(key, {}).get(name)
        return claim(key, escape(text)) if text is not None else DASH

    def number(self, key: str) -> str:
        """The number as printed, with its unit; a dash where there is none."""
        if not self.has(key):
            return DASH
        entry = self.content[key]
        unit = f" {entry['unit']}" if entry.get("unit") else ""
        return claim(key, escape(entry["printed"] + unit))

    def bare(self, key: str) -> str:
        """The number as printed, without unit (for tables whose header says it); a dash where there is none."""
        return self.part(key, "printed") if self.has(key) else DASH

    def n(self, key: str) -> str:
        """*n* = how many participants the number rests on."""
        return f"*n*\\ =\\ {self.part(key, 'n')}"

    def p(self, key: str, part: str = "p_printed") -> str:
        """*p* with its relation, such as *p* = 0.034 or *p* < 0.001."""
        printed = str(self.content[key][part])
        relation = rf"\<\ {escape(printed[1:])}" if printed.startswith("<") else rf"=\ {escape(printed)}"
        return f"*p*\\ {claim(key, relation)}"
