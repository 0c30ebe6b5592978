"""Bring images, such as Dixon water and fat, to the grid of the T2 map: means over the true extent of each voxel.

The transform that scripts/resample_labels.py wrote brings the motion between the series along. Each result has a JSON
sidecar with what its source's says of the sequence; voxels outside the field of the images are NaN.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from myot2.align.averaging import resample_means
from myot2.align.inputs import read_transform, slice_thickness_mm
from myot2.core.bids import sources_of, uri_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.images import (
    array_of,
    image_like,
    read_map,
    read_sidecar,
    read_volume,
    require_same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)

KEPT = ("Role", "Units", "EchoTime", "RepetitionTime", "ImageType", "SequenceName", "MagneticFieldStrength")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--images", nargs="+", required=True, metavar="NIFTI", help="on one grid")
    parser.add_argument("--reference", required=True, metavar="NIFTI", help="first echo or T2 map")
    parser.add_argument("--transform", metavar="TFM", help="from points of the reference to points of the images")
    parser.add_argument("--out", nargs="+", required=True, metavar="OUT", help="one for each image")
    options = parser.parse_args(argv)
    if len(options.out) != len(options.images):
        parser.error("--out has one name for each of --images")
    return options


def resample(options: argparse.Namespace) -> None:
    """Resample and write."""
    reference = read_volume(options.reference)
    images = [image_like(values, image) for image, values in map(read_map, options.images)]
    for path, image in zip(options.images[1:], images[1:], strict=True):
        require_same_grid(images[0], image, where=path, what="all images")
    results = resample_means(
        images,
        reference,
        read_transform(options.transform) if options.transform else None,
        source_thickness_mm=slice_thickness_mm(None, *options.images),
        reference_thickness_mm=slice_thickness_mm(None, options.reference),
    )
    if not any(np.isfinite(array_of(image)).any() for image in results):
        raise MyoT2Error(
            expected="images that show what the reference shows",
            found="no voxel of the reference inside their field",
            where=options.images[0],
            do="Check that both series show the same part of the same person in one frame of reference.",
        )
    reference_uri = uri_of(options.reference)
    space = {"SpatialReference": reference_uri} if reference_uri else {}
    for source, path, image in zip(options.images, options.out, results, strict=True):
        sidecar = read_sidecar(source)
        write_image(image, path)
        kept = {key: sidecar[key] for key in KEPT if key in sidecar}
        record = {"Units": "arbitrary", **kept, "SkullStripped": False}
        write_sidecar(path, {**record, **space, **sources_of([source, options.reference])})


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage(
        "align",
        lambda: resample(options),
        outputs=[output for path in options.out for output in (path, sidecar_path(path))],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
