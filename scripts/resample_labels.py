"""Bring a label map to the grid of another image: by geometry, then by a rigid registration where that helps.

Each voxel of the reference is sampled over its true thickness and belongs to the label that fills most of it, if labels
fill the minimum fraction; bone, which the label table tells, goes where no muscle lies. With --moving-image (an image
on the grid of the labels) the motion of the muscles between the two series is sought; it is used only if the images
then match better. With --moved-by the motion is the one that an earlier run of this program found, and none is sought;
labels that a person drew on the grid of the reference, which is not that of the moving image, are passed on as they
are.
A JSON sidecar of the result says what was done and how well.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import SimpleITK as sitk

from myot2.align.coverage import MINIMUM_FRACTION, Resampled, resample_labels, without
from myot2.align.inputs import read_label_map, read_transform, slice_thickness_mm
from myot2.align.refine import Limits, Refinement, refine
from myot2.core.bids import sources_of, uri_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.files import atomic
from myot2.core.images import (
    array_of,
    image_like,
    read_volume,
    require_same_grid,
    same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)
from myot2.core.labels import read_labels, require_known


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--labels", required=True, metavar="NIFTI", help="label map")
    parser.add_argument("--reference", required=True, metavar="NIFTI", help="first echo or T2 map")
    parser.add_argument("--out", required=True, metavar="OUT", help="label map on the grid of the reference")
    parser.add_argument("--label-table", metavar="TSV", help="config/labels.tsv; without it no label is taken for bone")
    parser.add_argument(
        "--moving-image", metavar="NIFTI", help="image on the grid of the labels, such as Dixon in-phase"
    )
    parser.add_argument("--refinement", choices=["rigid", "none"], default="rigid", help="default rigid")
    parser.add_argument("--moved-by", metavar="TFM", help="--transform of an earlier run, for other labels of the scan")
    parser.add_argument("--transform", metavar="OUT.tfm", help="from points of the reference to points of the labels")
    parser.add_argument("--label-slice-thickness-mm", type=float, metavar="MM", help="default: sidecar, else spacing")
    parser.add_argument(
        "--reference-slice-thickness-mm", type=float, metavar="MM", help="default: sidecar, else spacing"
    )
    parser.add_argument("--minimum-fraction", type=float, default=MINIMUM_FRACTION, help="default %(default)s")
    parser.add_argument("--largest-displacement-mm", type=float, default=Limits.displacement_mm, metavar="MM")
    parser.add_argument("--largest-rotation-deg", type=float, default=Limits.rotation_deg, metavar="DEG")
    options = parser.parse_args(argv)
    if not 0 < options.minimum_fraction <= 1:
        parser.error("--minimum-fraction lies above 0 and not above 1")
    return options


def align(options: argparse.Namespace) -> None:
    """Resample, refine and write."""
    labels, reference = read_label_map(options.labels), read_volume(options.reference)
    if drawn_on_reference(labels, reference, options):
        write_image(labels, options.out)
        sources = sources_of([options.labels, options.reference])
        write_sidecar(options.out, {"Role": "label map drawn on the grid of the reference", **sources})
        return
    bone = bone_in(labels, options)
    beside = [options.labels, options.moving_image] if options.moving_image else [options.labels]
    settings = {
        "label_thickness_mm": slice_thickness_mm(options.label_slice_thickness_mm, *beside),
        "reference_thickness_mm": slice_thickness_mm(options.reference_slice_thickness_mm, options.reference),
        "minimum_fraction": options.minimum_fraction,
    }
    placed = resample_labels(labels, reference, bone=bone, where=options.labels, **settings)
    muscle = [image_like(without(array_of(map_), bone), map_) for map_ in (labels, placed.labels)]
    refinement = find_motion(options, reference, *muscle)
    if refinement.kept:
        placed = resample_labels(labels, reference, refinement.transform, bone=bone, where=options.labels, **settings)
    write_image(placed.labels, options.out)
    reference_uri = uri_of(options.reference)
    space = {"SpatialReference": reference_uri} if reference_uri else {}
    sources = sources_of([options.labels, options.reference, *beside[1:]])
    write_sidecar(options.out, {**quality(placed, refinement, labels, settings), **space, **sources})
    if options.transform:
        with atomic(options.transform) as temporary:
            sitk.WriteTransform(refinement.transform, str(temporary))


def drawn_on_reference(labels: sitk.Image, reference: sitk.Image, options: argparse.Namespace) -> bool:
    """Whether other labels of a scan were drawn where they are to be, so that nothing is to be moved."""
    if not (options.moved_by and options.moving_image) or not same_grid(labels, reference):
        return False
    bone_in(labels, options)  # refuses numbers that are no labels
    return not same_grid(labels, read_volume(options.moving_image))


def bone_in(labels: sitk.Image, options: argparse.Namespace) -> list[int]:
    """The numbers of bone, where a label table is given; it must know every number of the map."""
    if not options.label_table:
        return []
    table = read_labels(options.label_table)
    require_known(array_of(labels), table, options.labels)
    return table.bone_indices()


def find_motion(
    options: argparse.Namespace, reference: sitk.Image, labels: sitk.Image, placed: sitk.Image
) -> Refinement:
    """The refinement that the options ask for, of muscle labels on their own grid and placed by geometry."""
    if options.moved_by:
        if options.moving_image:
            require_same_grid(
                labels, read_volume(options.moving_image), where=options.labels, what="labels and moving image"
            )
        return Refinement(read_transform(options.moved_by), True, "given")
    if options.refinement == "none" or not options.moving_image:
        reason = "not asked for" if options.refinement == "none" else "no moving image was given"
        return Refinement(sitk.Euler3DTransform(), False, reason)
    moving = read_volume(options.moving_image)
    require_same_grid(labels, moving, where=options.moving_image, what="labels and moving image")
    limits = Limits(displacement_mm=options.largest_displacement_mm, rotation_deg=options.largest_rotation_deg)
    return refine(reference, moving, labels, placed, limits)


def quality(
    placed: Resampled, refinement: Refinement, labels: sitk.Image, settings: dict[str, float | None]
) -> dict[str, Any]:
    """The sidecar of the result."""
    return {
        "Role": "label map on the grid of the reference",
        "LabelSliceThicknessMm": settings["label_thickness_mm"] or labels.GetSpacing()[2],
        "ReferenceSliceThicknessMm": settings["reference_thickness_mm"] or placed.labels.GetSpacing()[2],
        "MinimumFraction": settings["minimum_fraction"],
        "LabelsOutsideReferenceShare": round(placed.labels_outside_share, 6),
        "ReferenceOutsideLabelsShare": round(placed.reference_outside_share, 6),
        "RefinementKept": refinement.kept,
        "RefinementReason": refinement.reason,
        "MutualInformationBefore": rounded(refinement.information_before),
        "MutualInformationAfter": rounded(refinement.information_after),
        "DisplacementMm": rounded(refinement.displacement_mm),
        "RotationDeg": rounded(refinement.rotation_deg),
    }


def rounded(value: float | None) -> float | None:
    """Six decimals, which is more than a registration means."""
    return None if value is None else round(value, 6)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [options.out, sidecar_path(options.out), *([options.transform] if options.transform else [])]
    return run_stage("align", lambda: align(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
