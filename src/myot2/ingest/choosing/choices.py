"""The edited series table: which rows a person has taken for a scan, and for what.

`make index` writes the table, a person edits `role` and `taken`, and the configuration names it (ingest.series). This
module reads it and knows nothing of DICOM, so that the workflow can ask it while it is being parsed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("participant_id", "role", "taken", "pseudonym")
FATES = ("yes", "no", "choose")

_SCAN = re.compile(r"sub-([A-Za-z0-9]+)(?:_ses-([A-Za-z0-9]+))?")


@dataclass(frozen=True)
class Choice:
    """One row: its number in the file, the series it means, the role given to it, and `yes`, `no` or `choose`."""

    row: int
    pseudonym: str
    role: str
    taken: str


def scan_named(name: str) -> Scan:
    """The scan of a name such as sub-01 or sub-01_ses-1.

    Raises
    ------
    ValueError
        The name has another form.
    """
    match = _SCAN.fullmatch(name)
    if not match:
        raise ValueError("a scan is named sub-<letters and digits>[_ses-<letters and digits>]")
    return Scan(*match.groups())


def read_choices(path: str | Path, scan: Scan) -> list[Choice]:
    """The rows of an edited series table that are about a scan; none where it has no such row.

    Raises
    ------
    MyoT2Error
        The table is unreadable, lacks a column, or a cell of this scan's rows holds no valid word.
    """
    rows = _rows_of(path, scan)
    choices = [
        Choice(number, _cell(row["pseudonym"]), _cell(row["role"]), _cell(row["taken"]).lower())
        for number, row in rows.iterrows()
    ]
    for choice in choices:
        if choice.taken not in FATES:
            raise _bad_cell(path, choice, "taken", "yes, no or choose")
        if choice.taken == "yes" and not choice.pseudonym:
            raise _bad_cell(path, choice, "pseudonym", "the pseudonym that `make index` wrote there")
    return choices


def choices_digest(path: str | Path, name: str) -> str:
    """A digest of what an edited table says about one scan: it changes with those decisions alone."""
    rows = _rows_of(path, scan_named(name))
    lines = sorted("\t".join(_cell(row[column]) for column in NEEDED[1:]) for _, row in rows.iterrows())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows_of(path: str | Path, scan: Scan) -> pd.DataFrame:
    """The rows of a scan, indexed by their number in the file (empty lines not counted)."""
    from myot2.core.tables import read_table  # with pandas: only where there is an edited table

    again = "Run `make index` again and edit a copy of its series.tsv; only role and taken are to be changed."
    table = read_table(path, columns=NEEDED, do=again)
    table.index = table.index + 2
    sessions = table["session"].str.removeprefix("ses-").fillna("") if "session" in table.columns else ""
    same_session = sessions == (scan.session or "")
    people = table["participant_id"].str.removeprefix("sub-").fillna("")
    rows = table[(people == scan.participant_id) & same_session]
    if rows.empty:
        _refuse_lost_zeros(path, people, scan)
    return rows


def _refuse_lost_zeros(path: str | Path, people: pd.Series, scan: Scan) -> None:
    """Spreadsheets turn 001 into 1: without a word, a person's decisions would then be no one's."""
    alike = people[people.str.lstrip("0") == scan.participant_id.lstrip("0")]
    if len(alike) and scan.participant_id not in set(people):
        raise MyoT2Error(
            expected=f"participant_id {scan.participant_id}, as in the participants table",
            found=f"{alike.iloc[0]}, with other zeros in front (spreadsheets take them away)",
            where=f"{path}, row {alike.index[0]}, column participant_id",
            do="Write the ids alike in both tables; in a spreadsheet format the column as text first.",
        )


def _cell(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bad_cell(path: str | Path, choice: Choice, column: str, expected: str) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found="another word" if getattr(choice, column) else "an empty cell",
        where=f"{path}, row {choice.row}, column {column}",
        do="Correct the cell.",
    )
