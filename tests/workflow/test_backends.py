"""Another model in the workflow: its weights are converted once, and what is labelled follows what it is made of."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from monai.networks.nets import UNet

pytestmark = pytest.mark.workflow

MUSCLES = ("sartorius", "gracilis", "rectus femoris")


def write_weights(folder, configuration, seed: int) -> None:
    """Random weights as MuscleMap publishes its own, with their SHA-256."""
    torch.manual_seed(seed)
    network = UNet(**{key: value for key, value in configuration["model"].items() if key != "version"})
    torch.save(network.state_dict(), folder / "thigh.pth")
    digest = hashlib.sha256((folder / "thigh.pth").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  thigh.pth\n")


@pytest.fixture(scope="module")
def musclemap(project, examined, four_people):
    """A run of two people with a small model of MuscleMap's kind: its configuration, and the model's folder."""
    folder = project.folder / "musclemap"
    folder.mkdir()
    entries = [(name, side) for name in MUSCLES for side in ("left", "right")]
    model = {
        "parameters": {"roi_size": [64, 64], "spatial_window_batch_size": 4, "pix_dim": [2, 2, -1]},
        "model": {
            "version": 0.0,
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": len(entries) + 1,
            "channels": [4, 8, 8],
            "act": "LeakyReLU",
            "strides": [2, 2],
            "num_res_units": 1,
            "norm": "instance",
        },
        "labels": [
            {"region": "thigh", "anatomy": name, "side": side, "value": value}
            for value, (name, side) in enumerate(entries, start=1)
        ],
    }
    (folder / "thigh.json").write_text(json.dumps(model))
    write_weights(folder, model, seed=0)
    header, *rows = [row.split("\t") for row in four_people.splitlines()]
    place = header.index("dicom")
    people = [row[:place] + row[place + 1 :] for row in (header, *rows) if row[0] in ("participant_id", "P01", "C01")]
    content = {
        "ingest": {"source": "bids", "dataset": "results/four/ingest"},
        "segment": {"backend": "musclemap", "image": "water", "model": "musclemap/thigh.pth", "overlap": 0.25},
    }
    table = "\n".join("\t".join(row) for row in people) + "\n"
    return project.configure("musclemap", content, table), folder, model


def test_weights_are_converted_once_for_all_and_again_only_when_they_change(project, musclemap):
    configuration, folder, model = musclemap
    log = project.snakemake(configuration, "--until", "segment")
    assert log.count("] convert_weights 1/1") == 1 and log.count("] segment ") == 2
    results = project.folder / "results/musclemap"
    first = {}
    for person in ("P01", "C01"):
        sidecar = json.loads((results / f"segment/sub-{person}/anat/sub-{person}_dseg.json").read_text())
        assert (sidecar["Backend"], sidecar["Model"]) == ("musclemap", "MuscleMap thigh 0.0")
        assert sidecar["ModelSha256"] == hashlib.sha256((folder / "thigh.pth").read_bytes()).hexdigest()
        parts = [f"bids:ingest:sub-{person}/anat/sub-{person}_acq-dixon{part}_T2w.nii.gz" for part in ("water", "fat")]
        assert sidecar["Sources"] == parts  # the fat tells what of the labels is fat
        first[person] = (results / f"segment/sub-{person}/anat/sub-{person}_dseg.nii.gz").read_bytes()
    assert not project.planned(configuration) & {"convert_weights", "segment"}
    assert "align" in project.planned(configuration)

    write_weights(folder, model, seed=1)
    assert {"convert_weights", "segment"} <= project.planned(configuration)
    project.snakemake(configuration, "--until", "segment")
    for person, content in first.items():
        assert (results / f"segment/sub-{person}/anat/sub-{person}_dseg.nii.gz").read_bytes() != content


def test_weights_that_are_not_listed_stop_the_run(project, musclemap):
    configuration, folder, _ = musclemap
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  thigh.pth\n")
    log = project.snakemake(configuration, "--until", "segment", status=1)
    assert "failed: convert_weights: " in log
    said = (project.folder / "results/musclemap/logs/segment/convert_weights.log").read_text()
    assert "changed or damaged" in said
