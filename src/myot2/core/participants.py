"""The participants table: who is in the cohort, validated cell by cell.

One row per participant and session. A user's own spreadsheet is read as it is: `columns` says what its columns are
called, `values` what its codes mean. Imported while the workflow is being parsed, so it loads pydantic and pandas only.
"""

from __future__ import annotations

import csv
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan
from myot2.core.tables import MISSING, read_table

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}
_SUM_TOLERANCE = 1e-9


def _number(cell: Any) -> Any:
    """A float of a cell's text; Python's own `float` would take '1_000', 'inf' and 'nan' too."""
    if cell is None:
        return None
    if not _NUMBER.fullmatch(str(cell)) or not math.isfinite(float(cell)):
        raise ValueError("no finite number")
    return float(cell)


Quantity = Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(_number)]
Grade = Annotated[Annotated[float, Field(ge=0, le=4)] | None, BeforeValidator(_number)]
Score = Annotated[Annotated[float, Field(ge=0, le=8)] | None, BeforeValidator(_number)]


class Participant(BaseModel):
    """One row of the participants table; None where a cell is unknown (empty or n/a).

    The description of each field says what its cells may hold; errors quote it. `ild_score` is filled in where
    severity and extent, the first reader's, are both known. Columns that MyoT2 does not know are kept as text in
    `further`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant_id: str = Field(pattern=r"^[A-Za-z0-9]+$", description="letters and digits only ('sub-' may precede)")
    session: str | None = Field(
        None, pattern=r"^[A-Za-z0-9]+$", description="letters and digits only ('ses-' may precede), or n/a"
    )
    dicom: str | None = Field(None, description="the folder of the session's DICOM files, or a source in a PACS")
    kspace: str | None = Field(
        None, description="the session's raw k-space: a file of ISMRMRD or twix, or a folder with it"
    )
    group: Literal["patient", "control"] = Field(description="patient or control")
    diagnosis: str | None = Field(None, description="any text, such as DM, PM or ASS; or n/a")
    sex: Literal["M", "F"] | None = Field(None, description="M or F (male and female are taken too), or n/a")
    age: Quantity = Field(None, description="a number of at least 0 (years), or n/a")
    ck: Quantity = Field(None, description="a number of at least 0 (creatine kinase, U/l), or n/a")
    alt: Quantity = Field(None, description="a number of at least 0 (alanine aminotransferase, U/l), or n/a")
    ast: Quantity = Field(None, description="a number of at least 0 (aspartate aminotransferase, U/l), or n/a")
    ldh: Quantity = Field(None, description="a number of at least 0 (lactate dehydrogenase, U/l), or n/a")
    ild_severity: Grade = Field(None, description="a number from 0 to 4, or n/a where no HRCT was read")
    ild_extent: Grade = Field(None, description="a number from 0 to 4, or n/a where no HRCT was read")
    ild_severity_2: Grade = Field(None, description="the second reader's ild_severity: a number from 0 to 4, or n/a")
    ild_extent_2: Grade = Field(None, description="the second reader's ild_extent: a number from 0 to 4, or n/a")
    ild_score: Score = Field(None, description="a number from 0 to 8, the sum of ild_severity and ild_extent, or n/a")
    treatment: str | None = Field(None, description="any text, such as untreated or relapsed; or n/a")
    disease_duration_months: Quantity = Field(None, description="a number of at least 0 (months), or n/a")
    further: dict[str, str | None] = Field(default_factory=dict, description="the columns that MyoT2 does not know")

    @field_validator("participant_id", mode="before")
    @classmethod
    def _strip_sub(cls, cell: Any) -> Any:
        return cell.removeprefix("sub-") if isinstance(cell, str) else cell

    @field_validator("session", mode="before")
    @classmethod
    def _strip_ses(cls, cell: Any) -> Any:
        return cell.removeprefix("ses-") if isinstance(cell, str) else cell

    @field_validator("sex", mode="before")
    @classmethod
    def _sex(cls, cell: Any) -> Any:
        return _SEXES.get(cell.lower(), cell) if isinstance(cell, str) else cell

    @model_validator(mode="before")
    @classmethod
    def _fill_score(cls, row: Any) -> Any:
        parts = [row.get("ild_severity"), row.get("ild_extent")]
        if row.get("ild_score") is None and all(part is not None and _NUMBER.fullmatch(str(part)) for part in parts):
            return {**row, "ild_score": repr(sum(float(part) for part in parts))}
        return row

    @model_validator(mode="after")
    def _score_is_the_sum(self) -> Participant:
        if None not in (self.ild_severity, self.ild_extent, self.ild_score):
            total = self.ild_severity + self.ild_extent
            if abs(total - self.ild_score) > _SUM_TOLERANCE:
                raise PydanticCustomError("score", "{total}", {"total": f"{total:g}"})
        return self

    @property
    def scan(self) -> str:
        """The name that the files of this row begin with: sub-01 or sub-01_ses-1."""
        return Scan(self.participant_id, self.session).name

    @property
    def visit(self) -> str:
        """The folder of this row's visit in a dataset: sub-01 or sub-01/ses-1."""
        return Scan(self.participant_id, self.session).visit

    @property
    def folder(self) -> str:
        """Where the files of this row lie below a stage's folder: sub-01/anat or sub-01/ses-1/anat."""
        return Scan(self.participant_id, self.session).folder


