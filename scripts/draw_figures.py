"""Draw the report's figures from the statistics and measures: each as SVG for the page and as PDF for print."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.report.captions import FIGURES
from myot2.report.figure_style import write_vector
from myot2.report.sections import DRAWN
from myot2.report.study import read_findings


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    files = [(figure, options.out / f"{figure.file}{suffix}") for figure in FIGURES for suffix in (".svg", ".pdf")]

    def work() -> None:
        findings = read_findings(options.results, options.label_table)
        for figure, path in files:
            write_vector(DRAWN[figure.label](findings), path)

    outputs = [path for _, path in files]
    return run_stage("report", work, outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, metavar="DIR", help="holds measure/ and analyse/")
    parser.add_argument("--label-table", type=Path, default=Path("config/labels.tsv"), metavar="TABLE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for <figure>.svg and .pdf")
    return parser


if __name__ == "__main__":
    sys.exit(main())
