"""The results are BIDS datasets, and a BIDS or Muscle-BIDS dataset can stand in place of DICOM."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from myot2.core.labels import read_labels

pytestmark = pytest.mark.workflow

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")
PERSON = "P01"


@pytest.fixture(scope="module")
def one_without_dicom(four_people) -> str:
    """The participants table of one of the four, without the column of DICOM folders."""
    rows = [row.split("\t") for row in four_people.splitlines()]
    kept = [row for row in rows if row[0] in ("participant_id", PERSON)]
    place = rows[0].index("dicom")
    return "\n".join("\t".join(row[:place] + row[place + 1 :]) for row in kept) + "\n"


def errors(folder: Path) -> list[dict]:
    """What the validator of the BIDS community refuses."""
    if not VALIDATOR.exists():
        pytest.skip("bids-validator-deno is not installed beside the running Python (make venv installs it)")
    run = subprocess.run([VALIDATOR, "--format", "json", folder], capture_output=True, text=True)
    return [issue for issue in json.loads(run.stdout)["issues"]["issues"] if issue["severity"] == "error"]


@pytest.mark.parametrize("stage", ["ingest", "segment", "align", "fit"])
def test_the_validator_finds_no_error_in(project, finished, stage):
    assert errors(project.folder / "results/four" / stage) == []


def test_every_source_that_a_derivative_names_is_a_file_of_the_dataset_that_it_links(project, finished):
    results = project.folder / "results/four"
    named = 0
    for stage in ("segment", "align", "fit"):
        links = json.loads((results / stage / "dataset_description.json").read_text())["DatasetLinks"]
        for sidecar in (results / stage).glob("sub-*/anat/*.json"):
            for uri in json.loads(sidecar.read_text())["Sources"]:
                _, dataset, path = uri.split(":")
                assert (results / stage / links[dataset] / path).is_file()
                named += 1
    # labels, of three Dixon images; labels and three Dixon images on the T2 grid; T2, and the fraction of the signal
    # and of the protons
    assert named == 4 * (3 + (3 + 3 * 2) + (1 + 3 + 4))


def test_the_maps_of_a_phase_graph_fit_are_a_valid_derivative_and_its_status_decides_what_is_measured(
    project, finished, one_without_dicom
):
    content = {
        "ingest": {"source": "bids", "dataset": "results/four/ingest"},
        "segment": {"backend": "labels", "given": "results/four/segment/sub-P01/anat/sub-P01_dseg.nii.gz"},
        "fit": {"source": "echoes", "model": "epg"},
    }
    configuration = project.configure("fitted", content, one_without_dicom)
    project.snakemake(configuration, "collect", "results/fitted/fit/dataset_description.json")
    folder = project.folder / "results/fitted/fit"
    assert errors(folder) == []
    images = {path.name for path in folder.rglob("*.nii.gz")}
    names = ("T2map", "M0map", "desc-sd_T2map", "desc-rmse_T2map", "desc-status_dseg", "TB1map")
    names += ("desc-signal_FFmap", "FFmap")
    assert images == {f"sub-P01_{name}.nii.gz" for name in names}
    lookup = pd.read_csv(folder / "dseg.tsv", sep="\t", dtype=str).set_index("index")["name"].to_dict()
    sidecar = json.loads((folder / "sub-P01/anat/sub-P01_desc-status_dseg.json").read_text())
    assert sidecar["Levels"] == lookup
    codes = np.asarray(nib.load(folder / "sub-P01/anat/sub-P01_desc-status_dseg.nii.gz").dataobj)
    assert {lookup[str(code)]: int((codes == code).sum()) for code in range(6)} == sidecar["Voxels"]
    thigh = pd.read_csv(project.folder / "results/fitted/measure/cohort.tsv", sep="\t").set_index(["region", "side"])
    aligned = np.asarray(nib.load(folder.parent / "align/sub-P01/anat/sub-P01_space-T2_dseg.nii.gz").dataobj)
    labels = np.isin(aligned, read_labels(project.folder / "config" / "labels.tsv").muscle_indices())
    row = thigh.loc[("thigh", "both")]
    for code, name in lookup.items():
        if name != "ok":
            assert row[f"voxels_{name.replace(' ', '_')}"] == ((codes == int(code)) & labels).sum()
    assert row["voxels"] + row["voxels_excluded"] == labels.sum()
    # stimulated echoes lengthen the decay, which a mono-exponential fit of the same echoes takes for a longer T2
    mono = project.folder / "results/fitted/mono.nii.gz"
    echoes = sorted((project.folder / "results/fitted/ingest/sub-P01/anat").glob("*_MESE.nii.gz"))
    command = [sys.executable, "scripts/fit_t2.py", "--echoes", *echoes, "--t2", mono]
    subprocess.run(command, cwd=project.folder, check=True, env=project.environment())
    chosen = labels & (codes == 1)
    assert row["t2_mean_ms"] < np.asarray(nib.load(mono).dataobj)[chosen].mean()


def measures(project, name: str) -> list[str]:
    """The rows of one person in the table of measures."""
    lines = (project.folder / f"results/{name}/measure/cohort.tsv").read_text().splitlines()
    return [line for line in lines if line.split("\t")[0] == PERSON]


def test_starting_from_the_bids_dataset_gives_the_very_same_measures(project, finished, one_without_dicom):
    content = {"ingest": {"source": "bids", "dataset": "results/four/ingest"}}
    configuration = project.configure("frombids", content, one_without_dicom)
    project.snakemake(configuration, "--until", "collect")
    assert len(measures(project, "four")) > 50
    assert measures(project, "frombids") == measures(project, "four")


def test_muscle_bids_holds_the_echoes_and_starting_from_it_gives_the_very_same_measures(
    project, finished, one_without_dicom
):
    project.snakemake(finished, "muscle_bids")
    folder = project.folder / "results/four/export/muscle-bids/sub-P01"
    series = nib.load(folder / "anat/sub-P01_mese.nii.gz")
    assert json.loads((folder / "anat/sub-P01_mese.json").read_text())["FourthDimension"] == "EchoTime"
    for number in range(1, series.shape[3] + 1):
        ingested = project.folder / f"results/four/ingest/sub-P01/anat/sub-P01_echo-{number:02}_MESE.nii.gz"
        np.testing.assert_array_equal(series.dataobj[..., number - 1], nib.load(ingested).dataobj)
    content = {"ingest": {"source": "muscle-bids", "dataset": "results/four/export/muscle-bids"}}
    configuration = project.configure("frommuscle", content, one_without_dicom)
    project.snakemake(configuration, "--until", "collect")
    assert measures(project, "frommuscle") == measures(project, "four")
