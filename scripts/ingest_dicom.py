"""Find the Dixon images, the echoes and the T2 map in a DICOM folder; write them as NIfTI with technical facts only.

Only what has an output option is needed of the folder. The series table says what every series is, and why it was taken
or not. No text of the headers leaves this program except known technical terms.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.identity import hide_header_text
from myot2.ingest.stage import Order, ingest


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.series and not (options.key and options.scan):
        parser.error("--series needs --key and --scan: its rows are known by scan and pseudonym")
    order = Order(
        series_table=options.series_table,
        dixon={f"dixon-{kind}": path for kind in _DIXON if (path := getattr(options, f"dixon_{kind}"))},
        echoes=options.echoes,
        t2_map=options.t2_map,
        t2_map_scale=options.t2_map_scale,
        scan=options.scan,
        key=options.key,
        choices=options.series,
    )
    return run_stage(
        "ingest",
        lambda: print(ingest(options.dicom, order)),
        outputs=order.outputs,
        leave_stop_notes=options.leave_stop_notes,
    )


_DIXON = {"in": "in-phase", "opp": "opposed-phase", "water": "water", "fat": "fat"}


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--dicom", required=True, help="folder with one participant's DICOM files, in any order")
    parser.add_argument("--series-table", type=Path, required=True, help="table of all series found (.tsv)")
    for kind, name in _DIXON.items():
        parser.add_argument(f"--dixon-{kind}", type=Path, metavar="OUT", help=f"{name} image of the Dixon (.nii.gz)")
    parser.add_argument(
        "--echoes",
        type=Path,
        nargs="+",
        default=[],
        metavar="OUT",
        help="images of the multi-echo spin echo, ascending in echo time; as many as the protocol has echoes",
    )
    parser.add_argument("--t2-map", type=Path, metavar="OUT", help="the scanner's T2 map, in ms (.nii.gz)")
    parser.add_argument("--t2-map-scale", type=_positive, help="ms per stored value, where the map does not say it")
    parser.add_argument("--scan", type=scan_named, help="sub-01 or sub-01_ses-1: whose the series table is")
    parser.add_argument("--key", type=Path, help="file with the site's secret, for pseudonyms of identifiers")
    parser.add_argument(
        "--series", type=Path, help="series table of `make index`, edited: its rows of this scan say what is taken"
    )
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be positive")
    return value


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
