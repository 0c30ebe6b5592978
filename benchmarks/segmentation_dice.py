"""Dice of a network on the digital cohort, whose anatomies it has never seen.

Takes a results folder made by the workflow (`make demo`): the images of `ingest` are segmented, with the water image
asked at borders as the workflow does (--alone: without), and the labels compared with the truth of `simulate`. The
shapes come from the held-out people of the atlas, the images from the physics simulator, which shares no code with the
images the network was trained on. Whole muscle is all muscles of both thighs together; the mean per-muscle Dice is the
mean over muscles, sides and participants, of muscles the truth has.

    .venv/bin/python benchmarks/segmentation_dice.py --results results/demo
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import LabelTable, muscle_only, read_labels
from myot2.segment.inference import segment_image
from myot2.segment.model import Model, load_model
from myot2.segment.overlap import dice, dice_by_muscle

ROOT = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "demo", help="results folder")
    parser.add_argument("--image", default="dixonin", choices=("dixonin", "dixonwater", "dixonopp"), help="which image")
    parser.add_argument("--alone", action="store_true", help="do not ask the water image at borders")
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default 1)")
    options = parser.parse_args(argv)
    table, model = read_labels(options.label_table), load_model(options.model)
    truths = sorted(options.results.glob("simulate/*/truth/*_space-dixon_dseg.nii.gz"))
    if not truths:
        print(f"no simulated participant in {options.results}: run make demo first", file=sys.stderr)
        return 1
    scores = []
    for truth in truths:
        scan = truth.name.removesuffix("_space-dixon_dseg.nii.gz")
        image, water = (
            next(options.results.glob(f"ingest/**/{scan}_acq-{name}_T2w.nii.gz"))
            for name in (options.image, "dixonwater")
        )
        scores.append(compare(scan, image, None if options.alone else water, truth, model, table, options.threads))
    print_summary(pd.concat(scores))
    return 0


def compare(
    scan: str, image_path: Path, water: Path | None, truth_path: Path, model: Model, table: LabelTable, threads: int
) -> pd.DataFrame:
    """One row per muscle and side of a participant, and one for the whole muscle."""
    image, truth = read_image(image_path), read_image(truth_path)
    require_same_grid(image, truth, where=image_path, what="image and truth")
    asked = read_image(water) if water else None
    found = array_of(segment_image(image, model, table, threads=threads, water=asked, where=image_path).labels)
    true = array_of(truth)
    rows = [
        {"scan": scan, "muscle": name, "side": side, "dice": value}
        for (name, side), value in dice_by_muscle(found, true, table).items()
        if value is not None
    ]
    all_muscle = dice(*(muscle_only(labels, table) > 0 for labels in (found, true)))
    whole = {"scan": scan, "muscle": "whole muscle", "side": "both", "dice": all_muscle}
    return pd.DataFrame([*rows, whole])


def print_summary(scores: pd.DataFrame) -> None:
    """Per participant and per muscle, as text."""
    whole = scores[scores.muscle == "whole muscle"].set_index("scan").dice
    single = scores[scores.muscle != "whole muscle"]
    per_scan = pd.DataFrame({"whole muscle": whole, "mean per muscle": single.groupby("scan").dice.mean()})
    per_muscle = single.groupby("muscle", sort=False).dice.agg(["mean", "min"])
    print(per_scan.round(3).to_string(), per_muscle.round(3).to_string(), sep="\n\n")
    print(f"\nwhole muscle {np.mean(whole):.3f} (lowest {whole.min():.3f}), mean per muscle {single.dice.mean():.3f}")


if __name__ == "__main__":
    sys.exit(main())
