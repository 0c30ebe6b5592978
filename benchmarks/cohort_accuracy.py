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
from myot2.core.tables import read_table

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
    print("Dice per muscle number:", dice_per_label(results).round(3).to_dict())
    return 0


def compare(results: Path) -> pd.DataFrame:
    """One row per participant: measured and true T2 (ms), Dice of all muscle and mean Dice over the muscles."""
    measures = read_table(results / "measure/cohort.tsv")
    chosen = measures[(measures["region"] == STUDY_VALUE["region"]) & (measures["side"] == STUDY_VALUE["side"])]
    t2 = chosen.set_index("participant_id")["t2_mean_ms"].astype(float)
    rows = {}
    for person, value in t2.items():
        truth = json.loads((results / f"simulate/sub-{person}/truth/truth.json").read_text())
        predicted, true = _labels(results, person)
        dice = _dice(predicted, true)
        rows[person] = {
            "t2_ms": value,
            "t2_true_ms": truth["t2_mean_ms"],
            "dice_whole": _overlap(predicted > 0, true > 0),
            "dice_mean": dice.mean(),
            "dice_lowest": dice.min(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def dice_per_label(results: Path) -> pd.Series:
    """Mean Dice of each label over the participants."""
    people = [folder.name.removeprefix("sub-") for folder in sorted((results / "simulate").iterdir())]
    return pd.DataFrame([_dice(*_labels(results, person)) for person in people]).mean()


def _labels(results: Path, person: str) -> tuple[np.ndarray, np.ndarray]:
    scan = f"sub-{person}"
    predicted = array_of(read_image(results / f"segment/{scan}/{scan}_dseg.nii.gz"))
    return predicted, array_of(read_image(results / f"simulate/{scan}/truth/{scan}_space-dixon_dseg.nii.gz"))


def _dice(predicted: np.ndarray, true: np.ndarray) -> pd.Series:
    labels = np.unique(true[true > 0])
    return pd.Series({int(label): _overlap(predicted == label, true == label) for label in labels})


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Dice coefficient of two masks (Dice 1945)."""
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


if __name__ == "__main__":
    sys.exit(main())
