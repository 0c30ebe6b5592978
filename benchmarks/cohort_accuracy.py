"""How near the workflow comes to the truth of a simulated cohort: T2 per participant, Dice of the segmentation.

`python benchmarks/cohort_accuracy.py results/demo` prints one line per participant and the means. The tests of the
workflow use the same functions.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from myot2.core.images import array_of, read_image
from myot2.core.labels import muscle_only, read_labels
from myot2.core.tables import read_table
from myot2.segment.overlap import dice, dice_by_muscle

LABELS = read_labels(Path(__file__).parents[1] / "config/labels.tsv")
STUDY_VALUE = {"region": "thigh", "side": "both"}


def main(argv: list[str] | None = None) -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the results folder of a run on the digital cohort")
    results = parser.parse_args(argv).results
    table = compare(results)
    print(table.round(3).to_string())
    error = table["t2_ms"] - table["t2_true_ms"]
    print(f"T2 (ms): mean absolute error {error.abs().mean():.2f}, bias {error.mean():+.2f}")
    print(
        f"Dice: whole muscle {table['dice_whole'].mean():.3f}, lowest {table['dice_whole'].min():.3f}; "
        f"mean over muscles {table['dice_mean'].mean():.3f}, lowest {table['dice_mean'].min():.3f}"
    )
    return 0


def compare(results: Path) -> pd.DataFrame:
    """One row per participant: measured and true T2 (ms), Dice of all muscle, mean and lowest Dice of the muscles."""
    measures = read_table(results / "measure/cohort.tsv")
    chosen = measures[(measures["region"] == STUDY_VALUE["region"]) & (measures["side"] == STUDY_VALUE["side"])]
    rows = {}
    for person, value in chosen.set_index("participant_id")["t2_mean_ms"].astype(float).items():
        scan = f"sub-{person}"
        truth = results / f"simulate/{scan}/truth"
        predicted = array_of(read_image(results / f"segment/{scan}/anat/{scan}_dseg.nii.gz"))
        true = array_of(read_image(truth / f"{scan}_space-dixon_dseg.nii.gz"))
        muscles = [score for score in dice_by_muscle(predicted, true, LABELS).values() if score is not None]
        rows[person] = {
            "t2_ms": value,
            "t2_true_ms": json.loads((truth / "truth.json").read_text())["t2_mean_ms"],
            "dice_whole": dice(*(muscle_only(labels, LABELS) > 0 for labels in (predicted, true))),
            "dice_mean": np.mean(muscles),
            "dice_lowest": min(muscles),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


if __name__ == "__main__":
    sys.exit(main())
