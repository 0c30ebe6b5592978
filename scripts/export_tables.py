"""Write the measures as CSV and as a workbook with a data dictionary, and the colour tables of viewers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.dictionary import dictionary_path
from myot2.core.files import write_json, write_text
from myot2.core.labels import read_labels
from myot2.core.tables import read_table, write_csv
from myot2.export.colour_tables import NUMBERINGS, itksnap, slicer
from myot2.export.spreadsheet import typed, write_workbook


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parse(argv)
    return run_stage("export", lambda: export(options), outputs=[], leave_stop_notes=False)


def export(options: argparse.Namespace) -> None:
    """Write all files."""
    table = typed(read_table(options.measures))
    dictionary = json.loads(dictionary_path(options.measures).read_text(encoding="utf-8"))
    write_csv(table, options.csv)
    write_json(options.csv.with_suffix(".json"), dictionary)
    write_workbook(table, dictionary, options.xlsx)
    labels = read_labels(options.label_table)
    for numbering in NUMBERINGS:
        write_text(options.colours / f"{numbering}_itksnap.label", itksnap(labels, numbering))
        colours = slicer(labels, numbering)
        if colours is not None:
            write_text(options.colours / f"{numbering}_slicer.ctbl", colours)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = stage_parser(__doc__)
    parser.add_argument("--measures", type=Path, required=True, help="table of measures (.tsv), its dictionary beside")
    parser.add_argument("--label-table", default="config/labels.tsv", help="label table (default: config/labels.tsv)")
    parser.add_argument("--csv", type=Path, required=True, metavar="OUT", help="the table (.csv), and .json beside it")
    parser.add_argument("--xlsx", type=Path, required=True, metavar="OUT", help="the table as a workbook (.xlsx)")
    parser.add_argument("--colours", type=Path, required=True, metavar="FOLDER", help="receives the colour tables")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
