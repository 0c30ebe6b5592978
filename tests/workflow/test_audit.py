"""The audit of the workflow's own runs: every rule is recorded, and what happens to the files afterwards is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from myot2.core.files import sha256
from myot2.core.tables import read_table

pytestmark = pytest.mark.workflow


def audit(project, configuration: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program in the project's folder."""
    return subprocess.run(
        [sys.executable, "scripts/audit.py", "--configfile", configuration, *arguments],
        cwd=project.folder,
        env=project.environment(),
        capture_output=True,
        text=True,
    )


@pytest.fixture
def lines(project, finished):
    """The ledger's records of the run of four."""
    ledger = project.folder / "results/four/audit/ledger.jsonl"
    return [json.loads(line)["record"] for line in ledger.read_text().splitlines()]


def test_a_clean_run_has_nothing_wrong(project, finished):
    done = audit(project, finished, "verify")
    assert done.returncode == 0 and done.stdout.startswith("Nothing is wrong."), done.stdout


def test_every_file_of_the_results_is_a_recorded_job_s(project, finished, lines):
    made = {entry["path"] for record in lines for entry in record["outputs"]}
    assert {"<results>/report/configuration.json", "<results>/report/report.html"} <= made  # one rule has no program
    states = {record["state"] for record in lines}
    assert states == {"ended"} and {record["exit"] for record in lines} == {0}


def test_the_report_s_footer_names_the_list_of_results_and_the_ledger_has_it(project, finished, lines):
    results = project.folder / "results/four"
    seal = sha256(results / "audit/results.sha256")
    assert f"<code>{seal}</code>" in (results / "report/report.html").read_text(encoding="utf-8")
    assert seal in {entry["sha256"] for record in lines for entry in record["outputs"]}


def test_the_auc_leads_to_every_dicom_file_of_everybody(project, finished):
    found = set(audit(project, finished, "why", "roc.auc").stdout.split())
    folder = project.folder / "results/four/simulate"
    files = [path for path in folder.glob("sub-*/dicom/**/*") if path.is_file() and path.name[0] != "."]
    assert len(files) > 400
    for path in files:
        assert f"<results>/{path.relative_to(project.folder / 'results/four').as_posix()}" in found


def test_the_table_says_that_everything_of_everybody_is_done(project, finished):
    table = read_table(project.folder / "results/four/audit/cohort.tsv").set_index("scan")
    assert list(table.index) == ["sub-C01", "sub-C02", "sub-P01", "sub-P02"]
    assert set(table.to_numpy().ravel()) == {"done"}


def test_an_intermediate_that_was_edited_with_its_time_kept_is_named(project, finished):
    """Snakemake takes it for what it was."""
    path = project.folder / "results/four/measure/sub-P01/anat/sub-P01_muscles.tsv"
    content, before = path.read_bytes(), path.stat()
    path.write_bytes(content.replace(b"P01", b"P02"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert project.planned(finished) == set()
    done = audit(project, finished, "verify", "--no-table")
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert done.returncode == 1
    assert "changed: <results>/measure/sub-P01/anat/sub-P01_muscles.tsv" in done.stdout


def test_a_changed_module_and_a_changed_setting_are_named(project, finished):
    module, configuration = project.folder / "src/myot2/align/__init__.py", project.folder / finished
    text, settings = module.read_text(), configuration.read_text()
    module.write_text(text + "# a remark\n")
    configuration.write_text(settings + "fit:\n  t1_ms: 1300\n")
    done = audit(project, finished, "verify", "--no-table")
    module.write_text(text)
    configuration.write_text(settings)
    assert "stale: <results>/align/sub-P01/anat/" in done.stdout
    assert "src/myot2/align/__init__.py has changed" in done.stdout
    assert "parameter: fit.t1_ms: 1300.0 in the configuration, " in done.stdout
    assert "stale: <results>/segment" not in done.stdout


def test_a_run_that_is_killed_leaves_a_start_without_an_end_and_the_next_run_takes_it_up(project, four_people):
    configuration = project.configure("killed", {"simulate": {"preset": "demo", "seed": 20230}}, four_people)
    target = "results/killed/simulate/sub-P01/dicom"
    table = project.folder / "config/killed.tsv"
    table.write_text(table.read_text().replace("results/four/", "results/killed/"))
    command = [sys.executable, "-m", "snakemake", "-c1", target, "--nolock", "--configfile", configuration]
    run = subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    records = project.folder / "results/killed/audit/records"
    waited = time.monotonic()
    while not list(records.glob("*.json")) and time.monotonic() - waited < 60:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    (path,) = records.glob("*.json")
    assert json.loads(path.read_text())["state"] == "started"
    found = audit(project, configuration, "verify", "--no-table").stdout
    assert "unfinished: <results>/simulate/sub-P01/dicom: simulate was started at" in found
    project.snakemake(configuration, target, "--nolock")
    ledger = (project.folder / "results/killed/audit/ledger.jsonl").read_text().splitlines()
    assert [json.loads(line)["record"]["state"] for line in ledger] == ["started", "ended"]
    assert audit(project, configuration, "verify", "--no-table").returncode == 0


def test_settings_given_beside_the_file_are_those_of_the_run_and_a_change_of_the_file_is_still_found(
    project, four_people
):
    configuration = project.configure("called", {"fit": {"t1_ms": 1300}}, four_people)
    given = ["--config", "results=results/beside", "report={title: Another}", "fit={fat: {t1_ms: 400}}"]
    project.snakemake(configuration, "results/beside/report/configuration.json", *given)
    beside = ("--config", "results=results/beside")
    done = audit(project, configuration, *beside, "verify")
    assert done.returncode == 0 and '"title": "Another"' in done.stdout, done.stdout + done.stderr
    path = project.folder / configuration
    path.write_text(path.read_text().replace("1300", "1200"))
    done = audit(project, configuration, *beside, "verify")
    assert "parameter: fit.t1_ms: 1200.0 in the configuration, 1300.0 when it was run\n1 findings" in done.stdout
    assert audit(project, configuration, *beside, "--config", "fit={t1_ms: 1300}", "verify").returncode == 0
    assert "expected KEY=VALUE" in audit(project, configuration, "--config", "results", "verify").stderr


def test_the_audit_table_is_a_page_that_the_report_leads_to(project, finished):
    results = project.folder / "results/four"
    assert '<a href="../audit/cohort.html">' in (results / "report/report.html").read_text(encoding="utf-8")
    page = (results / "audit/cohort.html").read_text(encoding="utf-8")
    for person in ("C01", "C02", "P01", "P02"):
        assert f'<a href="../report/participants/sub-{person}.html">' in page
        assert (results / f"report/participants/sub-{person}.html").is_file()


def test_the_packed_crate_holds_the_results_and_not_what_stays_at_the_site(project, finished):
    done = audit(project, finished, "crate", "--licence", "CC-BY-4.0", "--pack", "crate.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(project.folder / "crate.zip") as packed:
        names = set(packed.namelist())
    assert {
        "ro-crate-metadata.json",
        "README.md",
        "report/report.html",
        "audit/ledger.jsonl",
        "audit/cohort.html",
    } <= names
    assert not [name for name in names if "private" in name]
    assert audit(project, finished, "verify", "--no-table").returncode == 0


def test_what_cannot_be_audited_is_told_with_another_status(project, finished):
    assert audit(project, "config/none.yaml", "verify").returncode == 2
    assert "no such file: roc.aux" in audit(project, finished, "why", "roc.aux").stderr
    assert audit(project, finished, "diff", "results/four", "results/four").returncode == 0
    assert audit(project, finished, "diff", "results/four", "config").returncode == 2
