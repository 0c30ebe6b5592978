"""Which files of a folder are DICOM, told by their content and never by their name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myot2.core.errors import MyoT2Error

MAX_FILES = 200_000
"""More files than any one participant has: a folder beyond it is a whole archive, given by mistake."""

_HEAD_BYTES = 4096
_PREAMBLE = 132
_FIRST_ELEMENT = b"\x02\x00\x00\x00UL"
_DICOMDIR = b"1.2.840.10008.1.3.10"


@dataclass(frozen=True)
class DicomFile:
    """A file that holds DICOM, or what is left of it; `preamble`: whether it begins with the 132 bytes of PS3.10."""

    path: Path
    size: int
    preamble: bool


def find_dicom_files(folder: str | Path, limit: int = MAX_FILES) -> Iterator[DicomFile]:
    """Walk a folder in a fixed order and yield what looks like a DICOM object.

    Hidden names are passed over, links to folders are not followed, and a DICOMDIR (an index that names paths) is never
    read. Empty files, and those of zeros that end before their `DICM`, are yielded: a broken copy leaves that of an
    image.

    Raises
    ------
    MyoT2Error
        There is no such folder, or it holds more than `limit` files.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise MyoT2Error(
            expected="a folder with the participant's DICOM files",
            found="no such folder",
            where="the DICOM folder",
            do="Check the path in the column dicom of the participants table (or the option --dicom).",
        )
    seen = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            if seen > limit:
                raise MyoT2Error(
                    expected=f"at most {limit} files",
                    found="more",
                    where="the DICOM folder",
                    do="Give each participant a folder that holds that participant's examination only.",
                )
            found = None if name.startswith(".") else _recognise(Path(parent, name))
            if found:
                yield found


def _recognise(path: Path) -> DicomFile | None:
    if not path.is_file():
        return None
    with open(path, "rb") as handle:
        head = handle.read(_HEAD_BYTES)
        size = os.fstat(handle.fileno()).st_size
    preamble = head[128:132] == b"DICM" or head[132:138] == _FIRST_ELEMENT
    if preamble and _DICOMDIR in head[:1024].replace(_DICOMDIR + b".", b""):
        return None
    if preamble or (size < _PREAMBLE and not head.strip(b"\0")):
        return DicomFile(path, size, preamble=True)
    return DicomFile(path, size, preamble=False) if _starts_with_element(head, size) else None


def _starts_with_element(head: bytes, size: int) -> bool:
    """Whether the bytes begin with a little-endian element of group 0002 or 0008 (PS3.5 section 7.1)."""
    if len(head) < 16 or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3] != 0:
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[6:8] if explicit else head[4:8], "little")
    return length < min(size, 1024)
