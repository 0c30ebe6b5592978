"""Jobs' own records: complete, written before and after, and without anything of the site's own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from recorded_run import CODE

from myot2.audit.recording import Job, Recorder
from myot2.audit.rules import record_jobs
from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import StopNote


def records(run, rule):
    return [record for record in run.history().records if record["rule"] == rule]


def test_a_record_holds_inputs_outputs_code_lock_parameters_actor_and_times(run):
    record = records(run, "take_vendor_map")[0]
    given, t2 = (run.results / f"{stage}/sub-A/anat/sub-A_T2map.nii.gz" for stage in ("ingest", "fit"))
    for entry, path in [(record["inputs"][0], given), (record["outputs"][0], t2)]:
        assert entry["path"] == f"<results>/{path.relative_to(run.results)}"
        assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() and entry["size"] == path.stat().st_size
    listed = json.loads((run.audit / f"code/{record['code']}.json").read_text())
    assert listed == {name: hashlib.sha256((run.project / name).read_bytes()).hexdigest() for name in CODE}
    assert record["lock"] == hashlib.sha256((run.project / "envs/run.lock").read_bytes()).hexdigest()
    assert record["params"] == {"limit": 0.5} and record["state"] == "ended" and record["exit"] == 0
    assert record["actor"] and record["host"] and record["started"] <= record["ended"]


def test_a_record_says_what_cpu_it_took_without_that_of_the_work(run):
    worked = []

    def work():
        began = time.thread_time()
        while time.thread_time() - began < 0.5:
            pass
        worked.append(time.thread_time() - began)

    run.do("heavy", [], ["results/fit/x"], work)
    assert 0 < records(run, "heavy")[0]["bookkeeping_s"] < worked[0]


def test_a_job_that_runs_has_a_record_that_it_was_started(run):
    seen = []
    run.do("slow", [], ["results/fit/x"], lambda: seen.extend(records(run, "slow")))
    assert [record["state"] for record in seen] == ["started"] and "ended" not in seen[0]


@pytest.mark.parametrize(("status", "state"), [("exit 3", "failed"), ("kill -9 $$", "killed")])
def test_a_job_that_fails_or_is_killed_says_so_with_its_status(run, status, state):
    with pytest.raises(subprocess.CalledProcessError):
        run.do("bad", [], ["results/fit/x"], lambda: subprocess.run(["bash", "-c", status], check=True))
    (record,) = records(run, "bad")
    assert record["state"] == state and record["exit"] in (3, -9) and record["outputs"][0]["missing"]


def test_a_process_that_dies_leaves_the_record_of_its_start(run, tmp_path):
    program = (
        "import os\nfrom myot2.audit.recording import Job, Recorder\n"
        "with Recorder('results').recording(Job('dies', [], ['results/fit/x'])):\n    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=run.project)
    assert [record["state"] for record in records(run, "dies")] == ["started"]


def test_a_stop_note_is_a_job_that_stopped_and_its_stage_is_told(run):
    note = StopNote.of("ingest", MyoT2Error(expected="echoes", found="none", where="there", do="look"))
    run.do("fit", [], ["results/fit/x"], lambda: note.write(run.results / "fit/x"), "sub-A")
    (record,) = records(run, "fit")
    assert (record["state"], record["stopped_at"], record["exit"]) == ("stopped", "ingest", 0)


def test_no_path_of_the_site_stands_in_records_or_ledger(run):
    for path in [*(run.audit / "records").iterdir(), *(run.audit / "code").iterdir(), run.audit / "ledger.jsonl"]:
        text = path.read_text()
        assert "Doe" not in text and "Jane" not in text and str(run.project) not in text and "archive" not in text
    assert not (run.audit / "folders").exists()  # the names of DICOM files are in the private folder
    assert (run.audit / "private").stat().st_mode & 0o077 == 0
    record = records(run, "ingest")[0]
    assert record["params"]["dicom"] == "<outside>" and record["inputs"][0]["files"] == 3


def test_parameters_are_kept_as_they_may_be_shown(run):
    given = {
        "own": "results/fit/x",
        "options": ["--limit", 3, None, True],
        "elsewhere": ["--from", "/data/Doe", "x=/data/Doe"],
        "long": "x" * 500,
        "nested": {"a": ("b",)},
        "sessions": ["n/a", "1"],
    }
    run.do("p", [], ["results/fit/x"], lambda: None, **given)
    params = records(run, "p")[0]["params"]
    assert params["own"] == "<results>/fit/x" and params["options"] == ["--limit", 3, None, True]
    assert params["elsewhere"] == ["--from", "<outside>", "<outside>"] and params["nested"] == {"a": ["b"]}
    assert params["sessions"] == ["n/a", "1"]
    assert params["long"].startswith("sha256:") and len(params["long"]) == 71


def test_the_function_of_a_rule_is_called_as_before_and_its_exception_passes(run):
    calls = []

    def work(*arguments):
        calls.append(arguments)
        raise OSError("disk full")

    fake = SimpleNamespace(name="touch", input=["a", lambda wildcards: "b"], run_func=work)
    record_jobs(run.recorder, fake)
    with pytest.raises(OSError, match="disk full"):
        fake.run_func([], ["results/fit/y"], {"n": 1}, {"scan": "sub-A"}, 1, {}, ["results/logs/y.log"], "touch", 7)
    assert calls == [([], ["results/fit/y"], {"n": 1}, {"scan": "sub-A"}, 1, {}, ["results/logs/y.log"], "touch", 7)]
    (record,) = records(run, "touch")
    assert record["state"] == "failed" and record["wildcards"] == {"scan": "sub-A"}


@pytest.mark.parametrize("text", ["", "no key"])
def test_a_damaged_key_is_named_with_what_to_do(run, text):
    (run.audit / "private/key").write_text(text or "\u00e4", encoding="utf-8")
    again = Recorder("results", run.project)
    with pytest.raises(MyoT2Error, match="private/key"):
        again.places.name("/elsewhere/x")


def test_a_rule_that_runs_nothing_is_left_alone(run):
    nothing = SimpleNamespace(name="all", input=[], run_func=None)
    record_jobs(run.recorder, nothing)
    assert nothing.run_func is None


def test_jobs_of_one_process_may_start_together(run):
    from concurrent.futures import ThreadPoolExecutor

    def work(number):
        path = f"results/fit/{number}"
        with run.recorder.recording(Job("together", CODE, [path])):
            (run.project / path).write_text("x")

    (run.project / CODE[0]).write_text("# new\n")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert [record["state"] for record in records(run, "together")] == ["ended"] * 40
