"""Whatever happens to the machine, the others finish, the message says why, and a rerun gives the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time

import pytest
from small_run import SmallRun, wait_for

pytestmark = pytest.mark.workflow

OTHERS = ("P01", "C01")


def fault(do: str, value=None, *, program: str = "measure_muscles.py", word: str = "sub-P02") -> dict:
    """What is to happen to the job of P02 in the stage measure."""
    return {"program": program, "word": word, "do": do, "value": value}


def others_are_measured(run: SmallRun) -> bool:
    return all(run.of(person, "measure", "muscles.tsv").is_file() for person in OTHERS)


def again_as_undisturbed(run: SmallRun, undisturbed: SmallRun) -> None:
    """The same command once more: it ends well, leaves the same bytes, and nothing else."""
    run.run("measures")
    assert run.manifest() == undisturbed.manifest()
    assert run.strays() == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (fault("kill"), "killed (SIGKILL): most often the memory was used up"),
        (fault("terminate"), "ended by SIGTERM"),
        (fault("memory", 300 << 20), "the memory was used up"),
        (fault("file size", 4096), "a file grew beyond the limit"),
    ],
    ids=["kill -9", "SIGTERM", "memory", "file size"],
)
def test_a_job_that_dies_fails_alone_and_its_reason_is_told(disturbed, undisturbed, what, message):
    printed = disturbed.run("measures", status=1, fault=what)
    assert f"failed: measure of sub-P02: {message}" in printed
    assert "give the same command again" in printed
    assert others_are_measured(disturbed) and not disturbed.of("P02", "measure", "muscles.tsv").exists()
    assert disturbed.strays() == []
    again_as_undisturbed(disturbed, undisturbed)


def test_a_job_whose_shell_is_killed_leaves_a_whole_file_or_none(disturbed, undisturbed):
    """The program outlives its shell and writes after Snakemake has cleaned up."""
    printed = disturbed.run("measures", status=1, fault=fault("lose the shell"))
    assert "failed: measure of sub-P02: killed (SIGKILL)" in printed
    time.sleep(2)
    again_as_undisturbed(disturbed, undisturbed)


@pytest.mark.parametrize("whom", ["the workflow", "its whole group"])
def test_a_killed_workflow_asks_to_be_unlocked_and_goes_on_where_it_was(disturbed, undisturbed, tmp_path, whom):
    marker = tmp_path / "marker"
    process = disturbed.start("measures", fault=fault("hang", str(marker)))
    wait_for(marker)
    (os.kill if whom == "the workflow" else os.killpg)(process.pid, signal.SIGKILL)
    process.wait()
    printed = disturbed.run("measures", status=1)
    assert "--unlock" in printed
    disturbed.run("--unlock")
    if whom == "the workflow":  # the job lives on while the next run makes the same file, and ends when that has ended
        disturbed.run("measures")
        marker.unlink()
        time.sleep(2)
    again_as_undisturbed(disturbed, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stopped_workflow_lets_its_jobs_end_and_needs_no_unlocking(disturbed, undisturbed, tmp_path, number):
    marker = tmp_path / "marker"
    process = disturbed.start("measures", fault=fault("hang", str(marker)), cores="1")
    wait_for(marker)
    process.send_signal(number)
    time.sleep(1)
    marker.unlink()
    assert process.wait(timeout=60) != 0
    assert not (disturbed.results / "measure/cohort.tsv").exists()
    again_as_undisturbed(disturbed, undisturbed)


def test_ctrl_c_reaches_the_jobs_and_the_workflow(disturbed, undisturbed, tmp_path):
    marker = tmp_path / "marker"
    process = disturbed.start("measures", fault=fault("hang", str(marker)))
    wait_for(marker)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) != 0
    again_as_undisturbed(disturbed, undisturbed)


@pytest.fixture
def mounted():
    """Mount a file system; unmount all at the end."""
    places = []

    def mount(place, options: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a file system can be mounted by root only ({done.stderr.strip()})")
        places.append(place)

    yield mount
    for place in places:
        subprocess.run(["umount", place], check=False, capture_output=True)


def folder_of_p02(run: SmallRun):
    """The folder that the job of P02 writes into; a file in it keeps Snakemake from removing it when that fails."""
    place = run.results / "measure/sub-P02/anat"
    place.mkdir(parents=True, exist_ok=True)
    (place / "kept").touch()
    return place


def test_a_full_disk_fails_who_writes_there_and_says_so(disturbed, undisturbed, mounted):
    place = folder_of_p02(disturbed)
    mounted(place, "size=4k")
    (place / "kept").write_bytes(bytes(4096))
    printed = disturbed.run("measures", status=1)
    assert "failed: measure of sub-P02: the disk is full" in printed
    assert others_are_measured(disturbed)
    subprocess.run(["umount", place], check=True)
    (place / "kept").unlink()
    again_as_undisturbed(disturbed, undisturbed)


def test_a_folder_that_cannot_be_written_fails_who_writes_there_and_says_so(disturbed, undisturbed):
    place = folder_of_p02(disturbed)
    forbid, allow = (["chmod", "555"], ["chmod", "755"]) if os.getuid() else (["chattr", "+i"], ["chattr", "-i"])
    if shutil.which(forbid[0]) is None or subprocess.run([*forbid, place], capture_output=True).returncode:
        pytest.skip("neither modes nor attributes keep this user from writing")
    try:
        printed = disturbed.run("measures", status=1)
    finally:
        subprocess.run([*allow, place], check=True)
    assert "failed: measure of sub-P02: permission is denied" in printed
    assert others_are_measured(disturbed)
    (place / "kept").unlink()
    again_as_undisturbed(disturbed, undisturbed)


def test_a_file_system_that_has_become_read_only_ends_the_run_and_says_so(disturbed, undisturbed):
    place = disturbed.results
    if subprocess.run(["mount", "--bind", place, place], capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        printed = disturbed.run("measures", status=1)
    finally:
        subprocess.run(["umount", place], check=True)
    assert "Read-only file system" in printed
    again_as_undisturbed(disturbed, undisturbed)


def test_a_disk_that_is_full_of_everything_stops_the_run_and_says_so(disturbed, undisturbed, mounted):
    """Records and ledger cannot be written either."""
    place = disturbed.results / "audit"
    mounted(place, "size=4k")
    printed = disturbed.run("measures", status=1)
    assert "No space left on device" in printed
    subprocess.run(["umount", place], check=True)
    again_as_undisturbed(disturbed, undisturbed)


@pytest.mark.parametrize("how", ["directory", "cut", "empty"])
def test_an_input_that_cannot_be_read_stops_that_person_until_it_is_mended(disturbed, undisturbed, how):
    path = disturbed.folder / "given/sub-P02/anat/sub-P02_T2map.nii.gz"
    content = path.read_bytes()
    if how == "directory":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content[: len(content) // 2] if how == "cut" else b"")
    printed = disturbed.run("measures")
    assert "stopped: sub-P02 at ingest: the T2 map: expected a readable NIfTI image; found " in printed
    flow = (disturbed.results / "measure/flow.tsv").read_text()
    assert flow.count("\tmeasured\t") == 2 and flow.count("\tstopped\t") == 1
    if how == "directory":
        path.rmdir()
    path.write_bytes(content)
    again_as_undisturbed(disturbed, undisturbed)


def test_a_disk_that_is_full_while_a_stop_note_is_written_fails_the_job_and_the_note_comes_with_the_next_run(
    disturbed, undisturbed
):
    path = disturbed.folder / "given/sub-P02/anat/sub-P02_T2map.nii.gz"
    content = path.read_bytes()
    path.write_bytes(b"")
    printed = disturbed.run("measures", status=1, fault=fault("file size", 100, program="take_bids.py"))
    assert "failed: take_bids of sub-P02: " in printed
    disturbed.run("measures")
    assert json.loads(disturbed.of("P02", "measure", "muscles.tsv").read_text())["myot2_stop_note"]["stage"] == "ingest"
    path.write_bytes(content)
    again_as_undisturbed(disturbed, undisturbed)
