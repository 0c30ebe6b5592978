"""Make the label map that a person's decision asks for: the corrected one, or the run's own without rejected muscles.

A decision holds for the files that were seen: where the image, the run's own label map or the corrected one has
changed since, it is refused as stale. A rejected scan stops here, with the reason. Without a decision the corrected
label map is checked and passed on, to be compared.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from myot2.core.bids import sources_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import read_volume, sidecar_path, write_image, write_sidecar
from myot2.core.labels import LabelTable, read_labels
from myot2.core.scans import Scan
from myot2.review.decisions import NAME, Row, changed_since, deciding, read_decisions
from myot2.review.masks import GRIDS, read_corrected, without_muscles
from myot2.review.places import corrected_mask_path


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--folder", required=True, metavar="FOLDER", help="decisions.tsv and corrected label maps")
    parser.add_argument("--rater", metavar="RATER", help="whose decision counts; default: who decided first")
    parser.add_argument("--participant", required=True, metavar="ID")
    parser.add_argument("--session", default="n/a", metavar="ID", help="n/a where there is one only")
    parser.add_argument("--image", required=True, metavar="NIFTI", help="the image that was seen")
    parser.add_argument("--own-labels", required=True, metavar="NIFTI", help="the run's own label map")
    parser.add_argument("--t2-grid", required=True, metavar="NIFTI", help="an image on the grid of the T2 map")
    parser.add_argument("--label-table", default="config/labels.tsv", metavar="TSV")
    parser.add_argument("--ignore-decisions", action="store_true", help="check the corrected label map alone")
    parser.add_argument("--labels", required=True, metavar="OUT.nii.gz")
    return parser.parse_args(argv)


def apply(options: argparse.Namespace) -> None:
    """Check the decision and write what it asks for."""
    scan = Scan(options.participant, None if options.session == "n/a" else options.session)
    mask = corrected_mask_path(options.folder, scan.name)
    where = f"{Path(options.folder) / NAME}, {scan.name}"
    own = read_volume(options.own_labels)  # a stop note stops here too
    row = None if options.ignore_decisions else deciding(read_decisions(options.folder), options.rater).get(scan.name)
    if row is not None:
        refuse_stale(row, options, mask, where)
        refuse_rejected(row, where)
    table = read_labels(options.label_table)
    labels, record = labels_of(row, options, mask, own, table)
    if row is not None:
        labels = without_muscles(labels, row.rejected_muscles, table, where)
    write_image(labels, options.labels)
    write_sidecar(options.labels, {**record, **sources_of([options.own_labels, options.image])})


def refuse_stale(row: Row, options: argparse.Namespace, mask: Path, where: str) -> None:
    """Stop where something that the rater saw or drew has changed."""
    drawn = sha256(mask) if mask.is_file() else None
    changed = changed_since(row, sha256(options.image), sha256(options.own_labels), drawn)
    if changed:
        raise MyoT2Error(
            expected="the files that the decision was made about",
            found=f"a stale decision ({row.decision}): {' and '.join(changed)} changed since, or went missing",
            where=where,
            do="Look at the case again (make review) and decide anew.",
        )


def refuse_rejected(row: Row, where: str) -> None:
    """Stop a scan that a person rejected."""
    if row.decision == "reject scan":
        raise MyoT2Error(
            expected="a scan that the reader takes",
            found=f"rejected by {row.rater}: {row.reason}",
            where=where,
            do="Nothing, if that is right; else decide anew (make review).",
        )


def labels_of(
    row: Row | None, options: argparse.Namespace, mask: Path, own: sitk.Image, table: LabelTable
) -> tuple[sitk.Image, dict[str, Any]]:
    """The label map that counts, and what its sidecar says of it."""
    facts: dict[str, Any] = {"Decision": row.decision, "Rater": row.rater} if row else {"Decision": None}
    if row is not None and row.decision != "corrected":
        numbers = sitk.Cast(own, sitk.sitkUInt16)
        return numbers, {**facts, "Grid": GRIDS[0], "RejectedMuscles": row.rejected_muscles, "Reason": row.reason}
    labels, grid = read_corrected(mask, table, own, read_volume(options.t2_grid))
    return labels, {**facts, "Grid": grid, "CorrectedSha256": sha256(mask)}


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [options.labels, sidecar_path(options.labels)]
    return run_stage("review", lambda: apply(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
