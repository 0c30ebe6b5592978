"""Draw the report's figures: each as SVG for the page and as PDF for print.

From the run's statistics and measures (--results), or those of the shareable report from released tables alone
(--released): then each has a mark beside it, for which the shareable report asks.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.releasable import mark_path, write_mark
from myot2.report import captions
from myot2.report.figure_style import write_vector
from myot2.report.sections import DRAWN
from myot2.report.shareable import captions as shareable_captions
from myot2.report.shareable import sections as shareable_sections
from myot2.report.shareable.study import read_shared
from myot2.report.study import read_findings


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    figures = shareable_captions.FIGURES if options.released else captions.FIGURES
    drawings = [(figure, options.out / f"{figure.file}{suffix}") for figure in figures for suffix in (".svg", ".pdf")]
    marks = [mark_path(path) for _, path in drawings if path.suffix == ".svg"] if options.released else []

    def work() -> None:
        if options.released:
            shared = read_shared(options.released)
            for figure, path in drawings:
                write_vector(shareable_sections.DRAWN[figure.label](shared), path)
                if path.suffix == ".svg":
                    write_mark(path, {"Description": figure.caption}, shared.rules)
            return
        findings = read_findings(options.results, options.label_table)
        for figure, path in drawings:
            write_vector(DRAWN[figure.label](findings), path)

    outputs = [*(path for _, path in drawings), *marks]
    return run_stage("report", work, outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--results", type=Path, metavar="DIR", help="holds measure/ and analyse/")
    source.add_argument("--released", type=Path, metavar="DIR", help="of scripts/release_tables.py")
    parser.add_argument("--label-table", type=Path, default=Path("config/labels.tsv"), metavar="TABLE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for <figure>.svg and .pdf")
    return parser


if __name__ == "__main__":
    sys.exit(main())
