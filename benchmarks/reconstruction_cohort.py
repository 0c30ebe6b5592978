"""T2 from ten-fold k-space of the simulated cohort against the truth and every line (docs/stages/reconstruct.md).

`python benchmarks/reconstruction_cohort.py results/kspace`, after a run of `config/examples/kspace.yaml`. Muscle cores
are voxels of a true label whose neighbours in the slice have it too and whose fat fraction is below 10 %.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from myot2.core.images import array_of, read_image
from myot2.core.labels import muscle_only, read_labels
from myot2.core.tables import read_table
from myot2.core.voxel_status import Status

LABELS = read_labels(Path(__file__).parents[1] / "config/labels.tsv")
MOST_FAT = 0.1


def main(argv: list[str] | None = None) -> None:
    """Print a row per person, and the table of the docs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the results folder of a run of config/examples/kspace.yaml")
    results = parser.parse_args(argv).results
    people = sorted(path.name for path in (results / "reconstruct").glob("sub-*"))
    table = pd.DataFrame({person: compare(results, person) for person in people}).T
    print(table.round(2).to_string(), "\n")
    print("mean, smallest, largest\n")
    for name, values in table.items():
        print(f"| {name} | {values.mean():+.2f} ({values.min():+.2f} to {values.max():+.2f}) |")
    costs = costs_of(results)
    seconds, most = costs["cpu_time"].mean(), costs["max_pss"].max()
    print(f"\nA scan, all its processes together: {seconds:.1f} CPU seconds, {most:.0f} MB at most")


def compare(results: Path, scan: str) -> dict[str, float]:
    """Differences of one person in per cent of the mean T2, and what the reconstruction says of itself."""
    made, truth = results / f"reconstruct/{scan}/anat/{scan}", results / f"simulate/{scan}/truth/{scan}_space-T2"
    t2, status, full = (read(f"{made}_{name}") for name in ("T2map", "desc-status_dseg", "desc-fullysampled_T2map"))
    true, fat, labels = (read(f"{truth}_{name}") for name in ("T2map", "fatfraction", "dseg"))
    labels = muscle_only(labels.astype(int), LABELS)
    near = (1, 3, 3)
    core = (labels > 0) & (ndimage.minimum_filter(labels, near) == ndimage.maximum_filter(labels, near))
    core &= (fat < MOST_FAT) & (status == Status.OK) & np.isfinite(full)
    told = json.loads(Path(f"{made}_reconstruction.json").read_text())
    row = {}
    for name, one, other in (
        ("ten-fold, truth", t2, true),
        ("all lines, truth", full, true),
        ("ten-fold, all", t2, full),
    ):
        difference, mean = (one - other)[core].astype(float), other[core].mean(dtype=float)
        row[f"{name}: mean %"] = 100 * difference.mean() / mean
        row[f"{name}: RMS %"] = 100 * np.sqrt((difference**2).mean()) / mean
    scans = read_table(results / "reconstruct/scans.tsv").set_index("participant_id").loc[scan.removeprefix("sub-")]
    for name in ("difference_percent", "largest_percent", "rms_percent"):
        row[f"network's labels, all: {name}"] = float(scans[name])
    return row | {"phase, degrees": told["OddEvenPhaseDeg"][0], "chi-square": told["ReducedChiSquare"]}


def read(path: str) -> np.ndarray:
    """The values of an image."""
    return array_of(read_image(f"{path}.nii.gz"))


def costs_of(results: Path) -> pd.DataFrame:
    """What Snakemake saw of each reconstruction; memory that processes share (`max_pss`) counts once."""
    paths = (results / "benchmarks/reconstruct").glob("sub-*/**/sub-*.tsv")
    return pd.concat([pd.read_csv(path, sep="\t") for path in paths if "fullysampled" not in path.name])


if __name__ == "__main__":
    main()
