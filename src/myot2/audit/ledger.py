"""The ledger: all records of all runs in one file that only grows, each line bound to the one before.

A line is canonical JSON {"seq", "record", "prev", "hash"}; hash = SHA-256(prev || canonical JSON of seq and record). A
chain alone cannot show that its end was cut off: the file ledger.head beside it says how many lines there are and the
last one's hash, and the records from which the lines were made are kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myot2.audit.digests import canonical
from myot2.core.errors import MyoT2Error
from myot2.core.files import read_json, write_json

FIRST = "0" * 64
LEDGER = "ledger.jsonl"
HEAD = "ledger.head"
RECORDS = "records"

Record = dict[str, Any]
_NEEDED = {"job", "rule", "wildcards", "state", "inputs", "outputs", "code", "lock", "params", "log", "started"}
"""What every record has, from the start of its job on."""


@dataclass(frozen=True)
class Chain:
    """What a ledger holds: the records up to the first fault, and the fault in words (None where there is none)."""

    records: list[Record]
    head: str
    fault: str | None
    unfinished_line: bool = False
    """The last line has no end: the machine stopped while it was written."""


def line_hash(prev: str, seq: int, record: Record) -> str:
    """The hash of a line."""
    return hashlib.sha256(prev.encode("ascii") + canonical({"seq": seq, "record": record})).hexdigest()


def read_chain(audit: Path) -> Chain:
    """Read a ledger and follow its chain; a missing ledger is an empty one."""
    path = audit / LEDGER
    content = path.read_bytes() if path.is_file() else b""
    lines = content.split(b"\n")
    records: list[Record] = []
    head = FIRST
    for number, text in enumerate(lines[:-1], 1):
        try:
            line = json.loads(text)
            record, prev, stated, seq = line["record"], line["prev"], line["hash"], line["seq"]
            follows = line_hash(str(prev), seq, record)
            if not isinstance(record, dict):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            return Chain(records, head, f"line {number} is no line of a ledger")
        if seq != number or prev != head:
            return Chain(records, head, f"line {number} does not follow the line before: lines are missing or moved")
        if stated != follows:
            return Chain(records, head, f"line {number} was changed after it was written")
        head = follows
        records.append(record)
    return Chain(records, head, None, unfinished_line=bool(lines[-1]))


def read_head(audit: Path) -> tuple[int, str]:
    """How many lines the ledger has and the hash of the last, as the file beside it says; (0, zeros) where missing.

    Raises
    ------
    ValueError
        The file is damaged.
    """
    if not (audit / HEAD).exists():
        return 0, FIRST
    content = read_json(audit / HEAD)
    lines, stated = (content.get("lines"), content.get("hash")) if isinstance(content, dict) else (None, None)
    if not isinstance(lines, int) or lines < 0 or not isinstance(stated, str):
        raise ValueError(f"{HEAD} is unreadable")
    return lines, stated


def head_fault(audit: Path, chain: Chain, *, may_lag: bool = False) -> str | None:
    """What is wrong between a sound chain and its head file, in words; it lags behind where the machine stopped."""
    try:
        lines, stated = read_head(audit)
    except ValueError as error:
        return str(error)
    if lines > len(chain.records):
        return f"the end was cut off: {len(chain.records)} lines where {HEAD} says {lines}"
    if may_lag:
        return None if hashes_of(chain.records)[lines] == stated else f"{HEAD} names another line {lines}"
    if lines < len(chain.records) or stated != chain.head:
        return f"{HEAD} does not name the last line"
    return None


def read_shards(audit: Path) -> dict[str, Record | None]:
    """The jobs' own records by job, sorted; None where a file is unreadable."""
    found: dict[str, Record | None] = {}
    for path in sorted((audit / RECORDS).glob("*.json")):
        content = read_json(path)
        whole = isinstance(content, dict) and content.keys() >= _NEEDED and content["job"] == path.stem
        found[path.stem] = content if whole else None
    return found


def merge(audit: Path) -> int:
    """Append the records that the ledger does not have yet; return how many.

    They come in an order that does not depend on which job was faster: by rule, first output and start. A job that
    was recorded as started and has ended since gets a second line. Lines that are there stay as they are.

    Raises
    ------
    MyoT2Error
        The chain is broken, or its end was cut off: nothing is appended to a ledger that cannot be trusted.
    """
    audit.mkdir(parents=True, exist_ok=True)
    with open(audit / LEDGER, "ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        chain = read_chain(audit)
        _require_sound(audit, chain)
        known = {(record["job"], record["state"]) for record in chain.records}
        shards = [one for one in read_shards(audit).values() if one and (one["job"], one["state"]) not in known]
        if chain.unfinished_line:  # never named by the head file: its record is appended anew
            whole = (audit / LEDGER).read_bytes()
            handle.truncate(whole.rfind(b"\n") + 1)
        head, count = chain.head, len(chain.records)
        for record in sorted(shards, key=_order):
            count += 1
            prev, head = head, line_hash(head, count, record)
            line = {"seq": count, "record": record, "prev": prev, "hash": head}
            handle.write(canonical(line) + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
        write_json(audit / HEAD, {"lines": count, "hash": head})
    return len(shards)


def hashes_of(records: Sequence[Record]) -> list[str]:
    """The hash after no line, one line, and so on."""
    hashes = [FIRST]
    for seq, record in enumerate(records, 1):
        hashes.append(line_hash(hashes[-1], seq, record))
    return hashes


def _require_sound(audit: Path, chain: Chain) -> None:
    if fault := chain.fault or head_fault(audit, chain, may_lag=True):
        raise MyoT2Error(
            expected="a whole ledger",
            found=fault,
            where=audit / LEDGER,
            do="Restore the ledger from a copy, or move the folder audit/ away and run the workflow anew.",
        )


def _order(record: Record) -> tuple[str, str, str, str]:
    first = record["outputs"][0]["path"] if record["outputs"] else ""
    return record["rule"], first, record["started"], record["job"]
