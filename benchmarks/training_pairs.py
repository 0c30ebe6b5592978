"""What the network is shown in training: docs/images/training-pairs.png, images and labels of the first steps.

.venv/bin/python benchmarks/training_pairs.py --work WORK_FOLDER_OF_A_TRAINING
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from myot2.core.labels import read_labels
from myot2.train.loop import Batches
from myot2.train.recipe import read_recipe

ROOT = Path(__file__).parents[1]
ROWS, COLUMNS = 4, 6


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=Path, help="work folder of a training (its people are used)")
    parser.add_argument("--recipe", type=Path, default=ROOT / "config" / "train" / "thigh.yaml", help="training recipe")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "training-pairs.png")
    options = parser.parse_args(argv)
    recipe, table = read_recipe(options.recipe), read_labels(ROOT / "config" / "labels.tsv")
    configuration = recipe.configuration(table)
    colours = [next(label.colour for label in table.labels if label.name == name) for name in configuration.structures]
    volumes = sorted((options.work / "people").glob("*.npy"))
    batches = Batches(recipe, configuration.structures, volumes, seed=1)
    pairs = [pair for step in range(ROWS * COLUMNS) for pair in zip(*batches.draw(step), strict=True)]
    figure, axes = plt.subplots(ROWS, 2 * COLUMNS, figsize=(18, 6.2))
    # One slice of each slab: the next one looks much the same.
    chosen = pairs[:: recipe.optimisation.cycles[0].slices]
    for (image, labels), left, right in zip(chosen, axes[:, ::2].ravel(), axes[:, 1::2].ravel(), strict=False):
        grey = image[recipe.network.context]
        for axis in (left, right):
            axis.imshow(grey, cmap="gray", vmin=-2, vmax=3)
            axis.axis("off")
        shown = np.ma.masked_equal(labels[0].numpy(), 0)
        right.imshow(shown, cmap=ListedColormap(colours), vmin=1, vmax=len(colours), interpolation="nearest", alpha=0.6)
    figure.tight_layout(pad=0.2)
    figure.savefig(options.picture, dpi=60)
    return 0


if __name__ == "__main__":
    sys.exit(main())
