"""The results are the same bytes whatever the machine: cores, place, language, time zone, hash seed, umask, a crash."""

from __future__ import annotations

import os
import re
import shutil
import signal

import pytest
from cohort import write_cohort
from conftest import PEOPLE
from small_run import SmallRun, copy_project, wait_for

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def usual(prepared) -> SmallRun:
    """The run as it usually is, to the report."""
    run = prepared.copy(prepared.folder.parent / "usual")
    run.run(cores="2", LC_ALL="C.UTF-8", TZ="UTC", PYTHONHASHSEED="0")
    return run


def test_a_crashed_run_elsewhere_in_another_language_time_zone_and_umask_ends_in_the_same_bytes(
    root, usual, tmp_path_factory, tmp_path
):
    """From the beginning, in a longer path with a blank in it, on one core; killed in the middle, and resumed."""
    folder = tmp_path_factory.mktemp("another place") / "with a longer name than the usual one"
    copy_project(root, folder)
    run = SmallRun(folder, write_cohort(folder, PEOPLE))
    other = {"cores": "1", "LC_ALL": "POSIX", "LANG": "de_DE.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}
    before = os.umask(0o077)
    try:
        marker = tmp_path / "marker"
        hang = {"program": "resample_labels.py", "word": "sub-P02", "do": "hang", "value": str(marker)}
        process = run.start(fault=hang, **other)
        wait_for(marker)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        run.run("--unlock")
        run.run(**other)
    finally:
        os.umask(before)
    assert run.manifest() == usual.manifest()
    assert "report/report.pdf" in run.manifest()
    assert (run.results / "audit/results.sha256").read_bytes() == (usual.results / "audit/results.sha256").read_bytes()
    assert run.strays() == []


def test_what_is_deleted_of_a_finished_run_is_made_again(usual, tmp_path):
    """An intermediate, and one table of the cohort: Snakemake alone would miss neither."""
    run = usual.copy(tmp_path / "run")
    run.of("P02", "align", "space-T2_dseg.json").unlink()
    (run.results / "measure/cohort.tsv").unlink()
    printed = run.run()
    assert "align 1/1 sub-P02" in printed and "take_bids" not in printed
    assert run.manifest() == usual.manifest()
    assert "Nothing to be done" in run.run()


def test_a_new_scan_runs_itself_and_what_is_of_the_cohort(usual, tmp_path):
    run = usual.copy(tmp_path / "run")
    write_cohort(run.folder, {**PEOPLE, "C02": "control"})
    planned = run.run("--dry-run").splitlines()
    scans = re.findall(r"\bscan=([\w-]+)", "\n".join(line for line in planned if "wildcards: " in line))
    assert len(scans) >= 6 and set(scans) == {"sub-C02"}
    run.run("measures")
    assert (run.results / "measure/flow.tsv").read_text().count("\tmeasured\t") == 4
    shutil.rmtree(run.folder)
