"""A table as a workbook: numbers as numbers, text that nothing runs, and what the columns mean on a second sheet.

Equal tables give equal bytes: no time of writing stands in it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from myot2.core.files import atomic
from myot2.core.tables import MISSING

_NO_TIME = datetime(1980, 1, 1)
"""The earliest that a zip archive can hold."""


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """A table of text with its columns of numbers as numbers; a column with any other text stays text.

    What `read_table` gives. Identifiers that are all digits with a leading zero (`007`) are text.
    """
    made = {}
    for name in table:
        texts = table[name].dropna().astype(str)
        numbers = pd.to_numeric(texts, errors="coerce")
        coded = texts.str.fullmatch(r"0\d+").any()
        made[name] = table[name] if numbers.isna().any() or coded else pd.to_numeric(table[name])
    return pd.DataFrame(made)


def write_workbook(table: pd.DataFrame, dictionary: Mapping[str, Any], path: str | Path) -> None:
    """Write a workbook with the sheets `data` and `dictionary`.

    Parameters
    ----------
    table : DataFrame
        Numbers or text; missing cells stay empty.
    dictionary : mapping
        Per column `Description` and, where it has one, `Units`, as the JSON beside a table holds them.
    path : str or Path
        .xlsx
    """
    book = Workbook()
    data = book.active
    data.title = "data"
    _fill(data, table)
    rows = [
        {"column": name, "description": _said_of(of), "unit": of.get("Units", "")}
        for name, of in dictionary.items()
        if of
    ]
    _fill(book.create_sheet("dictionary"), pd.DataFrame(rows, columns=["column", "description", "unit"]))
    book.properties.created = book.properties.modified = _NO_TIME
    book.properties.creator = "MyoT2"
    buffer = io.BytesIO()
    book.save(buffer)
    with atomic(path) as temporary:
        temporary.write_bytes(_without_times(buffer.getvalue()))


def _said_of(entry: Mapping[str, Any]) -> str:
    """The description of a column; of the settings that shaped the values, each with its value."""
    return entry.get("Description") or "; ".join(f"{name}: {value}" for name, value in entry.items())


def _fill(sheet: Worksheet, table: pd.DataFrame) -> None:
    for column, name in enumerate(table, start=1):
        _put(sheet, 1, column, str(name)).font = Font(bold=True)
        for row, value in enumerate(table[name], start=2):
            if not pd.isna(value) and value not in MISSING:
                _put(sheet, row, column, value)
    sheet.freeze_panes = "A2"


def _put(sheet: Worksheet, row: int, column: int, value: object):
    """Write a cell; text is stored as a string whatever it begins with, so that `=1+1` is read and not run."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)
        cell.data_type = "s"
    else:
        cell.value = float(value) if isinstance(value, float) else int(value)
    return cell


def _without_times(content: bytes) -> bytes:
    """The archive with every entry of one date, and with the time of saving that openpyxl writes taken out."""
    out = io.BytesIO()
    stamp = _NO_TIME.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in given.namelist():
            data = given.read(name)
            if name == "docProps/core.xml":
                head, mark, rest = data.partition(b"<dcterms:modified")
                start, end = rest.find(b">") + 1, rest.find(b"</dcterms:modified>")
                data = head + mark + rest[:start] + stamp + rest[end:]
            entry = zipfile.ZipInfo(name, _NO_TIME.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, data)
    return out.getvalue()
