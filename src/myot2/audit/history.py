"""What the ledger and the records say of a run: for each file the job that made it as it is to be now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from myot2.audit.digests import Digests, Entry
from myot2.audit.ledger import Record, read_chain, read_shards
from myot2.audit.places import RESULTS, Places

DONE = ("ended", "stopped")
LOGS = f"{RESULTS}logs/"
REVIEW = "review"
"""The stage of jobs that apply and compare what people decided."""


@dataclass(frozen=True)
class History:
    """All records of a run's results; the last of each job, in order of their start."""

    places: Places
    records: tuple[Record, ...]

    @cached_property
    def makers(self) -> Mapping[str, Record]:
        """The last job that made each file or folder, by its name."""
        found = {}
        for record in self.records:
            if record["state"] in DONE:
                found.update({entry["path"]: record for entry in record["outputs"] if not entry.get("missing")})
        return found

    @cached_property
    def contents(self) -> Mapping[str, Entry]:
        """What was recorded of each output that is to be there, by its name."""
        return {
            name: next(entry for entry in record["outputs"] if entry["path"] == name)
            for name, record in self.makers.items()
        }

    @cached_property
    def unfinished(self) -> list[Record]:
        """Jobs that were started and never ended, or failed, and whose outputs nobody made since."""
        return [
            record
            for record in self.records
            if record["state"] not in DONE
            and not any(
                later["started"] > record["started"] for entry in record["outputs"] for later in self._made(entry)
            )
            and record is self._last_try[_work(record)]
        ]

    @cached_property
    def _last_try(self) -> Mapping[str, Record]:
        return {_work(record): record for record in self.records}

    def _made(self, entry: Entry) -> list[Record]:
        maker = self.makers.get(entry["path"])
        return [maker] if maker else []

    def maker(self, name: str) -> Record | None:
        """The job that made a file, also one inside a folder that a job made as a whole."""
        if name in self.makers:
            return self.makers[name]
        around = (str(folder) for folder in PurePosixPath(name).parents)
        return next((self._folders[folder] for folder in around if folder in self._folders), None)

    @cached_property
    def _folders(self) -> Mapping[str, Record]:
        return {name: self.makers[name] for name, entry in self.contents.items() if "files" in entry}

    @cached_property
    def digests_of_scans(self) -> Mapping[str, frozenset[str]]:
        """The SHA-256 of every file that jobs about a scan made, by the scan's name."""
        found: dict[str, set[str]] = {}
        for name, record in self.makers.items():
            if scan := record["wildcards"].get("scan"):
                found.setdefault(scan, set()).add(self.contents[name]["sha256"])
        return {scan: frozenset(digests) for scan, digests in found.items()}

    def digests(self) -> Digests:
        """A fresh reader of the files' digests."""
        return Digests(self.places)


def read_history(places: Places) -> History:
    """Read the ledger as far as it is sound, and the jobs' own records, which may be newer."""
    latest: dict[str, Record] = {record["job"]: record for record in read_chain(places.audit).records}
    latest |= {job: record for job, record in read_shards(places.audit).items() if record}
    return History(places, tuple(sorted(latest.values(), key=lambda record: (record["started"], record["job"]))))


def stage_of(record: Record) -> str:
    """The stage of a job: the folder that its log lies in, logs/<stage>/; its rule where it has none.

    The log tells it better than the output: what a person decided becomes a file among those of another stage.
    """
    log = record["log"][0] if record["log"] else ""
    return log.removeprefix(LOGS).split("/")[0] if log.startswith(LOGS) else record["rule"]


def scans_of(records: Iterable[Record]) -> list[str]:
    """The scans that jobs were about, sorted."""
    return sorted({record["wildcards"]["scan"] for record in records if "scan" in record["wildcards"]})


def places_of(results: Path, project: Path) -> Places:
    """The places of a run; a relative path of results belongs to the project's folder."""
    full = project.absolute()
    return Places(full / results, full)


def _work(record: Record) -> str:
    """What a job was to do: jobs that are tries of the same work have this in common."""
    return f"{record['rule']} {record['outputs'][0]['path'] if record['outputs'] else ''}"
