"""Every job's own record: written when it starts, replaced when it ends, well or badly.

A record is a file of its own, written to a temporary name, flushed and renamed, so jobs on many machines need no lock.
A job that is killed together with the workflow leaves the record of its start: started and never ended.
"""

from __future__ import annotations

import getpass
import os
import secrets
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from myot2.audit.digests import Digests, Entry, listing_digest, write_once
from myot2.audit.places import Places
from myot2.core.files import write_json
from myot2.core.rows import UNKNOWN
from myot2.core.stopnote import read_stop_note

VERSION = 1
LOCK_FILE = "envs/run.lock"
CODE = "code"
_CODE = ("scripts/", "src/")
_LONGEST = 200
_KILLED = 128
"""A shell's exit status above this is a signal's."""


@dataclass(frozen=True)
class Job:
    """What the workflow knows of a job before it runs; parameters are texts, or lists of them."""

    rule: str
    inputs: list[str]
    outputs: list[str]
    log: list[str] = field(default_factory=list)
    wildcards: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    ancient: frozenset[str] = frozenset()
    """Inputs whose change is none to this job."""


class Recorder:
    """Writes the records of one run of the workflow."""

    def __init__(self, results: str | Path, project: str | Path = "."):
        self.places = Places(Path(os.path.abspath(Path(project) / results)), Path(os.path.abspath(project)))
        self.digests = Digests(self.places)
        self.actor = os.environ.get("MYOT2_ACTOR") or _user()

    @contextmanager
    def recording(self, job: Job) -> Iterator[None]:
        """Record a job around its work; its exception passes."""
        began = time.thread_time()
        record = self._start(job)
        path = self.places.audit / "records" / f"{record['job']}.json"
        write_json(path, record)
        record["bookkeeping_s"] = time.thread_time() - began
        try:
            yield
        except BaseException as error:
            exit_status = _exit_status(error)
            killed = exit_status < 0 or exit_status > _KILLED
            write_json(path, self._end(record, job, "killed" if killed else "failed", exit_status))
            raise
        write_json(path, self._end(record, job, "ended", 0))

    def _start(self, job: Job) -> dict[str, Any]:
        now = _now()
        code, data = [], []
        for path in job.inputs:
            (code if path.startswith(_CODE) else data).append(path)
        listing = {path: self.digests.of_file(self.places.project / path)[0] for path in sorted(set(code))}
        digest = listing_digest(listing)
        write_once(self.places.audit / CODE / f"{digest}.json", listing)
        lock = [self.digests.of_file(self.places.project / path)[0] for path in data if path == LOCK_FILE]
        return {
            "version": VERSION,
            "job": f"{now:%Y%m%dT%H%M%S%f}-{job.rule}-{secrets.token_hex(4)}",
            "rule": job.rule,
            "wildcards": dict(job.wildcards),
            "state": "started",
            "inputs": [self._input(path, job) for path in dict.fromkeys(data) if path != LOCK_FILE],
            "outputs": [{"path": self.places.name(path)} for path in job.outputs],
            "code": digest,
            "lock": lock[0] if lock else None,
            "params": {name: self._parameter(value) for name, value in job.params.items()},
            "log": [self.places.name(path) for path in job.log],
            "actor": self.actor,
            "host": socket.gethostname(),
            "started": now.isoformat(),
        }

    def _input(self, path: str, job: Job) -> Entry:
        entry = self.digests.entry(path)
        return {**entry, "ancient": True} if path in job.ancient else entry

    def _end(self, record: dict[str, Any], job: Job, state: str, exit_status: int) -> dict[str, Any]:
        began = time.thread_time()
        outputs = [self.digests.entry(path) for path in job.outputs]
        notes = [read_stop_note(self.places.project / path) for path in job.outputs]
        stopped = next((note.stage for note in notes if note), None)
        if stopped and state == "ended":
            state = "stopped"
        more = {"stopped_at": stopped} if stopped else {}
        spent = round(record["bookkeeping_s"] + time.thread_time() - began, 4)
        ended = {"state": state, "exit": exit_status, "outputs": outputs, **more, "ended": _now().isoformat()}
        return {**record, **ended, "bookkeeping_s": spent}

    def _parameter(self, value: Any) -> Any:
        """A parameter as it may be shown: no path of the site's own, and long texts by their SHA-256."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, Mapping):
            return {str(name): self._parameter(one) for name, one in value.items()}
        if not isinstance(value, str | Path) and isinstance(value, Iterable):
            return [self._parameter(one) for one in value]
        text = str(value)
        if text == UNKNOWN:  # with its slash it looks like a path, and is none
            return text
        if len(text) > _LONGEST:
            return f"sha256:{listing_digest({'text': text})}"
        looks_like_path = "/" in text or (self.places.project / text).exists()
        if looks_like_path and self.places.is_outside(text.split("=", 1)[-1]):
            return "<outside>"
        return self.places.name(text) if looks_like_path and "=" not in text else text


def _user() -> str:
    """The user's name; the number where the system knows no name, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _now() -> datetime:
    return datetime.now(UTC)


def _exit_status(error: BaseException) -> int:
    """The status of the command that failed, as its exception or one behind it tells; 1 where none does."""
    link: BaseException | None = error
    while link is not None:
        status = getattr(link, "returncode", None)
        if isinstance(status, int) and status:
            return status
        link = link.__cause__ or link.__context__
    return 130 if isinstance(error, KeyboardInterrupt) else 1
