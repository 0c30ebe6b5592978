"""Measure T2 and volume of each muscle, each muscle group and the whole thigh: left, right, and both together."""

from __future__ import annotations

import argparse
import sys

from myot2.core.command import run_stage, stage_parser
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.regions import regions_of
from myot2.core.rows import write_rows
from myot2.measure.inputs import read_fraction
from myot2.measure.muscles import COLUMNS, measure_regions
from myot2.measure.scan_options import add_scan_options, read_scan, refuse_impossible


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    add_scan_options(parser)
    parser.add_argument("--fat-fraction", metavar="NIFTI", help="map of the fat fraction (0-1) on the same grid")
    options = parser.parse_args(argv)
    refuse_impossible(parser, options)
    return options


def measure(options: argparse.Namespace) -> None:
    """Measure one scan and write its table."""
    scan = read_scan(options)
    fat = read_fraction(options.fat_fraction, scan.image) if options.fat_fraction else None
    low, high = options.plausible_ms
    measures = measure_regions(
        scan.t2_ms,
        scan.labels,
        scan.image.GetSpacing(),
        regions_of(scan.table, options.label_table),
        erosion_mm=options.erosion_mm,
        plausible_ms=(low, high),
        status=scan.status,
        fat_fraction=fat,
    )
    who = {"participant_id": options.participant, "session": options.session}
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
