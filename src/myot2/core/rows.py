"""Tables of a few rows, written without pandas, whose import takes longer than the rest of a short program."""

from __future__ import annotations

import csv
import io
import math
import numbers
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from myot2.core.files import write_text

UNKNOWN = "n/a"

_FORMULA = re.compile(r"\s*'*[=+\-@](?!\s*$)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GUARD = "'"
"""Before a text that a spreadsheet would run as a formula; spreadsheets themselves mark text so."""


def write_rows(rows: Iterable[Mapping[str, object]], columns: Iterable[str], path: str | Path) -> None:
    """Write rows as TSV, in the form of `myot2.core.tables.write_tsv`: the same bytes.

    Parameters
    ----------
    rows : iterable of mapping
        Texts, truth values, numbers of any size, None and NaN by column. A column that a row lacks is unknown there;
        one that `columns` does not name is left out.
    columns : iterable of str
        In their order.
    path : str or Path
    """
    columns, text = list(columns), io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(map(guarded, columns))
    writer.writerows([_text(row.get(column)) for column in columns] for row in rows)
    write_text(path, text.getvalue())


def guarded(value: object) -> object:
    """An apostrophe before a text that a spreadsheet would run (OWASP, CSV Injection); anything else as it is."""
    runs = isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value.strip())
    return _GUARD + value if runs else value


def without_guard(text: str) -> str:
    """A text as it was before `guarded`."""
    return text[1:].strip() if text.startswith(_GUARD) and _FORMULA.match(text[1:]) else text


def _text(value: object) -> str:
    if value is None or (isinstance(value, numbers.Real) and math.isnan(value)):
        return UNKNOWN
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{value:.10g}"
    return str(guarded(value))
