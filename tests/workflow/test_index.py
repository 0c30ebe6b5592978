"""From a tree of DICOM files to a running cohort: index, fill in, run; and what a change of the edited table reruns."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from myot2.core.images import array_of, read_image
from myot2.core.tables import read_table, write_tsv

SETTINGS = {"ingest": {"series": "config/series.tsv", "key": "config/identity.key"}}


@pytest.fixture(scope="module")
def indexed(project, examined):
    """The configuration of a cohort that `rule index` proposed from the four simulated people."""
    command = [sys.executable, "-m", "snakemake", "-c1", "-s", "rules/index.smk"]
    tree = "dicom=results/four/simulate"
    run = subprocess.run([*command, "--config", tree], cwd=project.folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "of 4 people in 4 visits" in run.stdout
    index = project.folder / "results/index"
    table = read_table(index / "participants.tsv").assign(group=["patient", "patient", "control", "control"])
    write_tsv(table, project.folder / "cohort.tsv")
    write_tsv(read_table(index / "series.tsv"), project.folder / "config/series.tsv")
    return project.configure("indexed", SETTINGS, (project.folder / "cohort.tsv").read_text())


def scans_to_ingest(project, configuration):
    plan = project.snakemake(configuration, "--dry-run", "--until", "ingest")
    return set(re.findall(r"^rule ingest:$.*?wildcards: [^\n]*scan=(\S+)", plan, re.DOTALL | re.MULTILINE))


def test_a_cohort_that_was_indexed_is_ingested_as_the_tables_say(project, indexed):
    project.snakemake(indexed, "--until", "ingest")
    for row in read_table(project.folder / "cohort.tsv").itertuples():
        scan, source = f"sub-{row.participant_id}", row.dicom.split("/")[3]
        for name in ("T2map", "echo-10_MESE", "acq-dixonin_T2w"):
            image = project.folder / f"results/indexed/ingest/{scan}/anat/{scan}_{name}.nii.gz"
            expected = project.folder / f"results/four/ingest/{source}/anat/{source}_{name}.nii.gz"
            assert (array_of(read_image(image)) == array_of(read_image(expected))).all()
        taken = read_table(image.with_name(f"{scan}_series.tsv")).query("taken == 'yes'")
        assert set(taken["reason"]) == {"taken by the edited table"}
        assert len(taken) == 6


def test_a_changed_row_of_the_edited_table_reruns_the_ingest_of_its_scan_alone(project, indexed):
    project.snakemake(indexed, "--until", "ingest")
    assert scans_to_ingest(project, indexed) == set()
    table = read_table(project.folder / "config/series.tsv")
    row = table.query("participant_id == '003' and role == 'mese'").index[0]
    write_tsv(table.assign(taken=table["taken"].where(table.index != row, "no")), project.folder / "config/series.tsv")
    assert scans_to_ingest(project, indexed) == {"sub-003"}
    write_tsv(table, project.folder / "config/series.tsv")


def test_a_series_table_that_is_not_there_is_told_before_anything_runs(project):
    elsewhere = {"ingest": SETTINGS["ingest"] | {"series": "config/lost.tsv", "key": "config/demo/key"}}
    table = "participant_id\tdicom\tgroup\n01\tscans\tpatient\n"
    said = project.snakemake(project.configure("nowhere", elsewhere, table), "--dry-run", status=1)
    assert "config/lost.tsv: expected a table as .tsv, .csv or .xlsx; found no such file." in said
