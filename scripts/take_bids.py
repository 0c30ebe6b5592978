"""Take the Dixon images, the echoes and the T2 map of one scan from a BIDS or Muscle-BIDS dataset, after checking them.

Every image that has an output option needs one to read from. Of the sidecars only known technical facts are taken over.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.images import sidecar_path
from myot2.core.tables import write_tsv
from myot2.ingest.bids.taken import Given, series_of, take
from myot2.ingest.choosing.choices import scan_named
from myot2.ingest.identity import hide_header_text

DIXON = ("in", "opp", "water", "fat")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parse(argv)
    given = Given(
        form=options.form,
        dixon={f"dixon-{kind}": _pair(options, f"dixon_{kind}") for kind in DIXON if _pair(options, f"dixon_{kind}")},
        echoes=options.echoes,
        echoes_out=options.echoes_out,
        t2_map=_pair(options, "t2_map"),
    )
    outputs = [options.series_table, *given.outputs, *map(sidecar_path, given.outputs)]
    return run_stage(
        "ingest",
        lambda: write_tsv(series_of(take(given), options.scan), options.series_table),
        outputs=outputs,
        leave_stop_notes=options.leave_stop_notes,
    )


def _pair(options: argparse.Namespace, name: str) -> tuple[Path, Path] | None:
    image, out = getattr(options, name), getattr(options, f"{name}_out")
    return (image, out) if image and out else None


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = stage_parser(__doc__)
    parser.add_argument("--form", choices=["bids", "muscle-bids"], required=True, help="what the dataset follows")
    parser.add_argument("--scan", type=scan_named, required=True, help="sub-01 or sub-01_ses-1")
    parser.add_argument(
        "--series-table", type=Path, required=True, metavar="OUT", help="table of what was taken (.tsv)"
    )
    for name in (*(f"dixon-{kind}" for kind in DIXON), "t2-map"):
        parser.add_argument(f"--{name}", type=Path, metavar="IN")
        parser.add_argument(f"--{name}-out", type=Path, metavar="OUT")
    parser.add_argument("--echoes", type=Path, nargs="+", default=[], metavar="IN", help="one per echo, or one of 4-D")
    parser.add_argument("--echoes-out", type=Path, nargs="+", default=[], metavar="OUT", help="one per echo")
    options = parser.parse_args(argv)
    for name in (*(f"dixon_{kind}" for kind in DIXON), "t2_map", "echoes"):
        if bool(getattr(options, name)) != bool(getattr(options, f"{name}_out")):
            parser.error(f"--{name.replace('_', '-')} and its -out option go together")
    return options


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
