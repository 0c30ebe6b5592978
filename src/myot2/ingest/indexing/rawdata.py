"""Raw k-space files, known by their first bytes. They are listed, never opened further: their headers hold names.

HDF5 (the container of ISMRMRD) begins with a signature of eight bytes (HDF5 File Format Specification, section II.A).
A Siemens twix file holds one measurement (VB) or a list of up to 64 with the place of each (VD, VE, XA); a measurement
begins with the length of its header, the number of its parts, and the name of the first part, `Config` (as read by
mapVBVD and twixtools).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CONFIG = b"Config\x00"
_MAX_MEASUREMENTS = 64


@dataclass(frozen=True)
class RawFile:
    """A raw-data file and its form, in words."""

    path: Path
    form: str


def find_raw_data(folder: str | Path) -> Iterator[RawFile]:
    """Walk a folder in a fixed order and yield raw-data files; hidden names and links to folders are passed over."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            form = None if name.startswith(".") or not path.is_file() else form_of(path)
            if form:
                yield RawFile(path, form)


def form_of(path: Path) -> str | None:
    """`HDF5, as ISMRMRD` or `Siemens twix`; None where the file is neither."""
    with open(path, "rb") as handle:
        head = handle.read(32)
        if head.startswith(_HDF5):
            return "HDF5, as ISMRMRD"
        if len(head) < 32:
            return None
        if head[8:15] == _CONFIG:
            return "Siemens twix"
        zero, count, _, _, place = struct.unpack("<4IQ", head[:24])
        if zero == 0 and 0 < count <= _MAX_MEASUREMENTS and place < os.fstat(handle.fileno()).st_size:
            handle.seek(place + 8)
            return "Siemens twix" if handle.read(7) == _CONFIG else None
    return None
