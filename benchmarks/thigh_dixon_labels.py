"""Draw the network's labels on a real image: data/thigh-dixon, both thighs of a patient with fatty replacement.

No labels exist for this image: the picture (docs/images/thigh-dixon-labels.png) is looked at and described in
docs/stages/segment.md.

    .venv/bin/python benchmarks/thigh_dixon_labels.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import SimpleITK as sitk
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from myot2.core.images import array_of, read_image
from myot2.core.labels import LabelTable, read_labels

ROOT = Path(__file__).parents[1]
IMAGE = ROOT.parent / "shared" / "data" / "thigh-dixon" / "0006-Dixon_TE_345_th.nii.gz"

sys.path.insert(0, str(ROOT / "scripts"))
import segment_muscles  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", type=Path, default=IMAGE, help="axial volume (NIfTI)")
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "images" / "thigh-dixon-labels.png")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "dseg.nii.gz"
        arguments = ["--image", options.image, "--labels", labels, "--model", options.model]
        status = segment_muscles.main([str(argument) for argument in arguments])
        if status:
            return status
        draw(read_image(options.image), read_image(labels), read_labels(options.label_table), options.picture)
    return 0


def draw(image: sitk.Image, labels: sitk.Image, table: LabelTable, path: Path) -> None:
    """Contours on every second slice, seen from the feet: the subject's right is on the left of the picture."""
    grey, numbers = (array_of(sitk.DICOMOrient(volume, "LPS")) for volume in (image, labels))
    chosen = range(0, grey.shape[0], 2)
    figure, axes = plt.subplots(len(chosen), 1, figsize=(9, 4.6 * len(chosen) + 0.6))
    aspect = image.GetSpacing()[1] / image.GetSpacing()[0]
    for axis, index in zip(np.ravel(axes), reversed(chosen), strict=True):
        axis.imshow(grey[index], cmap="gray", vmax=np.percentile(grey, 99.5), aspect=aspect)
        for label in table.labels:
            if (numbers[index] == label.index).any():
                axis.contour(numbers[index] == label.index, [0.5], colors=[to_rgb(label.colour)], linewidths=1.2)
        axis.set_title(f"slice {index + 1} of {grey.shape[0]}", fontsize=9)
        axis.axis("off")
    handles = [Line2D([], [], color=label.colour, label=label.name) for label in table.labels if label.side == "left"]
    figure.legend(handles=handles, loc="lower center", ncol=5, fontsize=8)
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
