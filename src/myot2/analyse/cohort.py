"""The cohort that is analysed: one row per person, clinical facts beside the measured T2."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.participants import Participant, table_of
from myot2.core.scans import Scan
from myot2.core.tables import read_table

THIGH, BOTH = "thigh", "both"
T2 = "t2_mean_ms"

_NEEDED = ("participant_id", "region", "side", T2)


@dataclass(frozen=True)
class Cohort:
    """Everybody of the participants table, once.

    Parameters
    ----------
    people : pd.DataFrame
        One row per person: the columns of the participants table but `dicom`, and `t2_mean_ms`, the study's value
        (whole thighs, both sides; NaN where not measured).
    regions : pd.DataFrame
        T2 in ms of the regions inside the thigh, both sides together; one row per measured person (index
        participant_id), one column per region.
    unused_sessions : tuple of str
        Scans left out, because the group statistics take one session of each person.
    """

    people: pd.DataFrame
    regions: pd.DataFrame
    unused_sessions: tuple[str, ...]

    @property
    def patients(self) -> pd.DataFrame:
        """The rows of `people` that are patients."""
        return self.people[self.people["group"] == "patient"]

    @property
    def controls(self) -> pd.DataFrame:
        """The rows of `people` that are controls."""
        return self.people[self.people["group"] == "control"]


def read_cohort(participants: Iterable[Participant], measures: str | Path) -> Cohort:
    """Join the participants with the measures table (results/measure/cohort.tsv).

    A measure belongs to the participants row of the same person and session. A row without session speaks for all
    sessions of its person; a measure without session belongs to the only row of its person. Of a person with several
    measured sessions the first is taken (sessions in natural order: 2 before 10).

    Raises
    ------
    MyoT2Error
        A measure's person or session is not in the participants table, a T2 value is no number of at least 0 or
        n/a, one region has two values, a column is missing, or the participants have a column t2_mean_ms already.
    """
    by_person: dict[str, dict[str | None, Participant]] = {}
    for participant in participants:
        by_person.setdefault(participant.participant_id, {})[participant.session] = participant
    table = _read_measures(measures)
    owners: dict[Scan, Participant] = {}
    scans = []
    for person, session in zip(table["participant_id"], table["session"], strict=True):
        owner = _owner(by_person, person, session, measures)
        scans.append(Scan(person, session or owner.session))
        owners[scans[-1]] = owner
    wide = _by_region(table, scans, measures)
    thigh = wide.get(THIGH, {})
    measured = [scan for scan, t2 in thigh.items() if not math.isnan(t2)]
    chosen = [_first_session(person, rows, measured) for person, rows in by_person.items()]
    people = [
        (owners.get(scan) or by_person[scan.participant_id][scan.session]).model_copy(update={"session": scan.session})
        for scan in chosen
    ]
    listed = {Scan(person, session) for person, rows in by_person.items() for session in rows if session is not None}
    unused = sorted(
        (listed | set(owners)) - set(chosen), key=lambda scan: (scan.participant_id, natural_order(scan.session))
    )
    return Cohort(
        people=_with_t2(table_of(people), [thigh.get(scan, math.nan) for scan in chosen], measures),
        regions=_regions(wide, [scan for scan in chosen if scan in measured]),
        unused_sessions=tuple(scan.name for scan in unused),
    )


def _read_measures(path: str | Path) -> pd.DataFrame:
    table = read_table(path)
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise MyoT2Error(
            expected=f"columns {', '.join(_NEEDED)}",
            found=f"no column {', '.join(missing)}",
            where=f"{path}, header",
            do="Give the table that the measure stage writes (results/measure/cohort.tsv).",
        )
    nameless = table[table[list(_NEEDED[:3])].isna().any(axis=1)]
    if len(nameless):
        raise MyoT2Error(
            expected="a participant, a region and a side in every row",
            found=f"{len(nameless)} rows without, the first with {nameless.iloc[0].dropna().to_dict()}",
            where=path,
            do="Run the measure stage again.",
        )
    numbers = pd.to_numeric(table[T2], errors="coerce").astype("float64")
    wrong = table[T2].notna() & ~((numbers >= 0) & (numbers < math.inf))
    if wrong.any():
        row = table[wrong].iloc[0]
        raise MyoT2Error(
            expected="a finite number of at least 0 (ms), or n/a",
            found=repr(row[T2]),
            where=f"{path}, column {T2} of {row['participant_id']}, {row['region']} {row['side']}",
            do="Correct the value or run the measure stage again.",
        )
    session = table["session"] if "session" in table.columns else [pd.NA] * len(table)
    names = [None if pd.isna(name) else name.removeprefix("ses-") for name in session]
    return pd.DataFrame(
        {
            "participant_id": table["participant_id"].str.removeprefix("sub-"),
            "session": pd.Series(names, index=table.index, dtype=object),  # an inferred type would turn None into NaN
            "region": table["region"],
            "side": table["side"],
            T2: numbers,
        }
    )


def _owner(
    by_person: dict[str, dict[str | None, Participant]], person: str, session: str | None, path: str | Path
) -> Participant:
    rows = by_person.get(person, {})
    for candidate in (session, None):
        if candidate in rows:
            return rows[candidate]
    if session is None and len(rows) == 1:
        return next(iter(rows.values()))
    raise MyoT2Error(
        expected="measures of people and sessions of the participants table",
        found=f"participant {person!r}, session {session or 'n/a'!r}",
        where=path,
        do="Check that both tables are of one cohort, and that ids are spelled alike (leading zeros count).",
    )


def _by_region(table: pd.DataFrame, scans: list[Scan], path: str | Path) -> dict[str, dict[Scan, float]]:
    """region -> scan -> T2 of both sides. A muscle that is a group of its own may stand there twice, equal."""
    wide: dict[str, dict[Scan, float]] = {}
    for scan, region, side, t2 in zip(scans, table["region"], table["side"], table[T2], strict=True):
        if side != BOTH:
            continue
        known = wide.setdefault(region, {}).setdefault(scan, t2)
        if known != t2 and not (math.isnan(known) and math.isnan(t2)):
            raise MyoT2Error(
                expected="one value per participant, session, region and side",
                found=f"{known:g} and {t2:g} ms",
                where=f"{path}, {region} {BOTH} of {scan.name}",
                do="Remove the row that is wrong.",
            )
    return wide


def _first_session(person: str, rows: dict[str | None, Participant], measured: list[Scan]) -> Scan:
    """The scan that stands for a person: the first that was measured, else the first of the table."""
    sessions = [scan.session for scan in measured if scan.participant_id == person] or list(rows)
    return Scan(person, min(sessions, key=natural_order))


def natural_order(session: str | None) -> list[tuple[int, int, str]]:
    """A sort key that puts session 2 before session 10, and no session first."""
    parts = re.findall(r"\d+|\D+", session or "")
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts]


def _with_t2(people: pd.DataFrame, t2: list[float], path: str | Path) -> pd.DataFrame:
    if T2 in people.columns:
        raise MyoT2Error(
            expected=f"{T2} from the measures table only",
            found=f"a further column {T2!r} in the participants table",
            where=path,
            do="Rename that column of the participants table.",
        )
    return people.drop(columns="dicom").assign(**{T2: t2})


def _regions(wide: dict[str, dict[Scan, float]], scans: list[Scan]) -> pd.DataFrame:
    columns = {
        region: [values.get(scan, math.nan) for scan in scans] for region, values in wide.items() if region != THIGH
    }
    index = pd.Index([scan.participant_id for scan in scans], name="participant_id", dtype=object)
    return pd.DataFrame(columns, index=index, dtype=float)
