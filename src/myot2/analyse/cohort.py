"""The cohort that is analysed: one row per person, clinical facts beside the measured T2."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.participants import Participant, table_of
from myot2.core.regions import BOTH, THIGH
from myot2.core.scans import Scan
from myot2.core.tables import read_table

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
    measures : pd.DataFrame
        Every measure of every scan: participant_id, session (None where the table names none), region, side, whether
        the scan is the `chosen` one of its person, and the measures' columns (NaN where unknown).
    """

    people: pd.DataFrame
    regions: pd.DataFrame
    unused_sessions: tuple[str, ...]
    measures: pd.DataFrame

    @property
    def patients(self) -> pd.DataFrame:
        """The rows of `people` that are patients."""
        return self.people[self.people["group"] == "patient"]

    @property
    def controls(self) -> pd.DataFrame:
        """The rows of `people` that are controls."""
        return self.people[self.people["group"] == "control"]


def read_cohort(participants: Iterable[Participant], measures: str | Path, columns: Sequence[str] = ()) -> Cohort:
    """Join the participants with the measures table (results/measure/cohort.tsv).

    `columns` names further columns of the measures to be read, where the table has them.

    A measure belongs to the participants row of the same person and session. A row without session speaks for all
    sessions of its person; a measure without session belongs to the only row of its person. Of a person with several
    measured sessions the first is taken (sessions in natural order: 2 before 10).

    Raises
    ------
    MyoT2Error
        A measure's person or session is not in the participants table, a value is no number of at least 0 or n/a, one
        region has two values, a column is missing, or the participants have a column t2_mean_ms already.
    """
    by_person: dict[str, dict[str | None, Participant]] = {}
    for participant in participants:
        by_person.setdefault(participant.participant_id, {})[participant.session] = participant
    table = _read_measures(measures, columns)
    owners: dict[Scan, Participant] = {}
    scans = []
    for person, session in zip(table["participant_id"], table["session"], strict=True):
        owner = _owner(by_person, person, session, measures)
        scans.append(Scan(person, session or owner.session))
        owners[scans[-1]] = owner
    values = _values(table, scans, measures)
    wide = _by_region(values)
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
        measures=_long(values, set(chosen), list(table.columns[4:])),
    )


def _read_measures(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    written = "Give the table that the measure stage writes (results/measure/cohort.tsv)."
    table = read_table(path, columns=_NEEDED, do=written)
    nameless = table[table[list(_NEEDED[:3])].isna().any(axis=1)]
    if len(nameless):
        raise MyoT2Error(
            expected="a participant, a region and a side in every row",
            found=f"{len(nameless)} rows without, the first with {nameless.iloc[0].dropna().to_dict()}",
            where=path,
            do="Run the measure stage again.",
        )
    session = table["session"] if "session" in table.columns else [pd.NA] * len(table)
    names = [None if pd.isna(name) else name.removeprefix("ses-") for name in session]
    wanted = [name for name in dict.fromkeys((T2, *columns)) if name in table.columns]
    return pd.DataFrame(
        {
            "participant_id": table["participant_id"].str.removeprefix("sub-"),
            "session": pd.Series(names, index=table.index, dtype=object),  # an inferred type would turn None into NaN
            "region": table["region"],
            "side": table["side"],
            **{name: _numbers(table, name, path) for name in wanted},
        }
    )


def _numbers(table: pd.DataFrame, column: str, path: str | Path) -> pd.Series:
    """A column of measures as numbers; NaN where n/a."""
    numbers = pd.to_numeric(table[column], errors="coerce").astype("float64")
    wrong = table[column].notna() & ~((numbers >= 0) & (numbers < math.inf))
    if wrong.any():
        row = table[wrong].iloc[0]
        raise MyoT2Error(
            expected="a finite number of at least 0, or n/a",
            found=repr(row[column]),
            where=f"{path}, column {column} of {row['participant_id']}, {row['region']} {row['side']}",
            do="Correct the value or run the measure stage again.",
        )
    return numbers


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


def _values(table: pd.DataFrame, scans: list[Scan], path: str | Path) -> dict[tuple[Scan, str, str], tuple[float, ...]]:
    """(scan, region, side) -> its measures. A muscle that is a group of its own may stand there twice, equal."""
    values: dict[tuple[Scan, str, str], tuple[float, ...]] = {}
    names = table.columns[4:]
    rows = zip(scans, table["region"], table["side"], table[names].to_numpy().tolist(), strict=True)
    for scan, region, side, cells in rows:
        known = values.setdefault((scan, region, side), tuple(cells))
        for name, was, now in zip(names, known, cells, strict=True):
            if was != now and not (math.isnan(was) and math.isnan(now)):
                raise MyoT2Error(
                    expected="one value per participant, session, region and side",
                    found=f"{was:g} and {now:g} {'ms' if name == T2 else f'in {name}'}",
                    where=f"{path}, {region} {side} of {scan.name}",
                    do="Remove the row that is wrong.",
                )
    return values


def _by_region(values: Mapping[tuple[Scan, str, str], tuple[float, ...]]) -> dict[str, dict[Scan, float]]:
    """region -> scan -> T2 of both sides."""
    wide: dict[str, dict[Scan, float]] = {}
    for (scan, region, side), (t2, *_) in values.items():
        if side == BOTH:
            wide.setdefault(region, {})[scan] = t2
    return wide


def _long(
    values: Mapping[tuple[Scan, str, str], tuple[float, ...]], chosen: set[Scan], names: list[str]
) -> pd.DataFrame:
    rows = [
        (scan.participant_id, scan.session, region, side, scan in chosen, *cells)
        for (scan, region, side), cells in values.items()
    ]
    return pd.DataFrame(rows, columns=["participant_id", "session", "region", "side", "chosen", *names])


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
    return people.drop(columns=["dicom", "kspace"]).assign(**{T2: t2})


def _regions(wide: dict[str, dict[Scan, float]], scans: list[Scan]) -> pd.DataFrame:
    columns = {
        region: [values.get(scan, math.nan) for scan in scans] for region, values in wide.items() if region != THIGH
    }
    index = pd.Index([scan.participant_id for scan in scans], name="participant_id", dtype=object)
    return pd.DataFrame(columns, index=index, dtype=float)
