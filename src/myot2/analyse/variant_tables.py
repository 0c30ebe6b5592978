"""The tables that hold variants: each scan's values, and the comparison of all of them, read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table
from myot2.core.variants import CHOICES

VALUE = "t2_ms"
PERSONS = ("participant_id", "session", "mask", VALUE, "reason")
"""Columns of the table of everybody's T2 by each mask."""
_NEEDED = ("participant_id", "session", *CHOICES, VALUE, "reason")


def read_variants(paths: Iterable[str | Path]) -> pd.DataFrame:
    """The values of all scans, from the tables of scripts/measure_variants.py.

    Parameters
    ----------
    paths : iterable of path
        One table per scan and T2 map; a stop note in a table's place gives no rows.

    Returns
    -------
    pd.DataFrame
        participant_id, session (missing where there is one only), the choices, t2_ms (NaN where there is none), reason.

    Raises
    ------
    MyoT2Error
        A column is missing, a value is no number of at least 0, or one scan has a variant twice.
    """
    tables = [_read(path, _NEEDED, (VALUE,)) for path in paths if read_stop_note(path) is None]
    if not tables:
        return pd.DataFrame(columns=list(_NEEDED)).astype({VALUE: "float64"})
    joined = pd.concat(tables, ignore_index=True)[list(_NEEDED)]
    keys = ["participant_id", "session", *CHOICES]
    twice = joined[joined.duplicated(keys)]
    if len(twice):
        raise MyoT2Error(
            expected="each variant of a scan once",
            found=", ".join(str(cell) for cell in twice.iloc[0][keys]) + " twice",
            where="--tables",
            do="Give one table per scan and T2 map.",
        )
    return joined


def read_multiverse(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """The comparison of variants, from its file; all but the choices, main and reason are numbers."""
    words = (*CHOICES, "main", "reason")
    return _read(path, columns, [name for name in columns if name not in words])


def read_t2_by_mask(path: str | Path) -> pd.DataFrame:
    """T2 of everybody by each mask (ms, NaN where there is none), from its file."""
    return _read(path, PERSONS, (VALUE,))


def most_given(reasons: pd.Series) -> str | None:
    """The reason that most rows give; None where none gives one."""
    counts = reasons.dropna().value_counts()
    return str(counts.index[0]) if len(counts) else None


def _read(path: str | Path, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    table = read_table(path, columns=columns)
    for name in numbers:
        values = pd.to_numeric(table[name], errors="coerce").astype("float64")
        wrong = table[name].notna() & ~((values >= 0) & (values < float("inf")))
        if wrong.any():
            raise MyoT2Error(
                expected="a finite number of at least 0, or n/a",
                found=repr(table.loc[wrong, name].iloc[0]),
                where=f"{path}, column {name}",
                do="Make the table again.",
            )
        table[name] = values
    return table