COLUMNS = tuple(name for name in Participant.model_fields if name != "further")
"""The columns that MyoT2 knows, in the order in which it writes them."""


def read_participants(
    path: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    require_dicom: bool = True,
    require_kspace: bool = False,
) -> list[Participant]:
    """Read and validate a participants table (TSV, CSV or XLSX).

    Parameters
    ----------
    path : str or Path
        The table. Columns participant_id and group (and dicom, kspace) must be there; the others of `COLUMNS` may be,
        and any further column is kept.
    columns : mapping, optional
        MyoT2's column name to the table's own, such as ``{"participant_id": "Patient no."}``.
    values : mapping, optional
        Per column (MyoT2's name), the table's own code to MyoT2's word, such as
        ``{"group": {"IIM": "patient", "HC": "control"}}``. A cell that is not listed stays as it is.
    require_dicom : bool
        Whether every row must name its DICOM folder.
    require_kspace : bool
        Whether the table must have the column kspace. A row without raw data is stopped later, alone.

    Returns
    -------
    list of Participant
        In the order of the table; (participant_id, session) occurs once.

    Raises
    ------
    Stopped
        The file holds a stop note.
    MyoT2Error
        A column is missing or unknown, a cell holds what is not allowed (row, column and value are named), a row
        occurs twice, or the rows of one participant disagree on group or sex.
    """
    required = [
        "participant_id",
        "group",
        *(["dicom"] if require_dicom else []),
        *(["kspace"] if require_kspace else []),
    ]
    table = _rename(read_table(path), columns or {}, required, path)
    table = _translate(table, values or {}, path)
    participants: list[Participant | None] = []
    problems: list[tuple[int, str, str, str]] = []
    for position, cells in enumerate(table.to_dict("records")):
        row = {name: None if pd.isna(cell) else cell for name, cell in cells.items()}
        try:
            participants.append(_participant(row))
        except ValidationError as error:
            participants.append(None)
            problems += [(position, *problem) for problem in _problems(error, row)]
        if require_dicom and row["dicom"] is None:
            problems.append((position, "dicom", "n/a", Participant.model_fields["dicom"].description))
    if not problems:
        problems = _contradictions(participants)
    if problems:
        raise _error(path, problems, columns or {})
    if not participants:
        raise MyoT2Error(
            expected="at least one participant", found="a header without rows", where=path, do="Add the participants."
        )
    return participants


def table_of(participants: Iterable[Participant]) -> pd.DataFrame:
    """The participants as a table: `COLUMNS`, then the further columns; missing where unknown."""
    rows = [{**row.model_dump(exclude={"further"}), **row.further} for row in participants]
    further = list(dict.fromkeys(name for row in rows for name in row if name not in COLUMNS))
    table = pd.DataFrame(rows, columns=[*COLUMNS, *further])
    numeric = [name for name in COLUMNS if "float" in str(Participant.model_fields[name].annotation)]
    return table.astype({name: "float64" if name in numeric else "string" for name in table.columns})


def _rename(table: pd.DataFrame, columns: Mapping[str, str], required: list[str], path: str | Path) -> pd.DataFrame:
    _refuse_unknown(columns, path, "columns")
    for ours, theirs in columns.items():
        if theirs not in table.columns:
            raise _no_column(theirs, f"column {theirs!r} (named for {ours})", table, path)
    renamed = table.rename(columns={theirs: ours for ours, theirs in columns.items()})
    twice = sorted({name for name in renamed.columns if list(renamed.columns).count(name) > 1})
    if twice or len(set(columns.values())) < len(columns):
        raise MyoT2Error(
            expected="one column of the table for each of MyoT2's",
            found=f"two columns for {', '.join(twice)}" if twice else "one column named for two",
            where=f"{path}, column names",
            do="Map the other column of that name as well, or rename it.",
        )
    for name in COLUMNS:
        if name not in renamed.columns:
            alike = [column for column in renamed.columns if _plain(column) == _plain(name)]
            if alike:
                raise _no_column(name, f"column {name!r}", renamed[alike], path)
            if name in required:
                raise _no_column(name, f"column {name!r}", renamed, path)
    return renamed


