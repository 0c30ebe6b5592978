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
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import write_tsv
from myot2.ingest.checking.crosscheck import DICTIONARY, cross_check
from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.identity import hide_header_text, read_key
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stage import Order, select_ordered


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.series and not (options.key and options.scan):
        parser.error("--series needs --key and --scan: its rows are known by scan and pseudonym")
    return run_stage(
        "ingest",
        lambda: check(options),
        outputs=[options.table, options.table.with_suffix(".json")],
        leave_stop_notes=options.leave_stop_notes,
    )


def check(options: argparse.Namespace) -> None:
    """Compare the images and write the table."""
    order = Order(
        series_table=options.table,
        dixon={f"dixon-{kind}": path for kind in _DIXON if (path := getattr(options, f"dixon_{kind}"))},
        echoes=options.echoes,
        t2_map=options.t2_map,
        scan=options.scan,
        key=options.key,
        choices=options.series,
    )
    for path in [*order.dixon.values(), *order.echoes, *([order.t2_map] if order.t2_map else [])]:
        raise_if_stopped(path)
    pseudonyms = read_key(order.key) if order.key else None
    table = cross_check(select_ordered(read_index(options.dicom), order, pseudonyms), order)
    write_tsv(table, options.table)
    write_json(options.table.with_suffix(".json"), DICTIONARY)
    print(f"images: {len(table)}, compared: {(table['compared'] == 'yes').sum()}")


_DIXON = {"in": "in-phase", "opp": "opposed-phase", "water": "water", "fat": "fat"}


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--dicom", required=True, help="the folder that ingest read")
    parser.add_argument("--table", type=Path, required=True, metavar="OUT", help="table of the comparison (.tsv)")
    for kind, name in _DIXON.items():
        parser.add_argument(f"--dixon-{kind}", type=Path, metavar="NIFTI", help=f"{name} image that ingest wrote")
    parser.add_argument("--echoes", type=Path, nargs="+", default=[], metavar="NIFTI", help="echoes that ingest wrote")
    parser.add_argument("--t2-map", type=Path, metavar="NIFTI", help="T2 map that ingest wrote, with its sidecar")
    parser.add_argument("--scan", type=scan_named, help="as ingest was given it")
    parser.add_argument("--key", type=Path, help="as ingest was given it")
    parser.add_argument("--series", type=Path, help="the edited series table, as ingest was given it")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
