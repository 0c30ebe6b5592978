"""The network's labels on a real image: data/thigh-dixon, both thighs of a patient with fatty replacement.

No labels exist for this image. Its in-phase, opposed-phase, water and fat images show one anatomy, so their labels must
agree; and left and right can be checked on every slice. The picture (docs/images/thigh-dixon-labels.png) is looked at
and described in docs/stages/segment.md.

    .venv/bin/python benchmarks/thigh_dixon_labels.py
"""

from __future__ import annotations

import argparse
import sys
from itertools import combinations
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import SimpleITK as sitk
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from myot2.core.images import array_of, image_like, read_image
from myot2.core.labels import LabelTable, read_labels
from myot2.fit.dixon import complex_echoes, separate
from myot2.segment.inference import segment_image
from myot2.segment.model import load_model
from myot2.segment.overlap import dice

ROOT = Path(__file__).parents[1]
FOLDER = ROOT.parent / "shared" / "data" / "thigh-dixon"
TIMES_MS = np.array([3.45, 4.60, 5.75])
LARMOR_MHZ = 123.2


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="the six images of data/thigh-dixon")
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "thigh-dixon-labels.png")
    options = parser.parse_args(argv)
    table, model = read_labels(ROOT / "config" / "labels.tsv"), load_model(options.model)
    images = contrasts(options.folder)
    results = {name: segment_image(image, model, table, threads=1) for name, image in images.items()}
    labels = {name: array_of(sitk.DICOMOrient(result.labels, "LPS")) for name, result in results.items()}
    muscles = {name: np.isin(values, table.muscle_indices()) for name, values in labels.items()}
    agreement = pd.DataFrame(1.0, index=list(muscles), columns=list(muscles))
    for one, other in combinations(muscles, 2):
        agreement.loc[one, other] = agreement.loc[other, one] = dice(muscles[one], muscles[other])
    print(f"Dice of whole muscle between images\n{agreement.round(3).to_string()}\n")
    asked = {
        name: np.isin(array_of(sitk.DICOMOrient(result.labels, "LPS")), table.muscle_indices())
        for name in ("in-phase", "opposed")
        for result in [segment_image(images[name], model, table, threads=1, water=images["water"])]
    }
    print(
        f"With the water image asked at borders: in-phase to opposed {dice(*asked.values()):.3f}, in-phase to water "
        f"{dice(asked['in-phase'], muscles['water']):.3f}, to in-phase alone "
        f"{dice(asked['in-phase'], muscles['in-phase']):.3f}\n"
    )
    single = by_muscle(labels, table).round(2)
    print(f"Dice of single muscles between the in-phase and the other images\n{single.to_string()}\n")
    for name, values in labels.items():
        print(
            f"{name}: {wrong_sides(values, table)} of {np.any(values > 0, axis=(1, 2)).sum()} slices with a wrong side"
        )
    draw(images, labels, table, options.picture)
    return 0


def contrasts(folder: Path) -> dict[str, sitk.Image]:
    """In-phase, opposed-phase, water and fat image."""
    magnitudes = [read_image(folder / f"{n:04d}-Dixon_TE_{te}_th.nii.gz") for n, te in ((6, 345), (8, 460), (10, 575))]
    phases = [read_image(folder / f"{n:04d}-Dixon_TE_{te}_th.nii.gz") for n, te in ((7, 345), (9, 460), (11, 575))]
    echoes = [
        complex_echoes(array_of(magnitude), array_of(phase), (0, 4096))
        for magnitude, phase in zip(magnitudes, phases, strict=True)
    ]
    first = magnitudes[0]
    parts = separate(np.stack(echoes), TIMES_MS, LARMOR_MHZ, first.GetSpacing()[1::-1])
    water, fat = (image_like(np.nan_to_num(part).astype(np.float32), first) for part in (parts.water, parts.fat))
    return {"in-phase": magnitudes[1], "opposed": first, "water": water, "fat": fat}


def by_muscle(labels: dict[str, np.ndarray], table: LabelTable) -> pd.DataFrame:
    """Dice of each muscle, both sides together, between the in-phase labels and those of the other images."""
    rows = {}
    for name in table.muscles:
        masks = {key: np.isin(values, table.indices(name=name)) for key, values in labels.items()}
        rows[name] = {key: dice(masks["in-phase"], mask) for key, mask in masks.items() if key != "in-phase"}
    return pd.DataFrame(rows).T.astype(float)


def wrong_sides(values: np.ndarray, table: LabelTable) -> int:
    """Slices in which a label of one side reaches into the other leg; columns of `values` go to the subject's left."""
    columns = np.arange(values.shape[2])
    wrong = 0
    for plane in values:
        right, left = (np.isin(plane, table.indices(side=side)).any(axis=0) for side in ("right", "left"))
        wrong += bool(right.any() and left.any() and columns[right].max() >= columns[left].min())
    return wrong


def draw(images: dict[str, sitk.Image], labels: dict[str, np.ndarray], table: LabelTable, path: Path) -> None:
    """Contours on every second slice, seen from the feet: the subject's right is on the left of the picture."""
    shown = ("in-phase", "opposed", "water")
    first = sitk.DICOMOrient(images["in-phase"], "LPS")
    chosen = range(0, first.GetDepth(), 2)
    figure, axes = plt.subplots(len(chosen), len(shown), figsize=(18, 3.1 * len(chosen) + 0.6))
    for column, name in enumerate(shown):
        grey = array_of(sitk.DICOMOrient(images[name], "LPS"))
        for axis, index in zip(axes[:, column], reversed(chosen), strict=True):
            axis.imshow(grey[index], cmap="gray", vmax=np.percentile(grey, 99.5))
            for label in table.labels:
                if (labels[name][index] == label.index).any():
                    axis.contour(labels[name][index] == label.index, [0.5], colors=[to_rgb(label.colour)], linewidths=1)
            axis.set_title(f"{name}, slice {index + 1} of {grey.shape[0]}", fontsize=9)
            axis.axis("off")
    handles = [Line2D([], [], color=label.colour, label=label.name) for label in table.labels if label.side == "left"]
    figure.legend(handles=handles, loc="lower center", ncol=7, fontsize=8)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
