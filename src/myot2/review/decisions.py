"""The table of decisions: one row per reading of a scan by a rater, never changed, only added to."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan
from myot2.core.tables import MISSING, read_table, write_tsv

Decision = Literal["accept", "corrected", "reject scan", "reject muscle"]
DECISIONS: tuple[str, ...] = get_args(Decision)
NAME = "decisions.tsv"

COLUMNS = {
    "rater": "Who decided: letters and digits.",
    "time": "When, in UTC (ISO 8601).",
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "decision": "accept, corrected, reject scan or reject muscle.",
    "muscles": "The rejected muscles, as side and name of the label table, separated by semicolons; else n/a.",
    "reason": "Why a scan or muscle is rejected.",
    "comment": "What else there is to say.",
    "minutes": "Minutes spent on the case.",
    "image_sha256": "SHA-256 of the image that was seen.",
    "mask_sha256": "SHA-256 of the run's own label map that was seen.",
    "corrected_sha256": "SHA-256 of the corrected label map; n/a where nothing was redrawn.",
    "repeat": "yes where the case was shown again to the same rater; such a row is compared, and changes nothing.",
}

LONGEST_TEXT = 2000
_RATER = re.compile(r"[A-Za-z0-9]{1,32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@dataclass(frozen=True)
class Row:
    """One row of the table; its fields are `COLUMNS`, None where n/a."""

    rater: str
    time: str
    participant_id: str
    session: str | None
    decision: str
    muscles: str | None
    reason: str | None
    comment: str | None
    minutes: float | None
    image_sha256: str
    mask_sha256: str
    corrected_sha256: str | None
    repeat: str

    @property
    def scan(self) -> Scan:
        """Whose scan it is about."""
        return Scan(self.participant_id, self.session)

    @property
    def changes_results(self) -> bool:
        """Whether the scan is measured otherwise, or not at all, than without the decision."""
        return self.decision != "accept"

    @property
    def rejected_muscles(self) -> list[str]:
        """Side and name of each rejected muscle."""
        return [name.strip() for name in (self.muscles or "").split(";") if name.strip()]

    def digest(self) -> str:
        """What tells that a scan's decision has changed in what the results depend on: no comment, time or minutes."""
        matter = {key: value for key, value in asdict(self).items() if key not in ("time", "comment", "minutes")}
        return hashlib.sha256(json.dumps(matter, sort_keys=True).encode()).hexdigest()


def read_decisions(folder: str | Path) -> list[Row]:
    """All rows of the folder's table, in its order; none where there is no table.

    Raises
    ------
    MyoT2Error
        The table is unreadable, lacks a column, or a cell holds no valid word; the row is named.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return []
    table = read_table(path, columns=COLUMNS, do="Restore the column; docs/how-to/review.md shows all of them.")
    records = table[list(COLUMNS)].astype(object).where(table[list(COLUMNS)].notna(), None).to_dict("records")
    return [checked(record, f"{path}, row {number}") for number, record in enumerate(records, start=2)]


def checked(record: dict[str, object], where: str) -> Row:
    """A row whose cells are all valid.

    Raises
    ------
    MyoT2Error
        One is not; `where` and the column are named.
    """
    values = {field.name: _text(record.get(field.name)) for field in fields(Row)}
    redrawn, rejects = values["decision"] == "corrected", (values["decision"] or "").startswith("reject")
    rules = {
        "rater": (_fits(_RATER, values["rater"]), "1 to 32 letters and digits"),
        "time": (_fits(_TIME, values["time"]), "a time such as 2026-01-31T08:00:00Z"),
        "participant_id": (_fits(_RATER, values["participant_id"]), "letters and digits"),
        "session": (values["session"] is None or _fits(_RATER, values["session"]), "letters and digits, or n/a"),
        "decision": (values["decision"] in DECISIONS, " or ".join(DECISIONS)),
        "muscles": (
            bool(values["muscles"]) == (values["decision"] == "reject muscle"),
            "muscles where they are rejected",
        ),
        "reason": (bool(values["reason"]) or not rejects, "a reason for a rejection"),
        "minutes": (_minutes(values["minutes"]), "minutes from 0 to 1440, or n/a"),
        "image_sha256": (_fits(_SHA256, values["image_sha256"]), "64 hexadecimal digits"),
        "mask_sha256": (_fits(_SHA256, values["mask_sha256"]), "64 hexadecimal digits"),
        "corrected_sha256": (
            _fits(_SHA256, values["corrected_sha256"]) if redrawn else values["corrected_sha256"] is None,
            "64 hexadecimal digits where the mask was corrected, else n/a",
        ),
        "repeat": (values["repeat"] in ("yes", "no"), "yes or no"),
    }
    rules |= {
        name: (len(values[name] or "") <= LONGEST_TEXT, f"at most {LONGEST_TEXT} characters")
        for name in ("comment", "reason", "muscles")
        if rules.get(name, (True, ""))[0]
    }
    for column, (valid, expected) in rules.items():
        if not valid:
            raise MyoT2Error(
                expected=expected,
                found=repr((values[column] or "n/a")[:60]),
                where=f"{where}, column {column}",
                do="Decide again in the review page, or correct the cell.",
            )
    minutes = None if values["minutes"] is None else float(values["minutes"])
    return Row(**{**values, "minutes": minutes})


def add_decision(folder: str | Path, row: Row) -> None:
    """Append a row; the rows that are there stay as they are."""
    rows = [*read_decisions(folder), row]
    write_tsv(pd.DataFrame([asdict(one) for one in rows], columns=list(COLUMNS)), Path(folder) / NAME)


def raters_that_decide(rows: Collection[Row], raters: Sequence[str] | None) -> list[str]:
    """Whose decisions count, the first before the others: as configured, else the rater of the first row alone."""
    return list(raters) if raters else [row.rater for row in rows][:1]


def deciding(rows: Collection[Row], raters: Sequence[str] | None) -> dict[str, Row]:
    """The row that counts of each scan, by the scan's name: the last one, no repeat, of the first rater who has one.

    `raters` are those who decide, the first before the others, as a consensus before one reader; None is the rater of
    the first row.
    """
    counting: dict[str, Row] = {}
    for rater in reversed(raters_that_decide(rows, raters)):
        counting |= {row.scan.name: row for row in rows if row.rater == rater and row.repeat == "no"}
    return counting


def changed_since(row: Row, image_sha256: str, mask_sha256: str, corrected_sha256: str | None) -> list[str]:
    """What is no longer what the rater saw, in words; empty where all is."""
    pairs = {
        "the image": (row.image_sha256, image_sha256),
        "the run's own label map": (row.mask_sha256, mask_sha256),
        "the corrected label map": (row.corrected_sha256, corrected_sha256),
    }
    return [what for what, (seen, now) in pairs.items() if seen != now]


def _text(value: object) -> str | None:
    """One line of UTF-8, trimmed; None where nothing stands there, or what the table would read as nothing."""
    text = " ".join(str(value).split()) if value is not None else ""
    text = text.encode("utf-8", "replace").decode("utf-8")  # JSON can hold half of a character
    return None if text in MISSING else text


def _fits(pattern: re.Pattern[str], text: str | None) -> bool:
    return bool(text and pattern.fullmatch(text))


def _minutes(text: str | None) -> bool:
    try:
        return text is None or 0 <= float(text) <= 1440
    except ValueError:
        return False
