"""Label the muscles of both thighs on an axial in-phase, water, T1- or T2-weighted volume.

Writes a label map (numbers of the label table, 0 background) on the grid of the image, and a JSON sidecar with the
model, the volume and confidence of each muscle, and quality flags. The shipped network does it, or another model by
--backend; docs/how-to/other-models.md describes those.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.images import read_volume, sidecar_path, write_image, write_sidecar
from myot2.core.labels import read_labels
from myot2.segment.backends import monai_bundle, musclemap, nnunet, totalsegmentator
from myot2.segment.backends import myot2 as own
from myot2.segment.backends.result import Options, figures
from myot2.segment.legs import SIDES
from myot2.segment.numbering import NUMBERINGS, OWN

ROOT = Path(__file__).parents[1]
BACKENDS = {
    "myot2": own.segment,
    "monai-bundle": monai_bundle.segment,
    "musclemap": musclemap.segment,
    "nnunet": nnunet.segment,
    "totalsegmentator": totalsegmentator.segment,
}
WITHOUT_CONFIDENCE = ("nnunet", "totalsegmentator")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = stage_parser(__doc__)
    parser.add_argument("--image", required=True, type=Path, help="axial volume (NIfTI)")
    parser.add_argument("--labels", required=True, type=Path, help="label map to write (.nii.gz), sidecar beside it")
    parser.add_argument("--backend", choices=BACKENDS, default="myot2", help="who labels (default myot2)")
    parser.add_argument(
        "--model",
        type=Path,
        default=ROOT / "resources" / "models" / "thigh",
        help="model folder; for musclemap the file of weights with its JSON beside it",
    )
    parser.add_argument("--label-table", type=Path, default=ROOT / "config" / "labels.tsv", help="label table")
    parser.add_argument("--confidence", type=Path, help="map of the probability of each voxel's label to write")
    parser.add_argument("--side", choices=SIDES, help="which leg it is, where the field shows only one (myot2)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default 1)")
    others = parser.add_argument_group("other models")
    others.add_argument("--weights", type=Path, metavar="FILE.safetensors", help="what convert_weights.py made")
    others.add_argument("--weights-sha256", help="SHA-256 of the weights, where no SHA256SUMS lists them")
    others.add_argument("--numbering", choices=NUMBERINGS, default=OWN, help=f"whose numbers or names ({OWN})")
    others.add_argument("--ignore", nargs="*", default=[], metavar="NAME", help="structures that become background")
    others.add_argument("--overlap", type=float, default=0.9, help="overlap of windows, 0 to 1 (musclemap)")
    others.add_argument("--folds", nargs="*", default=[], help="folds, all by default (nnunet)")
    others.add_argument("--task", default="thigh_shoulder_muscles_mr", help="task (totalsegmentator)")
    options = parser.parse_args(argv)
    if options.confidence and options.backend in WITHOUT_CONFIDENCE:
        parser.error(f"--confidence: {options.backend} gives none")
    outputs = [options.labels, sidecar_path(options.labels), *([options.confidence] if options.confidence else [])]
    return run_stage("segment", lambda: segment(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def segment(options: argparse.Namespace) -> None:
    """Read, label, write."""
    image = read_volume(options.image)
    table = read_labels(options.label_table)
    told = Options(
        model=options.model,
        weights=options.weights,
        weights_sha256=options.weights_sha256,
        numbering=options.numbering,
        ignore=tuple(options.ignore),
        overlap=options.overlap,
        folds=tuple(options.folds),
        task=options.task,
        side=options.side,
        threads=options.threads,
    )
    result = BACKENDS[options.backend](image, table, told, options.image)
    write_image(result.labels, options.labels)
    if options.confidence and result.confidence is not None:
        write_image(result.confidence, options.confidence)
    write_sidecar(
        options.labels,
        {
            "Manual": False,
            "Backend": options.backend,
            **result.record,
            "Sides": result.sides,
            **figures(result, table),
            **sources_of([options.image]),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
