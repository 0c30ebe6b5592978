"""A ledger of one line per event, each bound to the one before; in the form of the audit's (`myot2.audit.ledger`)."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from myot2.audit.digests import canonical
from myot2.audit.ledger import HEAD, LEDGER, hashes_of, line_hash, read_chain, read_head
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json

LOCK = ".lock"

Record = dict[str, Any]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Let nobody else change a folder with a ledger meanwhile: the lock ends with the process that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def records_of(folder: Path) -> list[Record]:
    """All records, in order; none where there is no ledger.

    Raises
    ------
    MyoT2Error
        A line was changed, moved or lost.
    """
    chain = read_chain(folder)
    fault = chain.fault or _head_fault(folder, hashes_of(chain.records))
    if fault:
        raise MyoT2Error(
            expected="a whole ledger",
            found=fault,
            where=folder / LEDGER,
            do="Restore the folder from a copy.",
        )
    return chain.records


def append(folder: Path, record: Record) -> None:
    """Add a record at the end; call it within `exclusive`. Errors are those of `records_of`.

    A line that was being written when the machine stopped is removed first: nobody has been told of it.
    """
    records = records_of(folder)
    hashes = hashes_of(records)
    line = {"seq": len(records) + 1, "record": record, "prev": hashes[-1]}
    line["hash"] = line_hash(hashes[-1], line["seq"], record)
    path = folder / LEDGER
    with open(path, "ab") as handle:
        handle.truncate(path.read_bytes().rfind(b"\n") + 1)
        handle.write(canonical(line) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
    write_json(folder / HEAD, {"lines": line["seq"], "hash": line["hash"]})


def _head_fault(folder: Path, hashes: list[str]) -> str | None:
    """What is wrong with the file that names the last line; it may lag one line behind where the machine stopped."""
    try:
        lines, stated = read_head(folder)
    except ValueError as error:
        return str(error)
    if lines >= len(hashes):
        return f"the end was cut off: {len(hashes) - 1} lines where {HEAD} says {lines}"
    return None if hashes[lines] == stated and len(hashes) - 1 - lines <= 1 else f"{HEAD} does not name the last line"


def now_in_utc() -> str:
    """The time, for a record (ISO 8601)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
