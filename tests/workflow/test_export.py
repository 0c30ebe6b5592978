"""What the configuration asks of export, and nothing more, is planned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from myot2.core.images import array_of, read_image

pytestmark = pytest.mark.workflow

SIMULATE = {"simulate": {"preset": "demo", "seed": 20230}, "ingest": {"key": "config/demo/key"}}
MADE = {"export_scan_dicom", "write_page"}


@pytest.mark.parametrize(
    ("asked", "planned"),
    [({}, set()), ({"dicom": True}, {"export_scan_dicom"}), ({"dicom": True, "page": True}, MADE)],
    ids=["nothing", "dicom", "both"],
)
def test_all_asks_for_what_the_configuration_asks_for(project, four_people, asked, planned):
    configuration = project.configure("asked", {**SIMULATE, "export": asked}, four_people.replace("/four/", "/asked/"))
    assert project.planned(configuration) & MADE == planned


def test_the_target_without_the_setting_says_what_to_set(project, four_people):
    configuration = project.configure("unasked", SIMULATE, four_people.replace("/four/", "/unasked/"))
    said = project.snakemake(configuration, "--dry-run", "export_dicom", status=1)
    assert "export_dicom needs export.dicom: true" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"ingest": {"key": None}, "export": {"dicom": True}}, "ingest.key: null"),
        (
            {"ingest": {"source": "bids", "dataset": "x", "key": "config/demo/key"}, "export": {"dicom": True}},
            "ingest.source: bids",
        ),
    ],
)
def test_dicom_without_key_or_without_dicom_sources_is_refused(project, four_people, content, said):
    configuration = project.configure("refused", content, four_people)
    assert said in project.snakemake(configuration, "--dry-run", status=1)


def test_the_targets_for_other_tools_and_pages_make_files_of_everybody(project, finished):
    project.snakemake(finished, "other_tools", "pages")
    results = project.folder / "results/four"
    scans = [f"sub-{person}" for person in ("P01", "P02", "C01", "C02")]

    pages = [results / f"export/pages/{scan}/anat/{scan}_page.pdf" for scan in scans]
    assert all(page.read_bytes().startswith(b"%PDF-") for page in pages)

    written = pd.read_excel(results / "export/tables/muscles.xlsx", sheet_name=0)
    assert set(written["participant_id"]) == {scan.removeprefix("sub-") for scan in scans}

    numbers = pd.read_csv(project.folder / "config/labels.tsv", sep="\t").set_index("index")["musclemap"]
    for scan in scans:
        own = array_of(read_image(results / f"segment/{scan}/anat/{scan}_dseg.nii.gz"))
        theirs = array_of(read_image(results / f"export/labels/{scan}/anat/{scan}_desc-musclemap_dseg.nii.gz"))
        assert np.array_equal(theirs, np.array([0, *numbers])[own])
