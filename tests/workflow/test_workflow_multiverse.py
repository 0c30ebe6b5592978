"""The multiverse in the workflow: further T2 maps beside the run's own, corrected masks, and what runs again."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest
import yaml
from test_bids_dataset import errors

pytestmark = pytest.mark.workflow

TABLE = "results/multiverse/analyse/multiverse.tsv"
CHOICES = ["mask", "t2", "statistic", "aggregation"]


@pytest.fixture(scope="module")
def multiverse(project, finished, four_people) -> str:
    """The configuration of a run of the four on their labels, with a further fit and one corrected mask."""
    table = pd.DataFrame([row.split("\t") for row in four_people.splitlines()])
    table = table.set_axis(table.iloc[0], axis=1).iloc[1:].drop(columns="dicom")
    folder = project.folder / "corrections/multiverse"
    folder.mkdir(parents=True)
    given = "results/four/segment/sub-{participant_id}/anat/sub-{participant_id}_dseg.nii.gz"
    shutil.copyfile(project.folder / given.format(participant_id="P01"), folder / "sub-P01_dseg.nii.gz")
    content = {
        "ingest": {"source": "bids", "dataset": "results/four/ingest"},
        "segment": {"backend": "labels", "given": given},
        "analysis": {"multiverse": {"t2": ["mono"]}},
        "review": {"folder": "corrections/multiverse"},
    }
    configuration = project.configure("multiverse", content, table.to_csv(sep="\t", index=False))
    project.snakemake(configuration, TABLE, "results/multiverse/fit/dataset_description.json")
    return configuration


def of_person(project, person: str, end: str = "") -> pd.DataFrame:
    path = project.folder / f"results/multiverse/measure/sub-{person}/anat/sub-{person}{end}_variants.tsv"
    return pd.read_csv(path, sep="\t").set_index(CHOICES)


def measures_of(project, run: str) -> pd.Series:
    cohort = pd.read_csv(project.folder / f"results/{run}/measure/cohort.tsv", sep="\t")
    thigh = cohort[(cohort["region"] == "thigh") & (cohort["side"] == "both")]
    return thigh.set_index("participant_id")["t2_mean_ms"]


def test_every_variant_that_can_be_had_is_compared_and_the_others_say_why(project, multiverse):
    table = pd.read_csv(project.folder / TABLE, sep="\t").set_index(CHOICES)
    assert len(table) == 3 * 2 * 3 * 3 and (table["main"] == "yes").sum() == 1
    assert table.loc[("given", "vendor-map", "mean", "voxel"), "main"] == "yes"
    assert table["auc"].notna().groupby("mask").sum().to_dict() == {"given": 18, "eroded": 18, "corrected": 0}
    assert set(table.loc["corrected", "reason"]) == {"a group is empty"}, "one patient has a corrected mask"
    means = measures_of(project, "multiverse")
    assert table["patient_mean_ms"].iloc[0] == pytest.approx(means[["P01", "P02"]].mean(), rel=1e-9)


def test_a_further_map_has_a_name_of_its_own_and_the_runs_result_keeps_its_name_and_value(project, multiverse):
    folder = project.folder / "results/multiverse/fit"
    names = {path.name for path in (folder / "sub-P01/anat").glob("*.nii.gz")}
    assert {"sub-P01_T2map.nii.gz", "sub-P01_desc-mono_T2map.nii.gz", "sub-P01_desc-monostatus_dseg.nii.gz"} <= names
    own = project.folder / "results/four/fit/sub-P01/anat/sub-P01_T2map.nii.gz"
    assert (folder / "sub-P01/anat/sub-P01_T2map.nii.gz").read_bytes() == own.read_bytes()
    assert errors(folder) == []
    for person, t2 in measures_of(project, "multiverse").items():
        assert of_person(project, person).loc[("given", "vendor-map", "mean", "voxel"), "t2_ms"] == t2
    fitted = of_person(project, "P01", "_desc-mono").loc[("given", "mono", "mean", "voxel"), "t2_ms"]
    assert fitted != of_person(project, "P01").loc[("given", "vendor-map", "mean", "voxel"), "t2_ms"]


def test_a_corrected_mask_that_changes_nothing_gives_the_very_values_of_the_runs_own(project, multiverse):
    for end in ("", "_desc-mono"):
        found = of_person(project, "P01", end)["t2_ms"]
        assert found.loc["corrected"].tolist() == found.loc["given"].tolist()
    assert set(of_person(project, "P02").loc["corrected", "reason"]) == {"no corrected label map is given"}


def planned_with(project, configuration: str, **changes) -> set[str]:
    """The rules that a run with changed settings of the multiverse would execute."""
    path = project.folder / configuration
    text = path.read_text()
    content = yaml.safe_load(text)
    content["analysis"]["multiverse"].update(changes)
    path.write_text(yaml.safe_dump(content))
    planned = project.planned(configuration)
    path.write_text(text)
    return planned


VARIANTS = {"fit_further", "measure_variants", "compare_variants", "apply_decision", "align_corrected"}
MAIN_PATH = {"take_bids", "take_labels", "align", "take_vendor_map", "fat_fraction", "measure", "collect"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"statistics": ["median"]}, {"compare_variants"}),
        ({"masks": []}, {"compare_variants"}),
        ({"t2": ["mono", "epg"]}, {"fit_further", "measure_variants", "compare_variants"}),
    ],
)
def test_a_changed_wish_runs_only_what_it_adds(project, multiverse, changes, expected):
    planned = planned_with(project, multiverse, **changes)
    assert planned & VARIANTS == expected
    assert not planned & MAIN_PATH


def test_a_new_corrected_mask_runs_its_own_scan_and_the_comparison_alone(project, multiverse):
    corrected = project.folder / "corrections/multiverse/sub-C01_dseg.nii.gz"
    shutil.copyfile(project.folder / "results/four/segment/sub-C01/anat/sub-C01_dseg.nii.gz", corrected)
    plan = project.snakemake(multiverse, "--dry-run", TABLE)
    corrected.unlink()
    counts = {name: plan.count(f"rule {name}:") for name in VARIANTS | MAIN_PATH}
    once = {"apply_decision": 1, "align_corrected": 1, "measure_variants": 2, "compare_variants": 1}
    assert {name: count for name, count in counts.items() if count} == once


def test_the_picture_of_a_scan_shows_the_corrected_mask_that_is_measured(project, multiverse):
    for person, there in (("P01", True), ("P02", False)):
        picture = f"results/multiverse/report/sub-{person}/anat/sub-{person}_panel.png"
        plan = project.snakemake(multiverse, "--dry-run", "--printshellcmds", picture)
        corrected = f"results/multiverse/align/sub-{person}/anat/sub-{person}_space-T2_desc-corrected_dseg.nii.gz"
        assert "scripts/draw_panel.py" in plan and (f"--corrected-labels {corrected}" in plan) == there


def test_everybodys_t2_by_each_mask_is_held_side_by_side(project, multiverse):
    masks = pd.read_csv(project.folder / "results/multiverse/analyse/masks.tsv", sep="\t")
    wide = masks.pivot(index="participant_id", columns="mask", values="t2_ms")
    assert wide.loc["P01", "corrected"] == wide.loc["P01", "given"] and wide["corrected"].notna().sum() == 1
    assert dict(wide["given"]) == pytest.approx(dict(measures_of(project, "multiverse")), rel=1e-9)


def test_the_default_run_fits_nothing_more(project, finished):
    maps = {path.name for path in (project.folder / "results/four/fit/sub-P01/anat").glob("*T2map.nii.gz")}
    assert maps == {"sub-P01_T2map.nii.gz"}
    table = pd.read_csv(project.folder / "results/four/analyse/multiverse.tsv", sep="\t")
    assert set(table["t2"]) == {"vendor-map"} and set(table["mask"]) == {"automatic", "eroded", "corrected"}
    assert set(table.loc[table["mask"] == "corrected", "reason"]) == {"no corrected label map is given"}
