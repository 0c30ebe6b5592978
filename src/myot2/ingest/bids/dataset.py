"""The files at the top of the BIDS dataset that ingest makes: whose images it holds, and what each column means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.bids import raw_description, stopped_visits
from myot2.core.files import write_json, write_text
from myot2.core.participants import Participant
from myot2.core.tables import write_tsv

OLDEST_STATED_AGE = 89
"""Who is older counts as this old: BIDS caps ages, for the few who are older can be identified by their age."""

COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "participant_id": {"Description": "Participant, as the participants table names it."},
    "group": {"Description": "Patient or control.", "Levels": {"patient": "patient", "control": "control"}},
    "sex": {"Description": "Sex.", "Levels": {"M": "male", "F": "female"}},
    "age": {"Description": f"Age at the first visit, {OLDEST_STATED_AGE} where above.", "Units": "year"},
}

IGNORED = ("*_series.tsv", "*_series.json", "*_crosscheck.tsv", "*_crosscheck.json")
"""Tables of ours beside the images, which BIDS has no name for."""

README = """\
The images of a cohort's thighs as MyoT2's stage ingest took them from DICOM, or from a BIDS or Muscle-BIDS dataset:
the Dixon images (acq-dixonin, -dixonopp, -dixonwater, -dixonfat), the echoes of a multi-echo spin echo (MESE), and the
scanner's own T2 map (T2map, in seconds). Nobody is identifiable by them: the sidecars hold technical facts only, ids
are those of the participants table.

Beside the images of each scan lies a table of all series that were found, and why each was taken or not (_series.tsv).
Scans that .bidsignore lists stopped at this stage: in place of each image lies a note that says why.

The datasets segment, align and fit beside this one derive from it.
"""


def describe(folder: Path, title: str, participants: Sequence[Participant], images: Iterable[Path]) -> None:
    """Write the files at the top of the dataset.

    Parameters
    ----------
    folder : Path
        The dataset.
    title : str
        Its name.
    participants : sequence of Participant
        The cohort, one row per scan.
    images : iterable of Path
        All images of the dataset; a scan of which any is a stop note has stopped, and BIDS is told to pass its files
        over. Its person stays in the table of participants, for the folder is there.
    """
    table = participants_table(participants)
    write_json(folder / "dataset_description.json", raw_description(title))
    write_text(folder / "README", README)
    write_tsv(table, folder / "participants.tsv")
    write_json(folder / "participants.json", {name: COLUMNS[name] for name in table.columns})
    lines = [*IGNORED, *stopped_visits(folder, images)]
    write_text(folder / ".bidsignore", "".join(f"{line}\n" for line in lines))


def participants_table(participants: Iterable[Participant]) -> pd.DataFrame:
    """One row per person, with those of group, sex and age that are known of anybody."""
    rows: dict[str, dict[str, Any]] = {}
    for row in participants:
        age = None if row.age is None else min(row.age, float(OLDEST_STATED_AGE))
        known = {"participant_id": f"sub-{row.participant_id}", "group": row.group, "sex": row.sex, "age": age}
        rows.setdefault(row.participant_id, known)
    table = pd.DataFrame(list(rows.values()), columns=list(COLUMNS))
    return table.drop(columns=[name for name in table.columns[1:] if table[name].isna().all()])
