"""The cohort as the workflow sees it: its scans and where their DICOM folders are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from myot2.core.config import Participants
from myot2.core.participants import read_participants
from myot2.core.scans import Scan


@dataclass(frozen=True)
class Cohort:
    """All scans of a participants table, in its order, and the DICOM folder of each by scan name."""

    scans: tuple[Scan, ...]
    dicom: dict[str, str]

    def __getitem__(self, name: str) -> Scan:
        return next(scan for scan in self.scans if scan.name == name)


def read_cohort(participants: Participants) -> Cohort:
    """Read the participants table that a configuration names.

    Raises
    ------
    MyoT2Error
        The table is not valid; see `myot2.core.participants`.
    """
    rows = read_participants(participants.table, columns=participants.columns, values=participants.values)
    scans = [Scan(row.participant_id, row.session) for row in rows]
    return Cohort(tuple(scans), {scan.name: row.dicom for scan, row in zip(scans, rows, strict=True)})


def listing_digest(folder: str | Path) -> str:
    """A digest of the names and sizes of all files below a folder, which changes when files come or go."""
    root = Path(folder)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lines = [f"{path.relative_to(root).as_posix()}\t{path.stat().st_size}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
