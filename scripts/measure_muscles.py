"""Measure T2 and volume of each muscle, each muscle group and the whole thigh: left, right, and both together."""

from __future__ import annotations

import argparse
import re
import sys

import numpy as np

from myot2.core.command import run_stage, stage_parser
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import read_labels, require_known
from myot2.core.regions import regions_of
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import write_tsv
from myot2.measure.inputs import read_fraction, read_status
from myot2.measure.muscles import COLUMNS, PLAUSIBLE_MS, measure_regions

IDENTIFIER = re.compile(r"[A-Za-z0-9]+")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--t2", required=True, metavar="NIFTI", help="T2 in ms")
    parser.add_argument("--status", metavar="NIFTI", help="status map of the fit; only voxels that are ok are measured")
    parser.add_argument("--fat-fraction", metavar="NIFTI", help="map of the fat fraction (0-1) on the same grid")
    parser.add_argument("--labels", required=True, metavar="NIFTI", help="label map on the same grid")
    parser.add_argument("--label-table", required=True, metavar="TSV", help="config/labels.tsv")
    parser.add_argument("--participant", required=True, metavar="ID", help="without 'sub-'")
    parser.add_argument("--session", default="n/a", metavar="ID", help="without 'ses-'; default n/a")
    parser.add_argument("--out", required=True, metavar="TSV", help="its data dictionary is written beside it as .json")
    parser.add_argument("--cross-check", metavar="TSV", help="ingest's comparison of two readers, which must agree")
    parser.add_argument("--erosion-mm", type=float, default=0.0, metavar="MM", help="in-plane, per muscle; default 0")
    parser.add_argument(
        "--plausible-ms", type=float, nargs=2, default=PLAUSIBLE_MS, metavar=("LOW", "HIGH"), help="default 1 300"
    )
    options = parser.parse_args(argv)
    low, high = options.plausible_ms
    if options.erosion_mm < 0 or not low < high:
        parser.error("--erosion-mm is not negative, and --plausible-ms goes from low to high")
    if not IDENTIFIER.fullmatch(options.participant) or not (
        options.session == "n/a" or IDENTIFIER.fullmatch(options.session)
    ):
        parser.error("--participant and --session consist of letters and digits")
    return options


def measure(options: argparse.Namespace) -> None:
    """Measure one scan and write its table."""
    if options.cross_check:
        raise_if_stopped(options.cross_check)
    t2, labels = read_image(options.t2), read_image(options.labels)
    require_same_grid(t2, labels, where=options.labels, what="T2 map and labels")
    status = read_status(options.status, t2) if options.status else None
    fat = read_fraction(options.fat_fraction, t2) if options.fat_fraction else None
    table = read_labels(options.label_table)
    numbers = array_of(labels)
    require_known(numbers, table, options.labels)
    low, high = options.plausible_ms
    measures = measure_regions(
        array_of(t2),
        numbers.astype(np.intp),
        labels.GetSpacing(),
        regions_of(table, options.label_table),
        erosion_mm=options.erosion_mm,
        plausible_ms=(low, high),
        status=status,
        fat_fraction=fat,
    )
    measures.insert(0, "participant_id", options.participant)
    measures.insert(1, "session", options.session)
    write_tsv(measures[list(COLUMNS)], options.out)
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
