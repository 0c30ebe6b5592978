"""Which results nothing asks for any more: those of scans that left the cohort, and of decisions that were withdrawn.

The workflow leaves such files where they are and makes them no more. They belong to no result: where they are they are
orphans, and where somebody deleted them nothing is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from myot2.audit.findings import Finding
from myot2.audit.history import REVIEW, History, stage_of
from myot2.audit.ledger import Record
from myot2.audit.reviewed import Reviewed


@dataclass(frozen=True)
class Asked:
    """What of a run is asked for, and why the rest is not, by the rest's file names."""

    history: History
    unwanted: Mapping[str, str]


def asked_for(history: History, scans: Collection[str] | None, reviewed: Reviewed | None) -> Asked:
    """Divide a run into what the cohort and its decisions ask for and what they do not.

    Parameters
    ----------
    history : History
        What was recorded.
    scans : collection of str or None
        The cohort; None: every scan that jobs were about.
    reviewed : Reviewed or None
        What people decided; None: every decision that was applied still stands.
    """
    current = {record["job"]: record for record in history.makers.values()}
    why = {job: told for job, record in current.items() if (told := _reason(record, scans, reviewed))}
    withdrawn = {job for job in why if stage_of(current[job]) == REVIEW}
    while further := _left_over(history, current, withdrawn):
        why |= {job: why.get(job) or why[leader] for job, leader in further.items()}
        withdrawn |= further.keys()
    unwanted = {entry["path"]: told for job, told in why.items() for entry in current[job]["outputs"]}
    kept = (one for one in history.records if not any(entry["path"] in unwanted for entry in one["outputs"]))
    return Asked(History(history.places, tuple(kept)), unwanted)


def check_asked(asked: Asked) -> Iterator[Finding]:
    """Results that are asked for and were made of what is not."""
    for name, record in sorted(asked.history.makers.items()):
        used = [entry["path"] for entry in record["inputs"] if entry["path"] in asked.unwanted]
        if used and name == record["outputs"][0]["path"]:
            yield Finding("stale", name, f"made of {used[0]}: {asked.unwanted[used[0]]}")


def _reason(record: Record, scans: Collection[str] | None, reviewed: Reviewed | None) -> str | None:
    scan = record["wildcards"].get("scan")
    if scan and scans is not None and scan not in scans:
        return f"the participants table has no scan {scan}"
    if scan and reviewed is not None and stage_of(record) == REVIEW and not reviewed.knows(scan):
        return f"there is neither a decision about {scan} nor a corrected mask any more"
    return None


def _left_over(history: History, current: Mapping[str, Record], withdrawn: Collection[str]) -> dict[str, str]:
    """Jobs that read what withdrawn ones made, and that no other job reads from; each with one that it reads from."""
    readers: dict[str, set[str]] = {}
    for job, record in current.items():
        for entry in record["inputs"]:
            readers.setdefault(entry["path"], set()).add(job)
    found = {}
    for job, record in current.items():
        makers = [history.makers[entry["path"]]["job"] for entry in record["inputs"] if entry["path"] in history.makers]
        leader = next((maker for maker in makers if maker in withdrawn), None)
        read_by = {reader for entry in record["outputs"] for reader in readers.get(entry["path"], ())}
        if leader and job not in withdrawn and "scan" in record["wildcards"] and read_by <= set(withdrawn):
            found[job] = leader
    return found
