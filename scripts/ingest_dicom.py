"""Find the Dixon images, the echoes and the T2 map in a DICOM folder; write them as NIfTI with technical facts only.

Only what has an output option is needed of the folder. The series table says what every series is, and why it was taken
or not. No text of the headers leaves this program except known technical terms.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.ingest.identity import hide_header_text
from myot2.ingest.order_options import add_order_options, order_of
from myot2.ingest.stage import ingest


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    order = order_of(parser, options, options.series_table, options.t2_map_scale)
    return run_stage(
        "ingest",
        lambda: print(ingest(options.dicom, order)),
        outputs=order.outputs,
        leave_stop_notes=options.leave_stop_notes,
    )


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_order_options(parser)
    parser.add_argument("--series-table", type=Path, required=True, help="table of all series found (.tsv)")
    parser.add_argument("--t2-map-scale", type=_positive, help="ms per stored value, where the map does not say it")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be positive")
    return value


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
