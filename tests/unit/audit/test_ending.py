"""What is told when a run ends, from the records of real jobs."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest

from myot2.audit.ending import cause, end_run, summary
from myot2.audit.history import read_history
from myot2.audit.recording import Job, Recorder
from myot2.core.stopnote import StopNote


@pytest.fixture
def recorder(tmp_path) -> Recorder:
    """Records of a run in an empty folder."""
    return Recorder("results", tmp_path)


def job(rule: str, scan: str) -> Job:
    stage = {"take_bids": "ingest"}.get(rule, rule)
    output = f"results/{stage}/{scan}.tsv"
    return Job(rule, [], [output], [f"results/logs/{stage}/{scan}.log"], {"scan": scan})


def do(recorder: Recorder, one: Job, *, log: str = "", status: int = 0, note: StopNote | None = None) -> None:
    """Let a job run whose command ends with a status and leaves a log."""
    project = recorder.places.project
    for path in (*one.log, *one.outputs):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / one.log[0]).write_text(log)
    try:
        with recorder.recording(one):
            if status:
                raise subprocess.CalledProcessError(status, "python")
            (project / one.outputs[0]).write_text("made")
            if note:
                note.write(project / one.outputs[0])
    except subprocess.CalledProcessError:
        pass


def test_done_failed_and_stopped_are_told_with_what_to_do(recorder, capsys):
    do(recorder, job("measure", "sub-P00"))
    began = datetime.now(UTC).isoformat()
    do(recorder, job("measure", "sub-P01"))
    do(recorder, job("measure", "sub-P02"), status=137)
    do(recorder, job("take_bids", "sub-P03"), note=StopNote("ingest", "an image", "a folder", "the T2 map", "Give it."))
    end_run(recorder.places, began)
    assert capsys.readouterr().err.splitlines() == [
        "",
        "MyoT2: 2 jobs done, 1 failed.",
        "  failed: measure of sub-P02: killed (SIGKILL): most often the memory was used up; give it more memory, or "
        "run fewer jobs at once (-c) (log: logs/measure/sub-P02.log)",
        "  stopped: sub-P03 at ingest: the T2 map: expected an image; found a folder. Give it.",
        "Mend the cause and give the same command again: what is done stays, the rest is made.",
    ]


def test_a_job_that_failed_and_then_ended_well_is_no_failure(recorder):
    do(recorder, job("measure", "sub-P01"), status=1)
    do(recorder, job("measure", "sub-P01"))
    assert list(summary(read_history(recorder.places), "2000")) == ["MyoT2: 1 jobs done, 0 failed."]


@pytest.mark.parametrize(
    ("status", "log", "said"),
    [
        (1, "Traceback\nOSError: [Errno 28] No space left on device: 'x'\n", "the disk is full"),
        (1, "OSError (No space left on device), at:\n  File a\n    x\n    ^^^^\n", "the disk is full"),
        (1, "numpy.core._exceptions._ArrayMemoryError: Unable\n", "the memory was used up"),
        (1, "PermissionError: [Errno 13] Permission denied: 'x'\n", "permission is denied"),
        (1, "Traceback\nValueError: seven\n  note\n", "ValueError: seven (log: "),
        (1, "", "its log is empty"),
        (-9, "", "killed (SIGKILL)"),
        (143, "", "ended by SIGTERM"),
    ],
)
def test_the_cause_is_read_from_the_status_and_the_log(status, log, said):
    assert said in cause({"exit": status, "log": ["<results>/logs/a.log"]}, log)


def test_a_job_that_never_ended_is_told_so():
    assert "never ended" in cause({"log": []}, "")
