"""Pandoc Markdown from plain values: escaped text, tables, spans that name their number."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_DASHES_PER_LINE = 100


def escape(text: object) -> str:
    """The text as Markdown that shows it literally, on one line.

    Every ASCII punctuation mark is escaped (pandoc's `all_symbols_escapable`), so that no text from a table or an
    image header becomes markup, HTML, a shortcode, a citation or a table border.
    """
    one_line = " ".join(str(text).split())
    return _PUNCTUATION.sub(r"\\\1", one_line)


def claim(key: str, text: str) -> str:
    """A span that shows `text` and carries the key of statistics.json it was looked up under (`data-claim`)."""
    return f'[{text}]{{data-claim="{key}"}}'


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
