"""Draw a reconstruction: the sampled lines, the T2 map, and where there is one the map of the fully sampled scan."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.images import read_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import raise_if_stopped
from myot2.core.tables import read_table
from myot2.report.figure_style import write_png
from myot2.report.reconstruction_picture import reconstruction_figure


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)

    def work() -> None:
        raise_if_stopped(options.summary)
        told = json.loads(options.summary.read_text(encoding="utf-8"))
        pattern = read_table(options.pattern).astype({"echo": int, "line": int})
        figure = reconstruction_figure(
            pattern,
            told["Matrix"][0],
            *(read_image(path) for path in (options.t2, options.labels)),
            read_labels(options.label_table),
            full=read_image(options.full) if options.full else None,
            title=options.title,
            where=options.title or str(options.t2),
        )
        write_png(figure, options.out)

    return run_stage("report", work, outputs=[options.out], leave_stop_notes=options.leave_stop_notes)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add = parser.add_argument
    add("--summary", type=Path, required=True, metavar="JSON", help="from scripts/reconstruct_t2.py")
    add("--pattern", type=Path, required=True, metavar="TSV", help="the sampled lines, from the same")
    add("--t2", type=Path, required=True, metavar="NIFTI", help="T2 map (ms)")
    add("--labels", type=Path, required=True, metavar="NIFTI", help="label map on its grid")
    add("--full", type=Path, metavar="NIFTI", help="T2 map of the fully sampled scan")
    add("--label-table", type=Path, required=True, metavar="TABLE", help="config/labels.tsv")
    add("--title", default="", help="printed above, such as sub-P01")
    add("--out", type=Path, required=True, metavar="PNG")
    return parser


if __name__ == "__main__":
    sys.exit(main())
