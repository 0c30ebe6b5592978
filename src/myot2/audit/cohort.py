"""The audit table: how far each scan came, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from myot2.audit.cohort_page import cohort_page
from myot2.audit.findings import Finding
from myot2.audit.history import DONE, REVIEW, History, scans_of, stage_of
from myot2.audit.ledger import Record
from myot2.audit.reviewed import REJECTS_SCAN, Reviewed
from myot2.audit.wanted import asked_for
from myot2.core.dictionary import write_dictionary
from myot2.core.files import write_text
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import write_tsv

STAGES = ("fetch", "ingest", "reconstruct", "segment", REVIEW, "align", "fit", "measure", "report")
NOT_RUN = "not run"
COMPARED = "done (compared only)"
PAGES = "report/participants"


def cohort_table(
    history: History, findings: Iterable[Finding] = (), scans: Iterable[str] = (), reviewed: Reviewed | None = None
) -> pd.DataFrame:
    """One row per scan, one column per stage that the run has.

    A cell is `done`, `corrected` (done, of labels that a person left otherwise than the run), `stale` (done, of what
    has changed since), `failed (message)`, `skipped (why)` or `not run`; the worst of the stage's jobs counts. In the
    column of review, `done` is a scan that a person accepted, and `stale` a decision about files that have changed.
    """
    return _Table(history, findings, reviewed or Reviewed()).made(scans)


def write_cohort_table(table: pd.DataFrame, results: Path) -> None:
    """Write audit/cohort.tsv, its data dictionary, and the same as a page that the report leads to, cohort.html."""
    path = results / "audit" / "cohort.tsv"
    write_tsv(table, path)
    meaning = "done, corrected, stale, failed (message), skipped (why) or not run: the worst of the stage's jobs"
    columns = {"scan": "The scan: sub-<participant>[_ses-<session>]"}
    write_dictionary(path, columns | {stage: f"Stage {stage}: {meaning}" for stage in table.columns[1:]})
    pages = {page.stem for page in (results / PAGES).glob("*.html")}
    write_text(path.with_suffix(".html"), cohort_page(table, pages))


class _Table:
    """The cells of one table."""

    def __init__(self, history: History, findings: Iterable[Finding], reviewed: Reviewed):
        self.history, self.reviewed = asked_for(history, None, reviewed).history, reviewed
        self.stale = {finding.path for finding in findings if finding.kind == "stale"}
        self.jobs: dict[tuple[str, str], list[Record]] = {}
        last = {record["outputs"][0]["path"]: record for record in self.history.records if record["outputs"]}
        for record in last.values():
            if scan := record["wildcards"].get("scan"):
                self.jobs.setdefault((scan, stage_of(record)), []).append(record)
        self._follows: dict[str, bool] = {}
        self.changed = {scan: reviewed.changed(scan, self.history) for scan in reviewed.decisions}

    def made(self, scans: Iterable[str]) -> pd.DataFrame:
        """The table."""
        made = {stage for _, stage in self.jobs} | ({REVIEW} if self.reviewed.decisions else set())
        rows = sorted({*scans, *scans_of(self.history.records)})
        cells = {stage: [self._cell(scan, stage) for scan in rows] for stage in STAGES if stage in made}
        return pd.DataFrame({"scan": rows, **cells})

    def _cell(self, scan: str, stage: str) -> str:
        jobs = self.jobs.get((scan, stage), [])
        failed = [job for job in jobs if job["state"] not in DONE]
        if failed:
            job = failed[0]
            told = "never ended" if job["state"] == "started" else f"status {job['exit']}"
            return f"failed ({job['rule']}: {told})"
        if stage == REVIEW and (decided := self._decided(scan)):
            return decided
        stopped = [job for job in jobs if job["state"] == "stopped"]
        if stopped:
            at = stopped[0]["stopped_at"]
            return f"failed ({self._message(stopped[0])})" if at == stage else f"skipped (stopped at {at})"
        if any(job["outputs"][0]["path"] in self.stale for job in jobs):
            return "stale"
        if stage == REVIEW:
            return self._reviewed(scan)
        if self.reviewed.corrects(scan) and not self.changed[scan] and any(map(self._follows_review, jobs)):
            return "corrected"
        return "done" if jobs else NOT_RUN

    def _decided(self, scan: str) -> str | None:
        """What a decision says by itself: that it is stale, or that the scan is left out."""
        row = self.reviewed.decisions.get(scan)
        if row is None:
            return None
        if changed := self.changed[scan]:
            return f"stale ({' and '.join(changed)} changed since)"
        if self.reviewed.applied and row.decision == REJECTS_SCAN:
            return f"skipped (rejected by {row.rater}: {row.reason})"
        return None

    def _reviewed(self, scan: str) -> str:
        if scan not in self.reviewed.decisions:
            return COMPARED if self.reviewed.is_drawn(scan) else NOT_RUN
        if not self.reviewed.applied:
            return COMPARED
        return "corrected" if self.reviewed.corrects(scan) else "done"

    def _follows_review(self, job: Record) -> bool:
        """Whether a job read what a decision made, directly or through others."""
        return any(self._made_of_review(entry["path"]) for entry in job["inputs"])

    def _made_of_review(self, name: str) -> bool:
        if name not in self._follows:
            maker = self.history.makers.get(name)
            self._follows[name] = maker is not None and (stage_of(maker) == REVIEW or self._follows_review(maker))
        return self._follows[name]

    def _message(self, job: Record) -> str:
        for entry in job["outputs"]:
            path = self.history.places.path(entry["path"])
            note = read_stop_note(path) if path else None
            if note:
                return " ".join(f"expected {note.expected}; found {note.found}".split())
        return "its stop note is gone"
