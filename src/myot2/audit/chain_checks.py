"""Whether the ledger, the jobs' own records and the lists that these name are whole and agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from myot2.audit.digests import canonical, read_listing
from myot2.audit.findings import Finding, Kind
from myot2.audit.history import History
from myot2.audit.ledger import HEAD, LEDGER, RECORDS, Chain, head_fault, read_chain, read_shards
from myot2.audit.recording import CODE


def check_ledger(audit: Path) -> Iterator[Finding]:
    """Faults of the chain, of its head file, and between the ledger and the records it was made from."""
    if not (audit / LEDGER).is_file():
        yield Finding("ledger", LEDGER, "there is none: no job of these results was recorded, or it was deleted")
        return
    chain = read_chain(audit)
    if chain.fault:
        yield Finding("ledger", LEDGER, chain.fault)
    elif chain.unfinished_line:
        yield Finding("ledger", LEDGER, "the last line has no end")
    elif fault := head_fault(audit, chain):
        yield Finding("ledger", HEAD, fault)
    yield from _check_records(audit, chain)


def _check_records(audit: Path, chain: Chain) -> Iterator[Finding]:
    shards = read_shards(audit)
    lines = {record["job"]: record for record in chain.records}
    for job, record in shards.items():
        path = f"{RECORDS}/{job}.json"
        if record is None:
            yield Finding("record", path, "unreadable, or the record of another job")
        elif job not in lines:
            if not chain.fault:
                yield Finding("record", path, "not in the ledger: the run was killed, or lines were cut off")
        elif lines[job]["state"] == record["state"] and canonical(lines[job]) != canonical(record):
            yield Finding("record", path, "differs from its line of the ledger")
    for job in sorted(lines.keys() - shards.keys()):
        yield Finding("record", f"{RECORDS}/{job}.json", "was deleted: the ledger has its line")


def check_listings(history: History) -> Iterator[Finding]:
    """Lists of code and of folders that are missing, or are not what their names, which are their digests, say."""
    digests, places = history.digests(), history.places
    holds: dict[Path, str] = {}
    for record in history.makers.values():
        holds.setdefault(places.audit / CODE / f"{record['code']}.json", f"the code of {record['rule']}")
        for entry in [*record["inputs"], *record["outputs"]]:
            if "files" in entry:
                holds.setdefault(digests.listing_path(entry["path"], entry["sha256"]), entry["path"])
    for path, listed in holds.items():
        if read_listing(path) is None:
            missing = not path.exists()
            kind: Kind = "unknown place" if missing and path.is_relative_to(places.private) else "record"
            what = f"{'is missing' if missing else 'was changed'}: it lists the files of {listed}"
            yield Finding(kind, path.relative_to(places.audit).as_posix(), what)


def check_unfinished(history: History) -> Iterator[Finding]:
    """Jobs that failed, or were started and never ended, and were not made up for."""
    for record in history.unfinished:
        outputs = ", ".join(entry["path"] for entry in record["outputs"][:1])
        if record["state"] == "started":
            what = f"{record['rule']} was started at {record['started']} and never ended"
        else:
            what = f"{record['rule']} {record['state']} (status {record['exit']}); see {', '.join(record['log'])}"
        yield Finding("unfinished", outputs or record["job"], what)