def _translate(table: pd.DataFrame, values: Mapping[str, Mapping[str, str]], path: str | Path) -> pd.DataFrame:
    _refuse_unknown(values, path, "values")
    known = {column: words for column, words in values.items() if column in table.columns}
    return table.assign(
        **{
            column: table[column].replace({str(theirs): str(ours) for theirs, ours in words.items()})
            for column, words in known.items()
        }
    )


def _refuse_unknown(mapping: Mapping[str, Any], path: str | Path, what: str) -> None:
    for name in mapping:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0)[0]
            raise MyoT2Error(
                expected=f"one of MyoT2's columns: {', '.join(COLUMNS)}",
                found=f"{name!r}",
                where=f"{path}, mapping of {what}",
                do=f"The nearest is {near!r}; a further column needs no mapping.",
            )


def _no_column(name: str, expected: str, table: pd.DataFrame, path: str | Path) -> MyoT2Error:
    near = difflib.get_close_matches(name, list(table.columns), n=1, cutoff=0)[0]
    return MyoT2Error(
        expected=expected,
        found=f"no such column; the nearest is {near!r}",
        where=f"{path}, header",
        do="Rename the column, or say in the mapping of columns which one is meant.",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _participant(row: Mapping[str, str | None]) -> Participant:
    further = {name: cell for name, cell in row.items() if name not in COLUMNS}
    return Participant(**{name: cell for name, cell in row.items() if name in COLUMNS}, further=further)


def _problems(error: ValidationError, row: Mapping[str, str | None]) -> list[tuple[str, str, str]]:
    """(column, value found, what is allowed) of each fault of one row."""
    problems = []
    for fault in error.errors():
        column = fault["loc"][0] if fault["loc"] else "ild_score"
        cell = row.get(column)
        if cell is None and column == "ild_score":
            continue  # the sum of two grades of which one is itself out of range
        allowed = Participant.model_fields[column].description
        if fault["type"] == "score":
            allowed = f"{fault['ctx']['total']}, the sum of ild_severity and ild_extent"
        problems.append((column, "n/a" if cell is None else repr(cell), allowed))
    return problems


def _contradictions(participants: list[Participant]) -> list[tuple[int, str, str, str]]:
    """Faults between rows: a scan twice, or one person with two groups or sexes."""
    problems = []
    scans: set[str] = set()
    first: dict[str, Participant] = {}
    for position, row in enumerate(participants):
        if row.scan in scans:
            problems.append((position, "participant_id", repr(row.scan), "one row per participant and session"))
        scans.add(row.scan)
        known = first.setdefault(row.participant_id, row)
        for column in ("group", "sex"):
            was, now = getattr(known, column), getattr(row, column)
            if was != now:
                problems.append((position, column, repr(now or "n/a"), f"{was or 'n/a'!r}, as in the first session"))
    return problems


def _error(path: str | Path, problems: list[tuple[int, str, str, str]], columns: Mapping[str, str]) -> MyoT2Error:
    rows = _rows_in_file(Path(path))
    position, column, found, allowed = problems[0]
    others = [f"row {rows[place]} {columns.get(name, name)}" for place, name, _, _ in problems[1:]]
    more = f" {len(others)} more to correct: {', '.join(others[:9])}" if others else ""
    return MyoT2Error(
        expected=allowed,
        found=found,
        where=f"{path}, row {rows[position]}, column {columns.get(column, column)}",
        do="Correct the cell, or write n/a where it is unknown and may be." + more + ("." if more else ""),
    )


def _rows_in_file(path: Path) -> list[int]:
    """The row number, as an editor or a spreadsheet shows it, of each row that `read_table` returns.

    `read_table` leaves out empty rows, so positions in its table are no row numbers.
    """
    if path.suffix.lower() == ".xlsx":
        sheet = pd.read_excel(path, header=None, dtype=str, keep_default_na=False)
        numbered = [(number, [str(cell) for cell in cells]) for number, cells in enumerate(sheet.to_numpy(), start=1)]
    else:
        with open(path, encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            numbered = [(reader.line_num, cells) for cells in reader]
    held = [number for number, cells in numbered if any(cell.strip() not in MISSING for cell in cells)]
    return held[1:]
