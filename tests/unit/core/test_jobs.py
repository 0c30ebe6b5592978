"""What jobs inherit: this Python, this package, one core."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import myot2
from myot2.core.jobs import THREAD_LIMITS, prepare_environment


def test_a_job_finds_the_running_python_and_the_package_and_is_held_to_one_core(monkeypatch):
    for name in ("PATH", "PYTHONPATH", *THREAD_LIMITS):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    prepare_environment()
    job = subprocess.run(
        ["sh", "-c", "python -c 'import sys, myot2; print(sys.prefix); print(myot2.__file__)'; echo $OMP_NUM_THREADS"],
        capture_output=True,
        text=True,
        check=True,
    )
    prefix, package, threads = job.stdout.split()
    assert (Path(prefix), Path(package), threads) == (Path(sys.prefix), Path(myot2.__file__), "1")
