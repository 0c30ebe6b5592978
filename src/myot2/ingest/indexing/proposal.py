"""From any tree of DICOM files to a proposed cohort: the people, their visits, the folder and the series of each.

People are told apart by PatientID, visits by StudyDate (StudyInstanceUID where there is none). Neither leaves: people
get running numbers in the order of a keyed digest of their identifier, which says nothing about them and is the same
again for the same people and key.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.participants import COLUMNS
from myot2.core.scans import Scan
from myot2.ingest.choosing.acquisitions import examination_of
from myot2.ingest.choosing.selection import Selection, propose
from myot2.ingest.identity import Pseudonyms
from myot2.ingest.indexing.rawdata import RawFile, find_raw_data
from myot2.ingest.reading.files import find_dicom_files
from myot2.ingest.reading.headers import Frame, read_index
from myot2.ingest.records import SERIES_COLUMNS, series_rows
from myot2.ingest.stacking.joining import find_stacks

MAX_TREE_FILES = 500_000
"""More than a thousand examinations of 450 files, in 3 GB of memory. A larger archive is indexed a folder at a time."""

_NOBODY = hashlib.sha256(b"").hexdigest()
"""What `Frame.patient` holds where the header has no identifier: then each examination counts as a person."""


@dataclass(frozen=True)
class Visit:
    """One visit of one person: its images' folder, what was selected, and whether others' images lie there too."""

    scan: Scan
    folder: Path
    shared: bool
    selection: Selection


@dataclass(frozen=True)
class Proposal:
    """What was found in a tree.

    `unusable` counts DICOM files that gave no image (damaged, no image, or an exact copy), by scan, None where they lie
    in no one's or in several people's folder; `torn` are pairs of scans that one examination was recorded under.
    """

    images: int
    visits: tuple[Visit, ...]
    raw: tuple[tuple[RawFile, Scan | None], ...]
    unusable: Counter[Scan | None]
    torn: tuple[tuple[Scan, Scan], ...]

    @property
    def participants(self) -> pd.DataFrame:
        """The participants table, with what a person has to fill in missing."""
        rows = [
            {"participant_id": visit.scan.participant_id, "session": visit.scan.session, "dicom": str(visit.folder)}
            for visit in self.visits
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def series(self, pseudonyms: Pseudonyms) -> pd.DataFrame:
        """The series table of all visits, then the raw data."""
        rows = [row for visit in self.visits for row in series_rows(visit.selection, visit.scan, pseudonyms)]
        raw = [_raw_row(number, file, scan) for number, (file, scan) in enumerate(self.raw, start=1)]
        return pd.DataFrame([*rows, *raw], columns=list(SERIES_COLUMNS), dtype=object)


def index_tree(tree: str | Path, pseudonyms: Pseudonyms) -> Proposal:
    """Read the headers of a whole tree and propose a cohort.

    Raises
    ------
    MyoT2Error
        There is no such folder, it holds no DICOM image, or more than `MAX_TREE_FILES` files.
    """
    index = read_index(tree, limit=MAX_TREE_FILES)
    if not index.frames:
        raise MyoT2Error(
            expected="DICOM images",
            found=f"none (damaged: {index.unreadable}, without image: {index.no_image})",
            where="the given folder",
            do="Give the folder that the archive's export was written to, unpacked.",
        )
    scans = _scans_of(index.frames, pseudonyms)
    owners = _owners(scans)
    visits = tuple(_visit(scan, frames, owners) for scan, frames in scans.items())
    usable = {frame.file.path for frame in index.frames}
    lost = [file.path for file in find_dicom_files(tree, MAX_TREE_FILES) if file.path not in usable]
    return Proposal(
        images=len(index.frames),
        visits=visits,
        raw=tuple((file, _owner_of(file.path, owners)) for file in find_raw_data(tree)),
        unusable=Counter(_owner_of(path, owners) for path in lost),
        torn=_torn(scans),
    )


def _scans_of(frames: Iterable[Frame], pseudonyms: Pseudonyms) -> dict[Scan, list[Frame]]:
    """The images of each visit, people and their visits in order."""
    people: dict[str, dict[str, list[Frame]]] = defaultdict(lambda: defaultdict(list))
    for frame in frames:
        person = f"{_NOBODY} {frame.study}" if frame.patient == _NOBODY else frame.patient
        people[person][examination_of(frame)].append(frame)
    several = any(len(visits) > 1 for visits in people.values())
    width = max(3, len(str(len(people))))
    ordered = sorted(people, key=lambda person: pseudonyms.of(f"patient {person}"))
    return {
        Scan(f"{number:0{width}}", str(place) if several else None): people[person][visit]
        for number, person in enumerate(ordered, start=1)
        for place, visit in enumerate(sorted(people[person], key=lambda one: _day(people[person][one])), start=1)
    }


def _day(frames: Sequence[Frame]) -> tuple[str, str]:
    first = frames[0]
    return first.study_date or min(frame.acquired for frame in frames), first.study


def _visit(scan: Scan, frames: Sequence[Frame], owners: dict[Path, set[Scan]]) -> Visit:
    folder = Path(os.path.commonpath({frame.file.path.parent for frame in frames}))
    return Visit(scan, folder, len(owners[folder]) > 1, propose(find_stacks(frames)))


def _owners(scans: dict[Scan, list[Frame]]) -> dict[Path, set[Scan]]:
    """Whose images lie in or below each folder."""
    owners: dict[Path, set[Scan]] = defaultdict(set)
    for scan, frames in scans.items():
        for folder in {frame.file.path.parent for frame in frames}:
            for place in (folder, *folder.parents):
                owners[place].add(scan)
    return owners


def _owner_of(path: Path, owners: dict[Path, set[Scan]]) -> Scan | None:
    """The one scan in whose nearest folder a file lies, or None."""
    nearest = next((owners[place] for place in path.parents if place in owners), set())
    return next(iter(nearest)) if len(nearest) == 1 else None


def _torn(scans: dict[Scan, list[Frame]]) -> tuple[tuple[Scan, Scan], ...]:
    """Scans of two people that share an examination's identifier: one of the patient identifiers is wrong."""
    first: dict[str, Scan] = {}
    pairs = []
    for scan, frames in scans.items():
        for study in sorted({frame.study for frame in frames} - {""}):
            other = first.setdefault(study, scan)
            if other.participant_id != scan.participant_id:
                pairs.append((other, scan))
    return tuple(dict.fromkeys(pairs))


def _raw_row(number: int, file: RawFile, scan: Scan | None) -> dict[str, object]:
    return {
        "participant_id": scan.participant_id if scan else None,
        "session": scan.session if scan else None,
        "series": f"raw data {number}",
        "role": "kspace",
        "confidence": "high",
        "taken": "no",
        "reason": "listed; no stage takes it from here",
        "evidence": f"the first bytes of the file ({file.form})",
    }
