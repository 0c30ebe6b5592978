"""Pandoc Markdown from plain values: escaped text, tables, spans that name their number."""

from __future__ import annotations

import re
from collections.abc import Sequence

from myot2.report.legible import legible

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"[A-Za-z0-9_.-]+(?::[A-Za-z0-9_]+)?")
_DASHES_PER_LINE = 100


def escape(text: object) -> str:
    """The text as Markdown that shows it literally, on one line (`legible`).

    Every ASCII punctuation mark is escaped (pandoc's `all_symbols_escapable`), so that no text from a table or an
    image header becomes markup, HTML, a shortcode, a citation or a table border.
    """
    return _PUNCTUATION.sub(r"\\\1", legible(text))


def claim(key: str, text: str, part: str | None = None) -> str:
    """A span that shows `text` and says where the number is from.

    `data-claim` is the key of statistics.json it was looked up under, with `:part` for another part of the entry than
    the number itself (docs/stages/report.md). HTML alone keeps it: in print the span is plain text.

    Raises
    ------
    ValueError
        The key or the part is not made of letters, digits, dots, underscores and hyphens.
    """
    address = key if part is None else f"{key}:{part}"
    if not is_address(address):
        raise ValueError(f"{address!r} is no key of a statistic")
    return f'[{text}]{{.claim data-claim="{address}"}}'


def is_address(text: str) -> bool:
    """Whether the text can be the key of a number, with or without a part (`key:part`), in a page."""
    return _ADDRESS.fullmatch(text) is not None


def counted(table: str, text: object) -> str:
    """A span that shows a number counted in, or taken from, a table of results (`data-table`: its path there)."""
    return f'[{escape(text)}]{{.counted data-table="{table}"}}'


def quoted(text: str) -> str:
    """The text as the quoted value of a pandoc attribute, on one line."""
    return '"' + legible(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, align: str, widths: Sequence[int]) -> str:
    """A pandoc pipe table.

    Parameters
    ----------
    header, rows : sequences of str
        Cells as Markdown: escape data before.
    align : str
        One letter per column: l, c or r.
    widths : sequence of int
        Relative column widths; pandoc uses them where a row is longer than a line.

    Raises
    ------
    ValueError
        A row, `align` or `widths` has another number of columns than the header.
    """
    if {len(header), len(align), len(widths)} | {len(row) for row in rows} != {len(header)}:
        raise ValueError("every row, align and widths need one entry per column")
    marks = {"l": ":{}-", "c": ":{}:", "r": "-{}:"}
    rule = [
        marks[letter].format("-" * max(1, round(_DASHES_PER_LINE * width / sum(widths)) - 2))
        for letter, width in zip(align, widths, strict=True)
    ]
    lines = [header, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
