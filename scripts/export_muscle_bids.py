"""Write one scan in the Muscle-BIDS form: the echoes in one file, Dixon images, T2 map; times in ms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.export.muscle_bids import export_dixon, export_echoes, export_t2, headers_beside

PAIR = ("IN", "OUT")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parse(argv)
    images = [*(out for _, out in options.dixon), *([options.mese] if options.mese else []), options.t2[1]]
    outputs = [path for image in images for path in (image, *headers_beside(image))]

    def work() -> None:
        for image, out in options.dixon:
            export_dixon(image, out)
        if options.mese:
            export_echoes(options.echoes, options.mese)
        export_t2(*options.t2)

    return run_stage("export", work, outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = stage_parser(__doc__)
    parser.add_argument("--dixon", nargs=2, type=Path, action="append", default=[], metavar=PAIR, help="one or more")
    parser.add_argument("--echoes", nargs="+", type=Path, default=[], metavar="IN", help="in the order of echo time")
    parser.add_argument("--mese", type=Path, metavar="OUT", help="all echoes, four dimensions")
    parser.add_argument("--t2", nargs=2, type=Path, required=True, metavar=PAIR, help="T2 map in ms, as fit makes it")
    options = parser.parse_args(argv)
    if bool(options.echoes) != bool(options.mese):
        parser.error("--echoes and --mese go together")
    return options


if __name__ == "__main__":
    sys.exit(main())
