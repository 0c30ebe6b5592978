"""From a result back to the files that came from the scanner."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myot2.audit.digests import Entry
from myot2.audit.history import History
from myot2.audit.ledger import Record
from myot2.audit.places import OUTSIDE, RESULTS
from myot2.core.errors import MyoT2Error
from myot2.core.files import read_json

STATISTICS = "analyse/statistics.json"
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, RuntimeError, TypeError, ValueError, struct.error)
"""What pydicom raises at heads that are damaged, beside its own errors."""


@dataclass(frozen=True)
class Step:
    """A file on the way back: how many jobs before the result, the job that made it, and what was recorded of it.

    `files` are those of a folder, by their path in it; `maker` is None where no job of the run made the file.
    """

    depth: int
    entry: Entry
    maker: Record | None
    files: tuple[str, ...] = ()


def lineage(history: History, name: str) -> Iterator[Step]:
    """Every file that a result was made of, directly or through others, each once, the nearest first.

    Raises
    ------
    MyoT2Error
        No recorded job made the result.
    """
    maker = history.maker(name)
    if maker is None:
        raise MyoT2Error(
            expected="a file that a recorded job made",
            found="no record of it",
            where=name,
            do="Run `make audit`: it lists what nobody made.",
        )
    digests = history.digests()
    own = next((entry for entry in maker["outputs"] if entry["path"] == name), {"path": name})
    waiting, seen = [(0, own)], {name}
    while waiting:
        depth, entry = waiting.pop(0)
        maker = history.maker(entry["path"])
        listing = digests.kept_listing(entry) if "files" in entry else None
        yield Step(depth, entry, maker, tuple(listing or ()))
        for further in maker["inputs"] if maker else []:
            if further["path"] not in seen:
                seen.add(further["path"])
                waiting.append((depth + 1, further))


def why(history: History, asked: str, *, instances: bool = False) -> Iterator[str]:
    """The lineage of a file or of a number of the report, in lines of text.

    Parameters
    ----------
    history : History
        What was recorded.
    asked : str
        A path, or a key of statistics.json.
    instances : bool
        Read each DICOM file of a folder and print its SOP Instance UID after it. The UIDs stand in no record: they are
        read now, from files that are as they were recorded or not (`verify` tells).
    """
    name = _result(history, asked)
    if name is None:
        yield f"{asked} = {_statistic(history.places.results, asked)}, of {RESULTS}{STATISTICS}"
        name = RESULTS + STATISTICS
    for step in lineage(history, name):
        indent = "  " * min(step.depth, 12)
        place = history.places.path(step.entry["path"])
        shown = step.entry["path"] if not step.entry["path"].startswith(OUTSIDE) else str(place or step.entry["path"])
        yield f"{indent}{shown}  {_facts(step.entry)}  {_maker(step.maker)}"
        if step.entry.get("files") and not step.files:
            yield f"{indent}  (the list of its files is missing or was changed; `make audit` says which)"
        for file in step.files:
            uid = _instance(place / file) if instances and place else ""
            yield f"{indent}  {shown}/{file}{uid}"


def _result(history: History, asked: str) -> str | None:
    """The name of the file that a person means: a path, a path below the results, or a name of the records.

    A file that was deleted since is one too, where a job made it. None where there is no such file.
    """
    if asked.startswith((RESULTS, OUTSIDE)):
        return asked
    places = history.places
    paths = (os.path.abspath(path) for path in (asked, places.results / asked))
    names = {places.name(path): path for path in paths if not places.is_outside(path)}
    made = next((name for name in names if history.maker(name)), None)
    return made or next((name for name, path in names.items() if os.path.exists(path)), None)


def _statistic(results: Path, asked: str) -> str:
    path = results / STATISTICS
    content = read_json(path)
    found = content.get(asked) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        what = "no job's result" if os.path.exists(asked) else "no such file"
        damaged = f"{STATISTICS} is damaged, and " if path.is_file() and not isinstance(content, dict) else ""
        raise MyoT2Error(
            expected="a file of the results, or a key of statistics.json",
            found=f"{damaged}{what}: {asked}",
            where=results,
            do="Give a path below the results, or a key such as roc.auc.",
        )
    return str(found.get("printed", found.get("value")))


def _instance(path: Path) -> str:
    """The SOP Instance UID of a DICOM file after two blanks; nothing where it is none; where it is damaged, that.

    It stands in the file's head, its first 400 bytes (PS3.10, Media Storage SOP Instance UID), which is read alone:
    in a cohort there are ten thousand files.
    """
    import pydicom

    try:
        head = pydicom.filereader.read_file_meta_info(path)
        uid = head.get("MediaStorageSOPInstanceUID") or _instance_of_data(path)
    except (pydicom.errors.InvalidDicomError, OSError):
        return ""
    except (*_DAMAGE, pydicom.errors.BytesLengthException):
        uid = None
    return f"  {uid}" if _UID.fullmatch(str(uid)) else "  (SOP Instance UID unreadable)"


def _instance_of_data(path: Path) -> str | None:
    import pydicom

    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    return header.get("SOPInstanceUID")


def _facts(entry: Entry) -> str:
    if entry.get("missing"):
        return "was missing"
    files = f", {entry['files']} files" if "files" in entry else ""
    return f"sha256 {entry['sha256'][:16]}{files}" if "sha256" in entry else ""


def _maker(record: Record | None) -> str:
    if record is None:
        return "given"
    return (
        f"by {record['rule']} (code {record['code'][:12]}, {record['actor']}, {record['ended'][:19]}Z, "
        f"{record['state']})"
    )
