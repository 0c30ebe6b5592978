"""Dice of the shipped network on the digital cohort, whose anatomies it has never seen.

Takes a results folder made by the workflow (`make demo`): label maps of `segment` against the truth of `simulate`. The
participants' shapes come from the atlas's held-out people, the images from the physics simulator, which shares no code
with the images the network was trained on. Whole muscle is all muscles of both thighs together; the mean per-muscle
Dice is the mean over muscles, sides and participants, of muscles the truth has.

    .venv/bin/python benchmarks/segmentation_dice.py --results results/demo
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import LabelTable, read_labels
from myot2.train.overlap import dice, dice_by_muscle

ROOT = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=ROOT / "results" / "demo", help="results folder")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    options = parser.parse_args(argv)
    table = read_labels(options.label_table)
    truths = sorted(options.results.glob("simulate/*/truth/*_space-dixon_dseg.nii.gz"))
    if not truths:
        print(f"no simulated participant in {options.results}: run make demo first", file=sys.stderr)
        return 1
    print_summary(pd.concat([compare(options.results, truth, table) for truth in truths]))
    return 0


def compare(results: Path, truth_path: Path, table: LabelTable) -> pd.DataFrame:
    """One row per muscle and side of a participant, and one for the whole muscle."""
    scan = truth_path.name.removesuffix("_space-dixon_dseg.nii.gz")
    labels_path = results / "segment" / scan / f"{scan}_dseg.nii.gz"
    truth, labels = read_image(truth_path), read_image(labels_path)
    require_same_grid(labels, truth, where=labels_path, what="labels and truth")
    found, true = array_of(labels), array_of(truth)
    rows = [
        {"scan": scan, "muscle": name, "side": side, "dice": value}
        for (name, side), value in dice_by_muscle(found, true, table).items()
        if value is not None
    ]
    whole = {"scan": scan, "muscle": "whole muscle", "side": "both", "dice": dice(found > 0, true > 0)}
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
