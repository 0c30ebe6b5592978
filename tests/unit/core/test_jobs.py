"""What jobs inherit: this Python, this package, one core."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import myot2
from myot2.core import jobs
from myot2.core.jobs import THREAD_LIMITS, prepare_environment


def test_a_job_finds_the_running_python_and_the_package_and_is_held_to_one_core(monkeypatch):
    for name in ("PATH", "PYTHONPATH", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", *THREAD_LIMITS):
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


def test_compiled_code_is_kept_below_the_working_folder_and_apart_for_each_text_of_the_package(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "src/myot2"
    shutil.copytree(
        Path(myot2.__file__).parent / "core", package / "core", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(jobs, "__file__", str(package / "core/jobs.py"))
    folders = [jobs.compiled_folder()]
    constant = package / "core/voxel_status.py"
    for text in (constant.read_text().replace("LOW_SIGNAL = 2", "LOW_SIGNAL = 7"), constant.read_text()):
        constant.write_text(text)
        folders.append(jobs.compiled_folder())
    assert folders[0] == folders[2] != folders[1]
    assert all(folder.is_relative_to(tmp_path) for folder in folders)


def test_jobs_that_compile_at_the_same_time_agree_and_later_ones_compile_nothing(monkeypatch, tmp_path):
    program = (
        "import numpy as np; from myot2.fit import mono, mono_kernel;"
        "signal = np.exp(-np.arange(1, 5)[:, None] / np.linspace(2, 6, 600)).astype(np.float32);"
        "fit = mono.fit_mono(signal, np.arange(1, 5) * 10.0);"
        "print(fit.t2_ms.tobytes().hex(), len(mono_kernel.least_squares.stats.cache_misses))"
    )
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def start() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)

    racing = [start() for _ in range(2)]
    printed = {job.communicate()[0].split()[0] for job in racing}
    values, misses = start().communicate()[0].split()
    assert printed == {values} and misses == "0"


def test_nothing_of_a_job_is_kept_in_the_home_folder(monkeypatch, tmp_path):
    """Where compiled code is kept another test looks at; settings that the home's owner keeps change no figure."""
    home = tmp_path / "home"
    (home / ".config/matplotlib").mkdir(parents=True)
    (home / ".config/matplotlib/matplotlibrc").write_text("font.size: 31\n")
    before = sorted(home.rglob("*"))
    for name in ("PATH", "PYTHONPATH", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", *THREAD_LIMITS):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    prepare_environment()
    program = "import matplotlib.font_manager; print(matplotlib.rcParams['font.size'])"
    job = subprocess.run(["python", "-c", program], capture_output=True, text=True, check=True)
    assert job.stdout.split() == ["10.0"]
    assert sorted(home.rglob("*")) == before
    assert list((tmp_path / ".snakemake/matplotlib").glob("fontlist-*.json"))
