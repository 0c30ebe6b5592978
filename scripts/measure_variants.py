"""Measure T2 of both thighs in every way: each mask by mean, median and 90th percentile over voxels, muscles, slices.

The study's value is among them, in the row of the run's own mask, mean and voxel. docs/stages/measure.md has the
formulas. Without --corrected the rows of the corrected mask say that there is none.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from myot2.core.command import run_stage, stage_parser
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import require_known
from myot2.core.rows import write_rows
from myot2.core.stopnote import read_stop_note
from myot2.measure.muscles import erode_in_plane, erode_one_voxel
from myot2.measure.scan_options import Measured, add_scan_options, read_scan, refuse_impossible
from myot2.measure.variants import COLUMNS, measure_variants


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    add_scan_options(parser)
    parser.add_argument("--corrected", metavar="NIFTI", help="corrected label map on the same grid")
    parser.add_argument("--mask-name", choices=["automatic", "given"], default="automatic", help="what --labels is")
    parser.add_argument("--t2-name", default="vendor-map", metavar="NAME", help="what --t2 is; default %(default)s")
    options = parser.parse_args(argv)
    refuse_impossible(parser, options)
    return options


def masks_of(scan: Measured, options: argparse.Namespace) -> dict[str, np.ndarray | str]:
    """The masks that the options name, each after the run's own erosion, and the own one eroded further."""
    own = erode_in_plane(scan.labels, scan.image.GetSpacing(), options.erosion_mm)
    return {options.mask_name: own, "eroded": erode_one_voxel(own), "corrected": corrected_of(scan, options)}


def corrected_of(scan: Measured, options: argparse.Namespace) -> np.ndarray | str:
    """The corrected mask, or why there is none: a bad one leaves the others their values."""
    if not options.corrected:
        return "no corrected label map is given"
    note = read_stop_note(options.corrected)
    if note:
        return f"the corrected label map stopped at {note.stage}: expected {note.expected}, found {note.found}"
    image = read_image(options.corrected)
    require_same_grid(scan.image, image, where=options.corrected, what="T2 map and corrected labels")
    numbers = array_of(image)
    require_known(numbers, scan.table, options.corrected)
    return erode_in_plane(numbers.astype(np.intp), scan.image.GetSpacing(), options.erosion_mm)


def measure(options: argparse.Namespace) -> None:
    """Measure one scan and write its table."""
    scan = read_scan(options)
    low, high = options.plausible_ms
    measures = measure_variants(
        scan.t2_ms,
        masks_of(scan, options),
        scan.table.muscle_indices(),
        plausible_ms=(low, high),
        status=scan.status,
    )
    who = {"participant_id": options.participant, "session": options.session, "t2": options.t2_name}
    write_rows([{**who, **row} for row in measures], COLUMNS, options.out)
    write_dictionary(options.out, COLUMNS, {"erosion_mm": options.erosion_mm, "plausible_ms": [low, high]})


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage(
        "measure",
        lambda: measure(options),
        outputs=[options.out, dictionary_path(options.out)],
        leave_stop_notes=options.leave_stop_notes,
    )


if __name__ == "__main__":
    sys.exit(main())
