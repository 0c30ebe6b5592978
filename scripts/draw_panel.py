"""Draw one participant's panel: in-phase image with muscle outlines beside the T2 map in colour, on one slice."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import SimpleITK as sitk

from myot2.core.command import run_stage, stage_parser
from myot2.core.images import read_image, same_grid
from myot2.core.labels import read_labels
from myot2.core.stopnote import read_stop_note
from myot2.report.figure_style import write_png
from myot2.report.panel import panel_figure


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)

    def work() -> None:
        figure = panel_figure(
            *(read_image(path) for path in (options.image, options.labels, options.t2, options.t2_labels)),
            read_labels(options.label_table),
            title=options.title,
            t2_range_ms=tuple(options.t2_range_ms),
            where=options.title or str(options.t2),
            corrected=_corrected(options.corrected_labels, read_image(options.labels)),
        )
        write_png(figure, options.out)

    return run_stage("report", work, outputs=[options.out], leave_stop_notes=options.leave_stop_notes)


def _corrected(path: Path | None, labels: sitk.Image) -> sitk.Image | None:
    """The corrected labels; none where they were refused, for the picture without them is still worth a look.

    None either where they were drawn on the grid of the T2 map, which is not the picture's.
    """
    note = read_stop_note(path) if path else None
    if note:
        print(f"without corrected outlines: expected {note.expected}, found {note.found}", file=sys.stderr)
    if path is None or note:
        return None
    corrected = read_image(path)
    if not same_grid(corrected, labels):
        print("without corrected outlines: they were drawn on the grid of the T2 map", file=sys.stderr)
        return None
    return corrected


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--image", type=Path, required=True, metavar="NIFTI", help="Dixon in-phase image")
    parser.add_argument("--labels", type=Path, required=True, metavar="NIFTI", help="label map on the image's grid")
    parser.add_argument(
        "--corrected-labels", type=Path, metavar="NIFTI", help="the same corrected by a person, drawn over it in dashes"
    )
    parser.add_argument("--t2", type=Path, required=True, metavar="NIFTI", help="T2 map (ms)")
    parser.add_argument("--t2-labels", type=Path, required=True, metavar="NIFTI", help="label map on the T2 grid")
    parser.add_argument("--label-table", type=Path, required=True, metavar="TABLE", help="config/labels.tsv")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG")
    parser.add_argument("--title", default="", help="printed above, such as sub-P01")
    parser.add_argument(
        "--t2-range-ms",
        type=float,
        nargs=2,
        default=[20.0, 80.0],
        metavar=("LOW", "HIGH"),
        help="T2 at both ends of the colours (default: 20 80)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
