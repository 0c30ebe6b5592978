"""A cohort of four whose images are small, given as BIDS with label maps: every stage runs, each job takes a second."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import yaml

PEOPLE = {"P01": "patient", "P02": "patient", "C01": "control", "C02": "control"}
SHAPE = (48, 24, 6)
SPACING = (3.0, 3.0, 8.0)
BLOCK = 6
"""Muscles are blocks of so many voxels along columns and rows, over all slices."""


def write_cohort(project: Path, people: dict[str, str] = PEOPLE, *, name: str = "small") -> str:
    """Write images, label map, participants table and configuration into a project's folder; return the last's path."""
    labels = _labels(project / "config/labels.tsv")
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [-SPACING[0] * (SHAPE[0] - 1) / 2, 0, 0]
    given = project / "given"
    given.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(labels, affine), given / "labels.nii.gz")
    for number, (person, group) in enumerate(people.items()):
        folder = project / f"given/sub-{person}/anat"
        folder.mkdir(parents=True, exist_ok=True)
        t2 = _t2_map(labels, base=45.0 if group == "patient" else 36.0, seed=number)
        nib.save(nib.Nifti1Image(t2, affine), folder / f"sub-{person}_T2map.nii.gz")
        (folder / f"sub-{person}_T2map.json").write_text(json.dumps({"Units": "ms"}))
    rows = [
        "participant_id\tgroup\tsex\tage\tck",
        *(f"{p}\t{g}\tF\t{40 + i % 30}\t{200 + 10 * i}" for i, (p, g) in enumerate(people.items())),
    ]
    (project / f"config/{name}.tsv").write_text("\n".join(rows) + "\n")
    content = {
        "results": f"results/{name}",
        "participants": {"table": f"config/{name}.tsv"},
        "ingest": {"source": "bids", "dataset": "given", "dixon": [], "echoes": 0},
        "segment": {"backend": "labels", "given": "given/labels.nii.gz"},
        "align": {"refinement": "none"},
        "fit": {"source": "vendor-map"},
        "review": {"folder": f"corrections/{name}"},
    }
    (project / f"config/{name}.yaml").write_text(yaml.safe_dump(content))
    return f"config/{name}.yaml"


def _labels(table: Path) -> np.ndarray:
    """Blocks of the muscles of either side; the subject's left lies at negative x (RAS)."""
    with open(table, newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    labels = np.zeros(SHAPE, np.uint8)
    half, down = SHAPE[0] // 2 // BLOCK, SHAPE[1] // BLOCK
    for side, start in (("left", 0), ("right", SHAPE[0] // 2)):
        for place, row in enumerate(row for row in rows if row["side"] == side):
            column, line = start + BLOCK * (place % half), BLOCK * (place // half % down)
            labels[column : column + BLOCK, line : line + BLOCK] = int(row["index"])
    return labels


def _t2_map(labels: np.ndarray, *, base: float, seed: int) -> np.ndarray:
    """T2 (ms) of muscles about a base, which differs from person to person; 0 outside."""
    drawn = np.random.default_rng(seed)
    values = base + drawn.normal(0, 3) + drawn.normal(0, 2, labels.shape)
    return np.where(labels > 0, values, 0).astype(np.float32)
