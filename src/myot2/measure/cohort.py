"""The tables of a cohort: everybody's measures in one, and who was measured or stopped where in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table
from myot2.measure.muscles import COLUMNS

FLOW_COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "status": "measured, or stopped before there was a measure.",
    "stage": "Stage at which the scan stopped.",
    "expected": "What the stage needed.",
    "found": "What it got instead.",
    "where": "The file, folder or table cell that holds it.",
    "do": "What a person can do about it.",
}


def collect(
    tables: Sequence[str | Path], participants: Sequence[str], sessions: Sequence[str | None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the tables of all scans, in their order.

    Parameters
    ----------
    tables : sequence of path
        One table of `measure` per scan, or the stop note that lies in its place.
    participants, sessions : sequence of str
        Whose scan each table is; a session is None where there is one only.

    Returns
    -------
    cohort, flow : pd.DataFrame
        All rows of all measured scans (text cells, unchanged), and one row per scan.

    Raises
    ------
    MyoT2Error
        The lists differ in length, a scan is listed twice, a column is missing, or a table is another scan's.
    """
    scans = list(zip(participants, sessions, strict=False))
    if not len(tables) == len(participants) == len(sessions) or len(set(scans)) != len(scans):
        raise MyoT2Error(
            expected="one participant and session per table, each scan once",
            found=f"{len(tables)} tables, {len(participants)} participants, {len(sessions)} sessions, "
            f"{len(set(scans))} different scans",
            where="--tables, --participants, --sessions",
            do="Give the three lists in the same order and length, n/a for a missing session.",
        )
    measured: list[pd.DataFrame] = []
    flow: list[dict[str, str | None]] = []
    for path, (participant, session) in zip(tables, scans, strict=True):
        note = read_stop_note(path)
        state = {"status": "stopped", **asdict(note)} if note else {"status": "measured"}
        flow.append({"participant_id": participant, "session": session, **state})
        if not note:
            measured.append(_read_measures(path, participant, session))
    cohort = pd.concat(measured, ignore_index=True) if measured else pd.DataFrame(columns=list(COLUMNS))
    return cohort, pd.DataFrame(flow, columns=list(FLOW_COLUMNS))


def _read_measures(path: str | Path, participant: str, session: str | None) -> pd.DataFrame:
    table = read_table(path, columns=COLUMNS, do="Measure the scan again with scripts/measure_muscles.py.")
    owners = {tuple(row) for row in table[["participant_id", "session"]].astype(object).fillna("n/a").to_numpy()}
    if owners != {(participant, session or "n/a")}:
        raise MyoT2Error(
            expected=f"the measures of participant {participant}, session {session or 'n/a'}",
            found="; ".join(f"participant {who}, session {when}" for who, when in sorted(owners)) or "no rows",
            where=path,
            do="Give tables, participants and sessions in the same order.",
        )
    return table[list(COLUMNS)]
