"""Make a map of B1 relative to nominal from two images whose nominal flip angles differ by a factor of two."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.images import (
    image_like,
    read_map,
    require_same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)
from myot2.fit.b1 import double_angle_b1


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--single", required=True, metavar="NIFTI", help="magnitude at the nominal angle")
    parser.add_argument("--double", required=True, metavar="NIFTI", help="magnitude at twice that angle")
    parser.add_argument("--angle-deg", type=float, default=60.0, metavar="DEG", help="nominal angle; default 60")
    parser.add_argument("--out", required=True, metavar="OUT", help="B1 relative to nominal, NaN where unknown")
    options = parser.parse_args(argv)
    if not 0 < options.angle_deg < 90:
        parser.error("--angle-deg lies between 0 and 90")
    return options


def map_b1(options: argparse.Namespace) -> None:
    """Compute the map and write it."""
    (image, single), (other, double) = read_map(options.single), read_map(options.double)
    require_same_grid(image, other, where=options.double, what="both images")
    b1 = double_angle_b1(single.astype(float), double.astype(float), options.angle_deg)
    write_image(image_like(b1.astype(np.float32), image), options.out)
    record = {"Units": "arbitrary", "Quantity": "B1 relative to nominal", "NominalFlipAngle": options.angle_deg}
    write_sidecar(options.out, {**record, "SkullStripped": False, **sources_of([options.single, options.double])})


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [options.out, sidecar_path(options.out)]
    return run_stage("fit", lambda: map_b1(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
