"""A run as people have reviewed it: images, masks and decisions, with a tiny model and recipes."""

from __future__ import annotations

from pathlib import Path

import yaml
from volumes import legs, on_grid

from myot2.core.files import sha256
from myot2.core.images import write_image
from myot2.core.scans import Scan
from myot2.review.decisions import checked
from myot2.review.keep import keep
from myot2.segment.model import networks_of, save_model

PEOPLE = ("P01", "P02", "P03")


def reviewed_run(folder: Path, root: Path, training, recipe, configuration, weights) -> Path:
    """Three people of a run, two of them with accepted masks; the folder of all, with config.yaml."""
    folder.mkdir(exist_ok=True)
    save_model(folder / "given", configuration, networks_of(configuration, weights))
    sparse = {"in_plane_mm": 4.0, "slice_mm": 40.0, "maps": None, "strangers": None}
    population = training.population.model_copy(update=sparse)
    recipes = {"training": training.model_copy(update={"population": population}), "recipe": few(recipe)}
    for name, content in recipes.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content.model_dump(mode="json")))
    (folder / "participants.tsv").write_text("participant_id\tgroup\n" + "".join(f"{who}\tpatient\n" for who in PEOPLE))
    settings = {
        "results": str(folder / "results"),
        "label_table": str(root / "config" / "labels.tsv"),
        "participants": {"table": str(folder / "participants.tsv")},
        "review": {"folder": str(folder / "corrections")},
        "learn": {
            "models": str(folder / "models"),
            "start": str(folder / "given"),
            **{name: str(folder / f"{name}.yaml") for name in recipes},
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    image, labels = legs()
    for number, who in enumerate(PEOPLE):
        scan = Scan(who)
        files = {
            "ingest": (f"{scan.name}_acq-dixonin_T2w", image + number),
            "segment": (f"{scan.name}_dseg", labels),
            "fit": (f"{scan.name}_T2map", image),
            "align": (f"{scan.name}_space-T2_dseg", labels),
        }
        for stage, (name, array) in files.items():
            write_image(on_grid(array), folder / "results" / stage / scan.folder / f"{name}.nii.gz")
    for who in PEOPLE[:2]:
        decide(folder, who)
    return folder


def few(recipe):
    """Two steps, one synthetic person, and limits that only ask that something is better or not."""
    return recipe.model_copy(
        update={
            "tuning": recipe.tuning.model_copy(update={"steps": 2}),
            "replay": recipe.replay.model_copy(update={"people": 1}),
            "validation": recipe.validation.model_copy(update={"people": 1, "images": ("in",)}),
            "limits": recipe.limits.model_copy(
                update={"local_loss": 1.0, "generality_loss": 1.0, "generality_structure_loss": 1.0, "local_gain": None}
            ),
        }
    )


def decide(folder, who: str) -> None:
    results = folder / "results"
    record = {
        "rater": "anna",
        "time": "2026-01-31T08:00:00Z",
        "participant_id": who,
        "decision": "accept",
        "image_sha256": sha256(results / f"ingest/sub-{who}/anat/sub-{who}_acq-dixonin_T2w.nii.gz"),
        "mask_sha256": sha256(results / f"segment/sub-{who}/anat/sub-{who}_dseg.nii.gz"),
        "corrected_sha256": None,
        "repeat": "no",
    }
    keep(folder / "corrections", checked(record, "test"), None, None)
