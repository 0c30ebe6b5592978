"""Label the muscles of both thighs on an axial in-phase, water, T1- or T2-weighted volume.

Writes a label map (numbers of config/labels.tsv, 0 background) on the grid of the image, and a JSON sidecar with the
model, the volume and confidence of each muscle, and quality flags.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.images import array_of, read_image, sidecar_path, write_image, write_sidecar
from myot2.core.labels import read_labels
from myot2.segment.legs import SIDES

ROOT = Path(__file__).parents[1]


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = stage_parser(__doc__)
    parser.add_argument("--image", required=True, type=Path, help="axial volume (NIfTI)")
    parser.add_argument("--labels", required=True, type=Path, help="label map to write (.nii.gz), sidecar beside it")
    parser.add_argument("--model", type=Path, default=ROOT / "resources" / "models" / "thigh", help="model folder")
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--confidence", type=Path, help="map of the probability of each voxel's label to write")
    parser.add_argument("--side", choices=SIDES, help="which leg it is, where the field shows only one")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default 1)")
    options = parser.parse_args(argv)
    outputs = [options.labels, sidecar_path(options.labels), *([options.confidence] if options.confidence else [])]
    return run_stage("segment", lambda: segment(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def segment(options: argparse.Namespace) -> None:
    """Read, label, write."""
    image = read_image(options.image)
    table = read_labels(options.label_table)
    # torch takes seconds to import; bad input is refused before that.
    from myot2.segment.inference import segment_image
    from myot2.segment.model import load_model
    from myot2.segment.quality import describe

    model = load_model(options.model)
    result = segment_image(image, model, table, threads=options.threads, side=options.side, where=options.image)
    voxel_mm3 = float(np.prod(image.GetSpacing()))
    figures = describe(array_of(result.labels), array_of(result.confidence), table, result.sides, voxel_mm3)
    figures["Flags"] += [f"{side} leg: muscle reaches the edge of the network's field" for side in result.cropped_sides]
    write_image(result.labels, options.labels)
    if options.confidence:
        write_image(result.confidence, options.confidence)
    write_sidecar(
        options.labels,
        {
            "Manual": False,
            "Model": model.configuration.name,
            "ModelSha256": model.weights_sha256,
            "Sides": result.sides,
            **figures,
            **sources_of([options.image]),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
