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
        """One part of a statistic under its name in statistics.json, as Markdown; a dash where there is none.

        This is the only way in which a statistic comes into the page: the text of the span is what `printed_part`
        finds, letter by letter, so that a program can look it up again.
        """
        text = printed_part(self.content.get(key, {}), name)
        if text is None:
            return DASH
        return claim(key, escape(text), None if name == "printed" else name.removesuffix("_printed"))

    def number(self, key: str) -> str:
        """The number as printed, with its unit; a dash where there is none."""
        if not self.has(key):
            return DASH
        unit = self.content[key].get("unit")
        return f"{self.bare(key)}\\ {escape(unit)}" if unit else self.bare(key)

    def bare(self, key: str) -> str:
        """The number as printed, without unit (for tables whose header says it); a dash where there is none."""
        return self.part(key, "printed") if self.has(key) else DASH

    def n(self, key: str) -> str:
        """*n* = how many participants the number rests on."""
        return f"*n*\\ =\\ {self.part(key, 'n')}"

    def p(self, key: str, name: str = "p_printed") -> str:
        """*p* with its relation, such as *p* = 0.034 or *p* <0.001; a dash where there is none."""
        printed = printed_part(self.content.get(key, {}), name) or ""
        relation = "" if printed.startswith("<") else "=\\ "
        return f"*p*\\ {relation}{self.part(key, name)}"


def printed_part(entry: Mapping[str, Any], name: str) -> str | None:
    """What the page shows of a part of a statistic; None where the entry has no such part."""
    value = entry.get(name)
    return None if value is None else str(value)
