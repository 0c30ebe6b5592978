"""From decisions of a run to a version of the model, and a run that is pinned to it and says so."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml

from myot2.core.files import sha256
from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.core.scans import Scan
from myot2.review.decisions import checked
from myot2.review.keep import keep

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def few(project):
    """Recipes of two steps, with one synthetic person each, that any model passes."""
    recipe = yaml.safe_load((project.folder / "config/learn/thigh.yaml").read_text())
    recipe["tuning"] |= {"threads": 1, "steps": 2, "slices": 1, "replay_slabs": 1, "replay_slices": 1}
    recipe["replay"]["people"] = recipe["validation"]["people"] = 1
    recipe["validation"]["images"] = ["in"]
    recipe["limits"] |= {
        "local_gain": None,
        "local_loss": 1,
        "kept_loss": 1,
        "generality_loss": 1,
        "generality_structure_loss": 1,
    }
    training = yaml.safe_load((project.folder / "config/train/thigh.yaml").read_text())
    training["population"] |= {"in_plane_mm": 4.0, "slice_mm": 40.0}
    for name, content in (("recipe", recipe), ("training", training)):
        (project.folder / f"config/learn/few-{name}.yaml").write_text(yaml.safe_dump(content))
    return {name: f"config/learn/few-{name}.yaml" for name in ("recipe", "training")}


@pytest.fixture(scope="module")
def learned(project, finished, four_people, few) -> str:
    """The configuration of a copy of the run of the four, after two of them were corrected and learned from."""
    results = project.folder / "results/learn"
    # Snakemake knows no parameters of the copies, and would keep the former configuration
    shutil.copytree(project.folder / "results/four", results, ignore=shutil.ignore_patterns("report"))
    simulate = yaml.safe_load((project.folder / finished).read_text())["simulate"]
    content = {"simulate": simulate, "learn": few, "review": {"folder": "corrections/learn"}}
    configuration = project.configure("learn", content, four_people.replace("results/four/", "results/learn/"))
    for who in ("P01", "C01"):
        scan, drawn = Scan(who), project.folder / "drawn.nii.gz"
        own = read_image(results / f"segment/{scan.folder}/{scan.name}_dseg.nii.gz")
        write_image(image_like(np.roll(array_of(own), 2, axis=1), own), drawn)  # two pixels towards the back
        record = {
            "rater": "anna",
            "time": "2026-01-31T08:00:00Z",
            "participant_id": who,
            "decision": "corrected",
            "image_sha256": sha256(results / f"ingest/{scan.folder}/{scan.name}_acq-dixonin_T2w.nii.gz"),
            "mask_sha256": sha256(results / f"segment/{scan.folder}/{scan.name}_dseg.nii.gz"),
            "corrected_sha256": sha256(drawn),
            "repeat": "no",
        }
        keep(project.folder / "corrections/learn", checked(record, "test"), drawn, None)
    project.snakemake(configuration, "learn")
    return configuration


def test_the_rule_makes_a_version_and_its_outputs_say_so(project, learned):
    results = project.folder / "results/learn/learn"
    attempt = json.loads((results / "attempt.json").read_text())
    assert (attempt["Event"], attempt["Version"], attempt["Parent"]) == ("accepted", "1.1.0", "1.0.0")
    assert (results / "structures.tsv").read_text().splitlines()[1].startswith("mean of structures")
    assert (project.folder / "models/versions/1.1.0/models/model.safetensors").is_file()
    said = project.snakemake(learned, "learn", "--dry-run")
    assert "Nothing to be done" in said


def test_a_run_that_is_pinned_to_the_version_labels_by_it_and_says_so(project, learned):
    content = yaml.safe_load((project.folder / learned).read_text())
    content["segment"] = {"model": "models", "version": "current"}
    (project.folder / "config/learn-pinned.yaml").write_text(yaml.safe_dump(content))
    target = "results/learn/segment/sub-P01/anat/sub-P01_dseg.nii.gz"
    project.snakemake("config/learn-pinned.yaml", target, "results/learn/report/configuration.json")
    sidecar = json.loads((project.folder / target.replace(".nii.gz", ".json")).read_text())
    attempt = json.loads((project.folder / "results/learn/learn/attempt.json").read_text())
    shipped = json.loads((project.folder / "resources/models/thigh/model.json").read_text())
    assert sidecar["Model"] == f"{shipped['name']} 1.1.0" and sidecar["ModelSha256"] == attempt["WeightsSha256"]
    recorded = json.loads((project.folder / "results/learn/report/configuration.json").read_text())
    assert recorded["segment"]["version"] == "1.1.0"


def test_a_folder_of_versions_without_a_version_is_refused_before_any_job(project, learned):
    content = yaml.safe_load((project.folder / learned).read_text())
    content["segment"] = {"model": "models"}
    (project.folder / "config/learn-unpinned.yaml").write_text(yaml.safe_dump(content))
    said = project.snakemake("config/learn-unpinned.yaml", "--dry-run", status=1)
    assert "expected segment.version, one of 1.0.0, 1.1.0 or current; found null" in said
