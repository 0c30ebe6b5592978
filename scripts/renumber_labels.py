"""Write a label map in the numbers of another tool; a label that it has not becomes 0, and the sidecar says so."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.images import array_of, image_like, read_volume, sidecar_path, write_image, write_sidecar
from myot2.core.labels import read_labels, require_known
from myot2.export.colour_tables import NUMBERINGS, renumbered


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parse(argv)
    outputs = [options.out, sidecar_path(options.out)]
    return run_stage("export", lambda: renumber(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def renumber(options: argparse.Namespace) -> None:
    """Read, translate, write."""
    image, table = read_volume(options.labels), read_labels(options.label_table)
    labels = array_of(image)
    require_known(labels, table, options.labels)
    numbers, lost = renumbered(labels.astype(int), table, options.numbering)
    names = [f"{label.name} {label.side}" for label in lost]
    write_image(image_like(numbers, image), options.out)
    write_sidecar(options.out, {"Numbering": options.numbering, "LeftOut": names})
    print(f"left out: {', '.join(names) or 'none'}")


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = stage_parser(__doc__)
    parser.add_argument("--labels", type=Path, required=True, help="label map in the numbers of the label table")
    parser.add_argument("--label-table", default="config/labels.tsv", help="label table (default: config/labels.tsv)")
    parser.add_argument("--numbering", choices=NUMBERINGS[1:], required=True, help="whose numbers")
    parser.add_argument("--out", type=Path, required=True, help="label map (.nii.gz)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
