"""Take a label map that a person gives instead of the network's, after checking its numbers."""

from __future__ import annotations

import sys

from myot2.core.command import run_stage, stage_parser
from myot2.core.files import sha256
from myot2.core.images import sidecar_path, write_image, write_sidecar
from myot2.core.labels import read_labels
from myot2.segment.given import read_given_labels


def main(argv: list[str] | None = None) -> int:
    """Read, check and write the label map and its sidecar."""
    parser = stage_parser(__doc__)
    parser.add_argument("--given", required=True, metavar="IN.nii.gz", help="the label map")
    parser.add_argument("--label-table", default="config/labels.tsv", help="which number means which muscle")
    parser.add_argument("--labels", required=True, metavar="OUT.nii.gz", help="the label map of the workflow")
    args = parser.parse_args(argv)

    def work() -> None:
        write_image(read_given_labels(args.given, read_labels(args.label_table)), args.labels)
        write_sidecar(args.labels, {"Source": "given", "GivenSha256": sha256(args.given)})

    outputs = [args.labels, sidecar_path(args.labels)]
    return run_stage("segment", work, outputs=outputs, leave_stop_notes=args.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
