"""Take label maps that were made elsewhere instead of a model's, after checking and translating their numbers."""

from __future__ import annotations

import sys

from myot2.core.command import run_stage, stage_parser
from myot2.core.images import sidecar_path, write_image, write_sidecar
from myot2.core.label_names import NUMBERINGS, OWN
from myot2.core.labels import read_labels
from myot2.segment.backends.labels import take_labels
from myot2.segment.backends.result import figures
from myot2.segment.legs import SIDES


def main(argv: list[str] | None = None) -> int:
    """Read, check and write the label map and its sidecar."""
    parser = stage_parser(__doc__)
    parser.add_argument("--given", required=True, metavar="IN.nii.gz", help="the label map, or a folder of masks")
    parser.add_argument("--numbering", choices=NUMBERINGS, default=OWN, help=f"whose numbers or names ({OWN})")
    parser.add_argument("--ignore", nargs="*", default=[], metavar="NAME", help="structures that become background")
    parser.add_argument("--label-table", default="config/labels.tsv", help="which number means which muscle")
    parser.add_argument("--labels", required=True, metavar="OUT.nii.gz", help="the label map of the workflow")
    args = parser.parse_args(argv)

    def work() -> None:
        table = read_labels(args.label_table)
        result = take_labels(args.given, table, numbering=args.numbering, ignore=args.ignore)
        write_image(result.labels, args.labels)
        # a phantom's spheres are no thigh to be judged
        judged = figures(result, table) if any(label.side in SIDES for label in table.muscle_labels) else {}
        write_sidecar(args.labels, {"Backend": "labels", **result.record, **judged})

    outputs = [args.labels, sidecar_path(args.labels)]
    return run_stage("segment", work, outputs=outputs, leave_stop_notes=args.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
