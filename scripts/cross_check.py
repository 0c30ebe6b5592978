"""Read again with dcm2niix what ingest read, and compare place and value of every image that ingest wrote.

The options are those of scripts/ingest_dicom.py, but the images are inputs here. The table says per image whether it
was compared, the reason where not, and the largest differences. A difference is bad input: the program ends with an
error, or, with --leave-stop-notes, with a stop note in place of the table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.files import write_json
from myot2.core.rows import write_rows
from myot2.core.stopnote import raise_if_stopped
from myot2.ingest.checking.crosscheck import COLUMNS, DICTIONARY, cross_check
from myot2.ingest.checking.secondreader import Ended
from myot2.ingest.identity import hide_header_text, read_key
from myot2.ingest.order_options import add_order_options, order_of
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stage import Order, select_ordered


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    order = order_of(parser, options, options.table)
    return run_stage(
        "ingest",
        lambda: check(options.dicom, order, options.table),
        outputs=[options.table, options.table.with_suffix(".json")],
        leave_stop_notes=options.leave_stop_notes,
    )


def check(dicom: str, order: Order, out: Path) -> None:
    """Compare the images and write the table."""
    for path in [*order.dixon.values(), *order.echoes, *([order.t2_map] if order.t2_map else [])]:
        raise_if_stopped(path)
    pseudonyms = read_key(order.key) if order.key else None
    selection = select_ordered(read_index(dicom), order, pseudonyms)
    try:
        rows = cross_check(selection, order)
    except Ended as error:
        raise SystemExit(f"ingest: {error}: out of memory or time, or stopped by a person. Run again.") from None
    write_rows(rows, COLUMNS, out)
    write_json(out.with_suffix(".json"), DICTIONARY)
    print(f"images: {len(rows)}, compared: {sum(row['compared'] == 'yes' for row in rows)}")


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_order_options(parser)
    parser.add_argument("--table", type=Path, required=True, metavar="OUT", help="table of the comparison (.tsv)")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
