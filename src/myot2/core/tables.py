"""Tables on disk: TSV, CSV or XLSX in, TSV or CSV out, `n/a` for unknown (BIDS)."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_text
from myot2.core.rows import UNKNOWN, guarded, without_guard
from myot2.core.stopnote import raise_if_stopped

MISSING = ("", "n/a", "N/A", "NA", "NaN", "nan")


def read_table(
    path: str | Path, *, columns: Collection[str] = (), do: str = "Run the stage that writes the table again."
) -> pd.DataFrame:
    """Read a table with every cell as text, trimmed; unknown cells (empty or n/a) are missing.

    The apostrophe that `write_tsv` puts before what looks like a formula is taken away again.

    Parameters
    ----------
    path : str or Path
    columns : collection of str
        What the table must have; it may have more, in any order.
    do : str
        What an error says is to be done where it lacks one.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        The file is missing, of another kind, lacks a column, or has a column name twice.
    """
    path = Path(path)
    raise_if_stopped(path)
    readers = {".tsv": _read_tsv, ".csv": _read_csv, ".xlsx": _read_xlsx}
    if path.suffix.lower() not in readers or not path.is_file():
        raise MyoT2Error(
            expected="a table as .tsv, .csv or .xlsx",
            found="no such file" if path.suffix.lower() in readers else f"a file ending in {path.suffix!r}",
            where=path,
            do="Check the path, or save the spreadsheet in one of these forms.",
        )
    try:
        table = readers[path.suffix.lower()](path)
    except pd.errors.EmptyDataError:
        table = pd.DataFrame()
    except (UnicodeDecodeError, pd.errors.ParserError, ValueError, OSError) as error:
        raise MyoT2Error(
            expected="a table in UTF-8 with as many cells in each row as in the first",
            found=f"unreadable content ({str(error).strip().splitlines()[-1]})",
            where=path,
            do="Save it anew as UTF-8 text (.tsv, .csv) or as .xlsx.",
        ) from error
    header = [without_guard(str(cell).strip()) for cell in table.iloc[0]] if len(table) else []
    twice = sorted({name for name in header if header.count(name) > 1})
    if not header or twice:
        raise MyoT2Error(
            expected="a header row with each column name once",
            found=f"{', '.join(map(repr, twice))} more than once" if twice else "an empty table",
            where=path,
            do="Rename or remove the column.",
        )
    missing = [name for name in columns if name not in header]
    if missing:
        raise MyoT2Error(
            expected=f"columns {', '.join(columns)}", found=f"no column {', '.join(missing)}", where=path, do=do
        )
    body = table.iloc[1:].set_axis(header, axis=1).reset_index(drop=True)
    body = body.apply(lambda column: column.astype("string").str.strip().map(without_guard, na_action="ignore"))
    return body.mask(body.isin(MISSING)).dropna(how="all").reset_index(drop=True)


def write_tsv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as TSV: numbers with up to 10 significant digits, `n/a` where missing.

    A text that a spreadsheet program would run as a formula (it starts with =, +, - or @, is longer than that sign and
    no number) gets an apostrophe in front (OWASP, CSV Injection); `read_table` gives back the text as it was.
    """
    write_text(path, _as_text(table, "\t"))


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """The same as comma-separated values, which spreadsheet programs open."""
    write_text(path, _as_text(table, ","))


def _as_text(table: pd.DataFrame, separator: str) -> str:
    texts = {name: table[name].map(guarded) for name in table if not pd.api.types.is_numeric_dtype(table[name])}
    safe = table.assign(**texts).rename(columns=guarded) if texts else table.rename(columns=guarded)
    return safe.to_csv(sep=separator, index=False, na_rep=UNKNOWN, float_format="%.10g", lineterminator="\n")


def _read_tsv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def _read_xlsx(path: Path) -> pd.DataFrame:
    return pd.read_excel(path, header=None, dtype=str, keep_default_na=False)
