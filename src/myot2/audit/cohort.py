"""The audit table: how far each scan came, stage by stage."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from myot2.audit.findings import Finding
from myot2.audit.history import DONE, History, scans_of, stage_of
from myot2.audit.ledger import Record
from myot2.core.dictionary import write_dictionary
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import write_tsv

STAGES = ("ingest", "reconstruct", "segment", "align", "fit", "measure", "report")
NOT_RUN = "not run"


def cohort_table(history: History, findings: Iterable[Finding] = (), scans: Iterable[str] = ()) -> pd.DataFrame:
    """One row per scan, one column per stage that the run has.

    A cell is `done`, `corrected` (done, with a label map that a person corrected), `stale` (done, of what has changed
    since), `failed (message)`, `skipped (stopped at <stage>)` or `not run`; the worst of the stage's jobs counts.
    """
    last: dict[str, Record] = {}
    for record in history.records:
        if record["outputs"]:
            last[record["outputs"][0]["path"]] = record
    stale = {finding.path for finding in findings if finding.kind == "stale"}
    jobs: dict[tuple[str, str], list[Record]] = {}
    for record in last.values():
        if scan := record["wildcards"].get("scan"):
            jobs.setdefault((scan, stage_of(record)), []).append(record)
    columns = [stage for stage in STAGES if any(stage == made for _, made in jobs)]
    rows = sorted({*scans, *scans_of(history.records)})
    cells = {stage: [_cell(history, stage, jobs.get((scan, stage), []), stale) for scan in rows] for stage in columns}
    return pd.DataFrame({"scan": rows, **cells})


def write_cohort_table(table: pd.DataFrame, path: Path) -> None:
    """Write the table and its data dictionary."""
    write_tsv(table, path)
    meaning = "done, corrected, stale, failed (message), skipped (why) or not run: the worst of the stage's jobs"
    columns = {"scan": "The scan: sub-<participant>[_ses-<session>]"}
    write_dictionary(path, columns | {stage: f"Stage {stage}: {meaning}" for stage in table.columns[1:]})


def _cell(history: History, stage: str, jobs: list[Record], stale: set[str]) -> str:
    if not jobs:
        return NOT_RUN
    failed = [job for job in jobs if job["state"] not in DONE]
    if failed:
        job = failed[0]
        told = f"{job['rule']} never ended" if job["state"] == "started" else f"{job['rule']}: status {job['exit']}"
        return f"failed ({told})"
    stopped = [job for job in jobs if job["state"] == "stopped"]
    if stopped:
        at = stopped[0]["stopped_at"]
        return f"failed ({_message(history, stopped[0])})" if at == stage else f"skipped (stopped at {at})"
    if any(job["outputs"][0]["path"] in stale for job in jobs):
        return "stale"
    corrected = any("desc-corrected" in entry["path"] for job in jobs for entry in job["inputs"] + job["outputs"])
    return "corrected" if corrected else "done"


def _message(history: History, job: Record) -> str:
    for entry in job["outputs"]:
        path = history.places.path(entry["path"])
        note = read_stop_note(path) if path else None
        if note:
            return f"expected {note.expected}; found {note.found}".replace("\t", " ").replace("\n", " ")
    return "its stop note is gone"
