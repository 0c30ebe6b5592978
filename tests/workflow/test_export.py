"""What the configuration asks of export, and nothing more, is planned."""

from __future__ import annotations

import pytest

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
