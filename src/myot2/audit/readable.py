"""Whether a file can be read to its end, by its kind."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table

_EARLY = "ends too early"
_ENDS = {".png": b"IEND\xaeB`\x82", ".pdf": b"%%EOF", ".html": b"</html>", ".svg": b"</svg>"}
_STARTS = {".png": b"\x89PNG\r\n", ".pdf": b"%PDF"}
_CHUNK = 1 << 20


def fault_of(path: Path) -> str | None:
    """What is wrong with the form of a file, in words; None where it is read to its end, or is of no known kind."""
    if path.stat().st_size == 0:
        return None if path.name in ("README", ".bidsignore") else "is empty"
    try:
        if read_stop_note(path):
            return None
        return _fault(path)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return f"is no {path.suffix[1:]} ({type(error).__name__})"


def _fault(path: Path) -> str | None:
    if path.name.endswith(".gz"):
        return _gzip_fault(path)
    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix == ".jsonl":
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line)
    elif path.suffix == ".tsv":
        try:
            read_table(path)
        except MyoT2Error as error:
            return f"is no table: {error.found}"
    elif path.suffix in _ENDS:
        content = path.read_bytes()
        if not content.startswith(_STARTS.get(path.suffix, b"")):
            return f"does not begin as a {path.suffix[1:]} does"
        if _ENDS[path.suffix] not in content[-1024:]:
            return _EARLY
    return None


def _gzip_fault(path: Path) -> str | None:
    try:
        with gzip.open(path) as handle:
            while handle.read(_CHUNK):
                pass
    except EOFError:
        return _EARLY
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"cannot be unpacked ({str(error).split(':')[0]})"
    return None
