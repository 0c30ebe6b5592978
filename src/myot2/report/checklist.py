"""Reporting checklists: what each item asks, and whether this report answers it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import yaml

from myot2.report import captions
from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import escape, pipe_table

STATUSES = {
    "auto": "answered here",
    "manual": "for the authors",
    "missing": "**missing**: the numbers it needs are not available",
}
_ANCHOR = re.compile(r"\{#((?:sec|fig|tbl)-[A-Za-z0-9-]+)")


@dataclass(frozen=True)
class Item:
    """One item: its number as the guideline has it, what it asks, and the part of the report that answers it.

    `anchor` is None where no part of a report made by a program can; `keys` are the statistics it needs there.
    """

    item: str
    section: str
    asks: str
    anchor: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checklist:
    """A guideline's name and its items in order."""

    title: str
    items: tuple[Item, ...]


def read_checklist(path: str | Path) -> Checklist:
    """Read report/checklists/<name>.yaml.

    Raises
    ------
    TypeError
        An item has a field that items do not have.
    """
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    items = tuple(Item(**{**item, "keys": tuple(item.get("keys", ()))}) for item in content["items"])
    return Checklist(content["title"], items)


def anchors_of(document: str) -> frozenset[str]:
    """The labels that can be referred to in a report: those of the document's text, and of its figures and tables."""
    shown = {exhibit.label for exhibit in (*captions.FIGURES, *captions.TABLES) if f'"{exhibit.label}"' in document}
    return frozenset(_ANCHOR.findall(document)) | shown


def status_of(item: Item, statistics: Statistics, anchors: Collection[str]) -> str:
    """'auto' where the report has the item's place and every number it needs, 'missing' where not, else 'manual'."""
    if item.anchor is None:
        return "manual"
    answered = item.anchor in anchors and all(statistics.has(key) for key in item.keys)
    return "auto" if answered else "missing"


def checklist_table(checklist: Checklist, statistics: Statistics, anchors: Collection[str]) -> str:
    """The checklist as a table: item, what it asks, where it is answered, status."""
    rows = []
    for item in checklist.items:
        status = status_of(item, statistics, anchors)
        where = f"@{item.anchor}" if item.anchor in anchors else DASH
        rows.append([escape(item.item), f"{escape(item.section)}: {escape(item.asks)}", where, STATUSES[status]])
    return pipe_table(["Item", "Asks for", "Where", "Status"], rows, align="llll", widths=[1, 8, 3, 4])


def shown(path: str | Path, statistics: Statistics, anchors: Collection[str]) -> str:
    """The checklist of a file as a table of the report, with its caption."""
    checklist = read_checklist(path)
    caption = f"{escape(checklist.title)}, item by item."
    return f"::: {{#tbl-{Path(path).stem}}}\n{checklist_table(checklist, statistics, anchors)}\n\n{caption}\n:::"
