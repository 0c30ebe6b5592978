"""Temporary folders of jobs, and what killed jobs leave."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from myot2.core.files import atomic, temporary_beside
from myot2.core.job_folder import date_back, give_own_folder, own_folder, remove_leftovers


class Resources(dict):
    """What a job's resources are to Snakemake, as far as they are used."""

    def __init__(self, fromdict):
        super().__init__(fromdict)


class Rule:
    """A rule whose jobs say where their temporary folder is."""

    def __init__(self):
        self.run_func = self.run
        self.seen = []

    def run(self, input, output, params, wildcards, threads, resources, *rest):
        folder = resources["tmpdir"]
        self.seen.append((folder, os.path.isdir(folder), resources["mem_mb"], rest))
        open(os.path.join(folder, "scratch"), "w").close()
        if params == "fail":
            raise OSError("killed")


def killed_pid() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_each_job_has_a_folder_of_its_own_that_goes_with_it_also_when_it_fails(tmp_path):
    rule = Rule()
    give_own_folder(rule, tmp_path)
    resources = Resources({"mem_mb": 10, "tmpdir": str(tmp_path)})
    rule.run_func([], [], "", {}, 1, resources, "log")
    with pytest.raises(OSError, match="killed"):
        rule.run_func([], [], "fail", {}, 1, resources, "log")
    (first, there, memory, rest), (second, *_) = rule.seen
    assert there and memory == 10 and rest == ("log",) and first != second
    assert os.path.dirname(first) == str(tmp_path) and resources["tmpdir"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_rule_that_runs_nothing_stays_as_it_is():
    rule = Rule()
    rule.run_func = None
    give_own_folder(rule, "results")
    assert rule.run_func is None


def test_what_killed_processes_left_is_removed_and_what_is_being_written_stays(tmp_path):
    results, temporary = tmp_path / "results", tmp_path / "tmp"
    place, host, gone = results / "fit/sub-P01", socket.gethostname(), killed_pid()
    place.mkdir(parents=True)
    (temporary / f"myot2-job-{host}-{gone}-abc").mkdir(parents=True)
    (temporary / f"myot2-job-{host}-{gone}-abc/scratch").write_text("x")
    (place / f".writing-{host}-{gone}-map.nii.gz").write_text("half")
    (place / f".writing-{host}-{gone}-dicom").mkdir()
    (place / f".writing-{host}-{gone}-dicom/IM1").write_text("half")
    (place / ".writing-elsewhere-1-map.nii.gz").write_text("another machine's")
    old = place / ".writing-elsewhere-2-map.nii.gz"
    old.write_text("another machine's of last week")
    os.utime(old, (1e9, 1e9))
    (place / "map.nii.gz").write_text("whole")
    with own_folder(temporary) as own, atomic(place / "new.nii.gz") as writing:
        writing.write_text("half")
        assert len(remove_leftovers(results, temporary)) == 4
        assert own.is_dir() and writing.exists()
    assert sorted(path.name for path in place.iterdir()) == [
        ".writing-elsewhere-1-map.nii.gz",
        "map.nii.gz",
        "new.nii.gz",
    ]
    assert list(temporary.iterdir()) == []


def test_the_name_of_a_file_that_is_written_tells_the_process(tmp_path):
    path = temporary_beside(tmp_path / "map.nii.gz")
    assert path.parent == tmp_path and str(os.getpid()) in path.name and path.name.endswith("map.nii.gz")


def test_results_from_the_future_are_dated_as_of_now_and_a_person_s_own_files_stay(tmp_path):
    results, own = tmp_path / "results", tmp_path / "dicom"
    results.mkdir()
    for path in (results / "map", results / "old", own):
        path.touch()
        os.utime(path, (4e9, 4e9))
    os.utime(results / "old", (1e9, 1e9))
    date_back([results / "map", results / "old", own, results / "none"], below=results)
    assert 1e9 < (results / "map").stat().st_mtime < 4e9
    assert (results / "old").stat().st_mtime == 1e9 and own.stat().st_mtime == 4e9
