"""Label the muscles of both thighs on an axial in-phase, water, T1- or T2-weighted volume.

Writes a label map (numbers of the label table, 0 background) on the grid of the image, and a JSON sidecar with the
model, the quality figures of each muscle, the risk that the labels have failed, and flags in words. Where a Dixon scan
or a map tells the fat fraction, fat inside muscle labels is counted, or cut; where there is a Dixon water image, it is
asked where muscles end. The shipped network labels, or another model by --backend; docs/how-to/other-models.md
describes those.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.images import array_of, image_like, read_volume, sidecar_path, write_image, write_sidecar
from myot2.core.label_names import NUMBERINGS, OWN
from myot2.core.labels import LabelTable, read_labels
from myot2.segment.backends import monai_bundle, musclemap, nnunet, totalsegmentator
from myot2.segment.backends import myot2 as own
from myot2.segment.backends.result import Options, figures
from myot2.segment.fat import ACTIONS, FAT_LIMIT, cut_fat, fraction_of_water_fat, given_fraction
from myot2.segment.legs import SIDES

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
    parser.add_argument("--entropy", type=Path, help="map of how undecided the network was, 0-1, to write (myot2)")
    parser.add_argument("--side", choices=SIDES, help="which leg it is, where the field shows only one (myot2)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network (default 1)")
    add_fat(parser)
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
    if options.entropy and options.backend != "myot2":
        parser.error(f"--entropy: {options.backend} gives none")
    maps = [path for path in (options.confidence, options.entropy) if path]
    outputs = [options.labels, sidecar_path(options.labels), *maps]
    return run_stage("segment", lambda: segment(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def add_fat(parser: argparse.ArgumentParser) -> None:
    """What tells the fat, and what is done about it."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--fat-fraction", type=Path, help="map of the fat fraction, 0-1")
    source.add_argument(
        "--water-fat",
        type=Path,
        nargs=2,
        metavar=("WATER", "FAT"),
        help="Dixon images on the grid of --image; myot2 asks the water image where muscles end",
    )
    parser.add_argument("--fat-limit", type=float, default=FAT_LIMIT, help="fraction that counts as fat (default 0.5)")
    parser.add_argument("--fat-action", choices=ACTIONS, default="flag", help="default flag; keep does not look")


@dataclass(frozen=True)
class Fat:
    """The fat fraction on the grid of the image, None where nobody looks; what is said of it, and what tells it.

    `water` is the water image, where that tells it.
    """

    fraction: sitk.Image | None = None
    record: dict[str, Any] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()
    water: sitk.Image | None = None


def read_fat(options: argparse.Namespace, image: sitk.Image) -> Fat:
    """The fat fraction that the options name."""
    if options.fat_action == "keep" or not (options.fat_fraction or options.water_fat):
        return Fat()
    resampled = False
    if options.water_fat:
        fraction = fraction_of_water_fat(*options.water_fat, image)
    else:
        fraction, resampled = given_fraction(options.fat_fraction, image)
    record = {"Limit": options.fat_limit, "Action": options.fat_action, "Interpolated": resampled}
    sources = tuple(options.water_fat or [options.fat_fraction])
    water = read_volume(options.water_fat[0]) if options.water_fat else None
    return Fat(image_like(fraction.astype(np.float32), image), record, sources, water)


def treat_fat(labels: sitk.Image, fat: Fat, table: LabelTable) -> tuple[sitk.Image, dict[str, Any]]:
    """The labels, cut where that was asked for, and what the sidecar says of it."""
    if fat.fraction is None or fat.record["Action"] != "cut":
        return labels, fat.record and {"FatFraction": fat.record}
    whole = array_of(labels)
    kept = cut_fat(whole, array_of(fat.fraction), table.muscle_indices(), fat.record["Limit"])
    record = {**fat.record, "VoxelsCut": int((whole != kept).sum())}
    return image_like(kept, labels), {"FatFraction": record}


def segment(options: argparse.Namespace) -> None:
    """Read, label, write."""
    image = read_volume(options.image)
    table = read_labels(options.label_table)
    fat = read_fat(options, image)
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
        water=fat.water,
        threads=options.threads,
    )
    result = BACKENDS[options.backend](image, table, told, options.image)
    labels, fat_record = treat_fat(result.labels, fat, table)
    result = replace(result, labels=labels)
    write_image(labels, options.labels)
    for path, values in ((options.confidence, result.evidence.confidence), (options.entropy, result.evidence.entropy)):
        if path and values is not None:
            write_image(values, path)
    write_sidecar(
        options.labels,
        {
            "Manual": False,
            "Backend": options.backend,
            **result.record,
            "Sides": result.sides,
            **fat_record,
            **figures(result, table, fat.fraction, options.fat_limit),
            **sources_of(dict.fromkeys([options.image, *fat.sources])),  # the image may be the water image
        },
    )


if __name__ == "__main__":
    sys.exit(main())
