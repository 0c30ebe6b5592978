"""Snakemake itself looks at ready jobs when one has ended, and again only where its limit of jobs holds some back."""

from __future__ import annotations

import re
import subprocess
import sys

JOBS, SECONDS = 4, 0.7
SNAKEFILE = f"""
from myot2.core.scheduling import look_when_something_changed

rule all:
    input: expand("{{number}}", number=range({JOBS}))

rule one:
    output: "{{number}}"
    shell: "sleep {SECONDS}; touch {{output}}"
"""
ONSTART = """
onstart:
    look_when_something_changed(workflow.scheduler)
"""


def looks(folder, snakefile: str, *options: str) -> tuple[int, int]:
    """How often a run looked at ready jobs, and how many jobs it did."""
    folder.mkdir()
    (folder / "Snakefile").write_text(snakefile)
    command = [sys.executable, "-m", "snakemake", "-c1", "--verbose", *options]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    done = sum((folder / str(number)).exists() for number in range(JOBS))
    return len(re.findall(r"Ready jobs: \d+", told.stdout + told.stderr)), done


def test_it_looks_once_for_each_job_and_without_this_more_often(tmp_path):
    count, done = looks(tmp_path / "ours", SNAKEFILE + ONSTART)
    assert done == JOBS and count <= JOBS + 1
    assert looks(tmp_path / "theirs", SNAKEFILE)[0] > JOBS + 1, "Snakemake does so by itself: this is no longer needed"


def test_jobs_that_the_limit_held_back_are_started_all_the_same(tmp_path):
    assert looks(tmp_path / "run", SNAKEFILE + ONSTART, "--max-jobs-per-timespan", "1/1s", "-c5")[1] == JOBS
