"""The workflow as a user runs it: from DICOM to report, and what runs again after a change."""

from __future__ import annotations

import io
import json
import shutil

import pandas as pd
import pydicom
import pytest
import yaml

pytestmark = pytest.mark.workflow

STAGES_AFTER_FIT = {"measure", "collect", "analyse", "figures", "report"}


def test_one_command_makes_the_report_and_every_stage_leaves_its_files(project, finished):
    results = project.folder / "results/four"
    assert (results / "report/report.html").stat().st_size > 100_000
    assert (results / "report/report.pdf").read_bytes().startswith(b"%PDF")
    assert (results / "report/figures/roc.pdf").read_bytes().startswith(b"%PDF")
    assert "sub-P01" in (results / "report/participants/sub-P01.html").read_text(encoding="utf-8")
    for stage, name in [
        ("ingest", "sub-P01_echo-10_MESE.nii.gz"),
        ("segment", "sub-P01_dseg.nii.gz"),
        ("align", "sub-P01_space-T2_dseg.nii.gz"),
        ("fit", "sub-P01_T2map.nii.gz"),
        ("measure", "sub-P01_muscles.tsv"),
    ]:
        assert (results / stage / "sub-P01/anat" / name).stat().st_size > 0


def test_the_second_run_has_nothing_to_do(project, finished):
    assert "Nothing to be done" in project.snakemake(finished)


def test_a_change_in_fit_runs_fit_and_what_follows_and_its_return_runs_nothing(project, finished):
    modules = sorted((project.folder / "src/myot2/fit").glob("*.py"))
    texts = {module: module.read_text() for module in modules}
    for module, text in texts.items():
        module.write_text(text + "\n# a remark\n")
    planned = project.planned(finished)
    assert {"take_vendor_map", *STAGES_AFTER_FIT} <= planned
    assert not planned & {"simulate", "ingest", "segment", "align"}
    for module, text in texts.items():  # as `git checkout` does: the same text, a new time
        module.write_text(text)
    assert project.planned(finished) == set()


def test_a_change_in_segment_leaves_the_fit_alone(project, finished):
    module = project.folder / "src/myot2/segment/inference.py"
    text = module.read_text()
    module.write_text(text + "\n# a remark\n")
    planned = project.planned(finished)
    module.write_text(text)
    assert {"segment", "align", *STAGES_AFTER_FIT} <= planned
    assert not planned & {"simulate", "ingest", "take_vendor_map"}


def test_a_changed_setting_runs_only_what_it_concerns(project, finished):
    path = project.folder / finished
    text = path.read_text()
    path.write_text(yaml.safe_dump({**yaml.safe_load(text), "measure": {"erosion_mm": 2.0}}))
    planned = project.planned(finished)
    path.write_text(text)
    assert {"measure", "collect"} <= planned
    assert not planned & {"simulate", "ingest", "segment", "align", "take_vendor_map"}


def test_no_identity_leaves_ingest(project, finished):
    results = project.folder / "results/four"
    secrets = [
        str(secret).encode()
        for path in results.glob("simulate/*/truth/identity.json")
        for secret in json.loads(path.read_text()).values()
        if len(str(secret)) > 3
    ]
    assert len(secrets) >= 8
    for path in results.rglob("*"):
        if path.is_file() and "simulate" not in path.relative_to(results).parts:
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret in content], path


@pytest.mark.parametrize("source", ["echoes", "vendor-map"])
def test_bad_input_stops_that_participant_and_the_cohort_goes_on(project, finished, four_people, source):
    """The same examinations as a scanner's: one with a slice gone, one with no folder at all."""
    scanner, name = project.folder / "scanner", f"gaps-{source}"
    for person in ("P01", "P02", "C01"):
        folder = project.folder / f"results/four/simulate/sub-{person}/dicom"
        shutil.copytree(folder, scanner / person, dirs_exist_ok=True)
    table = pd.read_csv(io.StringIO(four_people), sep="\t", dtype=str, keep_default_na=False)
    table["dicom"] = [f"scanner/{person}" for person in table["participant_id"]]
    remove_one_slice_of_the_t2_series(scanner / "P02")
    content = {"fit": {"source": source}, "report": {"title": "A cohort with gaps"}}
    configuration = project.configure(name, content, table.to_csv(sep="\t", index=False))
    project.snakemake(configuration)
    flow = pd.read_csv(project.folder / f"results/{name}/measure/flow.tsv", sep="\t").set_index("participant_id")
    assert flow["status"].to_dict() == {"P01": "measured", "P02": "stopped", "C01": "measured", "C02": "stopped"}
    assert set(flow.loc[["P02", "C02"], "stage"]) == {"ingest"}
    html = (project.folder / f"results/{name}/report/report.html").read_text()
    for person in ("P02", "C02"):
        assert flow.loc[person, "found"].split()[0] in html
    assert project.planned(configuration) == set()


def remove_one_slice_of_the_t2_series(folder):
    """Delete the files at the second lowest slice position of the multi-echo series: all its echoes, and the T2 map."""
    slices = {}
    for path in sorted(folder.rglob("IM*")):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if header.RepetitionTime == 6690:
            slices.setdefault(float(header.ImagePositionPatient[2]), []).append(path)
    for path in slices[sorted(slices)[1]]:
        path.unlink()


@pytest.mark.parametrize(
    ("content", "table", "message"),
    [
        ({"ftt": {}}, None, "nearest: fit"),
        ({}, "participant_id\tgroup\tdicom\nP01\tpatient\tx\nP01\tpatient\ty\n", "P01"),
        ({}, "participant_id\tgroup\tdicom\nP-1\tpatient\tx\n", "P-1"),
    ],
)
def test_a_wrong_configuration_or_table_ends_before_any_job_with_the_reason(project, content, table, message):
    default = "participant_id\tgroup\tdicom\nP01\tpatient\tx\n"
    configuration = project.configure("wrong", content, table or default)
    printed = project.snakemake(configuration, status=1)
    assert message in printed
    assert "Traceback" not in printed
