"""What a person reads when a run ends: how much was done, what failed and why, who stopped, and what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from myot2.audit.conclusion import conclude
from myot2.audit.history import DONE, History, read_history, stage_of
from myot2.audit.ledger import Record
from myot2.audit.places import RESULTS, Places
from myot2.audit.reviewed import Reviewed
from myot2.core.stopnote import StopNote, read_stop_note

_MOST = 20
"""So many failures, and so many scans that stopped, are told one by one."""
_REPORT = "report/report.html"
_AGAIN = "Mend the cause and give the same command again: what is done stays, the rest is made."
_KILLED = 128
_SIGNALS = {
    2: "interrupted (SIGINT)",
    9: "killed (SIGKILL): most often the memory was used up; give it more memory, or run fewer jobs at once (-c)",
    11: "crashed (SIGSEGV)",
    15: "ended by SIGTERM: by a person, or by a scheduler whose time or memory limit it passed",
    24: "killed (SIGXCPU): its limit of CPU time is used up",
    25: "killed (SIGXFSZ): a file grew beyond the limit",
}
_CAUSES = (
    (r"No space left on device|Errno 28", "the disk is full: free space, or move the results"),
    (r"File too large|Errno 27", "a file grew beyond the limit that the system sets (ulimit -f)"),
    (r"Disk quota exceeded|Errno 122", "the quota of the disk is used up: free space, or move the results"),
    (r"Read-only file system|Errno 30", "the file system is read-only: make it writable, or move the results"),
    (r"Permission denied|Operation not permitted|Errno (1|13)\b", "permission is denied: see who owns file and folder"),
    (
        r"MemoryError|[Cc]annot allocate memory|failed to map segment|std::bad_alloc|Errno 12",
        "the memory was used up: give it more",
    ),
    (r"Stale file handle|Input/output error|Errno (5|116)\b", "the disk or the network file system failed"),
)
_ERROR = re.compile(r"[\w.]*(Error|Exception|Interrupt|Exit)\b")
"""How a traceback names what was raised."""


def end_run(places: Places, since: str, scans: Iterable[str] = (), reviewed: Reviewed | None = None) -> None:
    """Add the run's records to the ledger, and print what became of it.

    Parameters
    ----------
    places : Places
    since : str
        When the run began (ISO 8601, UTC).
    scans : iterable of str
        Names of the cohort's scans.
    reviewed : Reviewed, optional
        What a person decided about them.
    """
    try:
        conclude(places, scans, reviewed)
    except OSError as error:
        print(f"audit: the ledger was not written ({error}); the next run takes it up", file=sys.stderr)
    print("\n".join(["", *summary(read_history(places), since)]), file=sys.stderr)


def summary(history: History, since: str) -> Iterator[str]:
    """The lines that tell what became of the jobs that were started since a time."""
    last = {_work(record): record for record in history.records if record["started"] >= since}
    failed = [record for record in last.values() if record["state"] not in DONE]
    yield f"MyoT2: {len(last) - len(failed)} jobs done, {len(failed)} failed."
    for record in failed[:_MOST]:
        yield f"  failed: {_what(record)}: {cause(record, _log(history, record))}"
    if len(failed) > _MOST:
        yield f"  and {len(failed) - _MOST} more"
    stopped = dict(_stopped(history))
    for what, note in list(stopped.items())[:_MOST]:
        yield f"  stopped: {what}: {note.where}: expected {note.expected}; found {note.found}. {note.do}"
    if len(stopped) > _MOST:
        yield f"  and {len(stopped) - _MOST} more; measure/flow.tsv lists them all"
    if failed:
        yield _AGAIN
    elif (maker := history.makers.get(RESULTS + _REPORT)) and maker["started"] >= since:
        yield f"The report: {history.places.results / _REPORT}"


def cause(record: Record, log: str) -> str:
    """Why a job failed, in plain words, and where its log is."""
    status = record.get("exit")
    if status is None:
        return "it never ended: the machine, or the process that watched over it, stopped"
    where = f" (log: {record['log'][0].replace(RESULTS, '')})" if record["log"] else ""
    signal = -status if status < 0 else status - _KILLED
    if signal in _SIGNALS:
        return _SIGNALS[signal] + where
    for pattern, words in _CAUSES:
        if re.search(pattern, log):
            return words + where
    lines = log.strip().splitlines()
    if not lines:
        return f"status {status}, and its log is empty: is the disk full, or the folder of logs gone?{where}"
    said = [line for line in lines if _ERROR.match(line)]
    return f"{(said or lines)[-1].strip()[:200]}{where}"


def _work(record: Record) -> tuple[str, tuple[tuple[str, str], ...]]:
    return record["rule"], tuple(sorted(record["wildcards"].items()))


def _what(record: Record) -> str:
    whose = record["wildcards"].get("scan") or record["wildcards"].get("person") or record["wildcards"].get("stage")
    return f"{record['rule']} of {whose}" if whose else record["rule"]


def _log(history: History, record: Record) -> str:
    """The end of a job's log."""
    path = history.places.path(record["log"][0]) if record["log"] else None
    if path is None or not Path(path).is_file():
        return ""
    with open(path, "rb") as handle:
        handle.seek(max(0, Path(path).stat().st_size - 10_000))
        return handle.read().decode("utf-8", errors="replace")


def _stopped(history: History) -> Iterator[tuple[str, StopNote]]:
    """The scans that bad input stopped, each at the stage where it did."""
    for record in sorted({one["job"]: one for one in history.makers.values()}.values(), key=_work):
        if record["state"] == "stopped" and record["stopped_at"] == stage_of(record):
            for entry in record["outputs"]:
                path = history.places.path(entry["path"])
                note = read_stop_note(path) if path else None
                if note:
                    yield f"{record['wildcards'].get('scan', record['rule'])} at {note.stage}", note
