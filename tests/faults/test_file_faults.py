"""Files that are damaged, lost or older than they should be, and what an earlier or another run left."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_run import SmallRun, wait_for
from test_faults import again_as_undisturbed, fault

pytestmark = pytest.mark.workflow


def with_its_time_kept(path: Path, content: bytes) -> None:
    """Write other content under the same times."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def other_bits(content: bytes) -> bytes:
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [half, lambda content: b"", other_bits], ids=["cut", "empty", "other bits"])
def test_a_damaged_intermediate_stops_that_person_until_it_is_deleted(disturbed, undisturbed, damage):
    """Its time is kept, so that Snakemake takes it for what it was."""
    path = disturbed.of("P02", "fit", "T2map.nii.gz")
    with_its_time_kept(path, damage(path.read_bytes()))
    printed = disturbed.run("measures")
    assert f"stopped: sub-P02 at measure: {path.relative_to(disturbed.folder)}: expected a readable NIfTI" in printed
    assert "Delete the file and run again" in printed
    assert (disturbed.results / "measure/flow.tsv").read_text().count("\tmeasured\t") == 2
    path.unlink()
    again_as_undisturbed(disturbed, undisturbed)


def test_a_deleted_intermediate_is_made_again_before_what_needs_it(disturbed, undisturbed):
    for stage in ("ingest", "fit"):
        disturbed.of("P02", stage, "T2map.nii.gz").unlink()
    again_as_undisturbed(disturbed, undisturbed)


def test_an_input_from_the_future_is_told_until_it_is_touched(disturbed, undisturbed):
    path = disturbed.folder / "given/sub-P02/anat/sub-P02_T2map.nii.gz"
    os.utime(path, (4e9, 4e9))
    disturbed.of("P02", "ingest", "T2map.nii.gz").unlink()
    printed = disturbed.run("measures", status=1)
    assert f"than input {path.relative_to(disturbed.folder)}" in printed and "clock skew" in printed
    path.touch()
    again_as_undisturbed(disturbed, undisturbed)


@pytest.mark.parametrize("days", [400, -4000], ids=["in the future", "in the past"])
def test_a_wrong_clock_of_inputs_changes_no_result(disturbed, undisturbed, days):
    """All that was given, and half of what was made, by a clock that was wrong."""
    when = time.time() + days * 86400
    made = [path for person in ("P01", "C01") for path in (disturbed.results / "fit").glob(f"sub-{person}/anat/*")]
    for path in [*(disturbed.folder / "given").rglob("*"), *made]:
        os.utime(path, (when, when))
    again_as_undisturbed(disturbed, undisturbed)
    assert "Nothing to be done" in disturbed.run("measures")


def test_a_lock_that_was_left_is_told_and_unlock_takes_it_away(disturbed, undisturbed):
    locks = disturbed.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("results/small/measure/cohort.tsv\n")
    printed = disturbed.run("measures", status=1)
    assert "cannot be locked" in printed and "--unlock" in printed
    disturbed.run("--unlock")
    again_as_undisturbed(disturbed, undisturbed)


def test_a_file_that_is_marked_incomplete_is_made_again(disturbed, undisturbed):
    path = disturbed.of("P02", "fit", "T2map.nii.gz")
    path.write_bytes(half(path.read_bytes()))
    marks = disturbed.folder / ".snakemake/incomplete"
    marks.mkdir(exist_ok=True)
    name = base64.b64encode(str(path.relative_to(disturbed.folder)).encode()).decode()
    (marks / name).touch()
    printed = disturbed.run("measures")
    assert "take_vendor_map 1/1 sub-P02" in printed
    again_as_undisturbed(disturbed, undisturbed)


def test_temporary_files_of_dead_jobs_are_gone_after_the_next_run(disturbed, undisturbed):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = os.uname().nodename
    place = disturbed.of("P02", "fit", "T2map.nii.gz").parent
    (place / f".writing-{host}-{dead.pid}-sub-P02_T2map.nii.gz").write_bytes(b"half")
    disturbed.temporary.mkdir(exist_ok=True)
    (disturbed.temporary / f"myot2-job-{host}-{dead.pid}-x").mkdir()
    assert len(disturbed.strays()) == 2
    again_as_undisturbed(disturbed, undisturbed)


def test_of_two_runs_at_once_the_second_is_refused_and_the_first_is_not_disturbed(disturbed, undisturbed, tmp_path):
    marker = tmp_path / "marker"
    first = disturbed.start("measures", fault=fault("hang", str(marker)))
    wait_for(marker)
    second = SmallRun(disturbed.folder, disturbed.configuration)
    command = [sys.executable, "-m", "snakemake", "measures", "-c1", "--configfile", second.configuration]
    done = subprocess.run(command, cwd=second.folder, env=second.environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "cannot be locked" in done.stdout + done.stderr
    marker.unlink()
    assert first.wait(timeout=120) == 0
    assert disturbed.manifest() == undisturbed.manifest()
    again_as_undisturbed(disturbed, undisturbed)


def test_a_folder_of_logs_that_vanishes_in_mid_run_harms_no_result(disturbed, undisturbed):
    logs = disturbed.results / "logs"
    process = disturbed.start("measures", fault=fault("lose the folder", str(logs)))
    process.wait(timeout=120)
    again_as_undisturbed(disturbed, undisturbed)


def test_a_ledger_whose_last_line_was_cut_by_a_crash_is_taken_up(disturbed, undisturbed):
    ledger = disturbed.results / "audit/ledger.jsonl"
    with open(ledger, "ab") as handle:
        handle.write(b'{"seq": 99, "rec')
    again_as_undisturbed(disturbed, undisturbed)
    assert all(json.loads(line) for line in ledger.read_text().splitlines())


def test_lost_metadata_of_snakemake_costs_time_and_no_result(disturbed, undisturbed):
    shutil.rmtree(disturbed.folder / ".snakemake")
    again_as_undisturbed(disturbed, undisturbed)
