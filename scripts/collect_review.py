"""Lay side by side what was decided about the scans of a cohort, and what each correction did to T2.

Stale decisions are named. A data dictionary (.json) is written beside each table.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from myot2.core.command import run_stage
from myot2.core.dictionary import write_dictionary
from myot2.core.files import sha256
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import write_tsv
from myot2.review.decisions import Row, changed_since, deciding, read_decisions
from myot2.review.effects import (
    MUSCLE_COLUMNS,
    SCAN_COLUMNS,
    by_muscle,
    joined_regions,
    read_effect,
    region_dictionary,
    scan_row,
    scans_table,
)
from myot2.review.places import mask_that_counts


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", required=True, metavar="FOLDER", help="decisions.tsv and corrected label maps")
    parser.add_argument(
        "--raters", nargs="+", metavar="RATER", help="whose decisions count; default: who decided first"
    )
    parser.add_argument("--compared-only", action="store_true", help="decisions change no result of the run")
    parser.add_argument("--statistics", type=Path, required=True, metavar="JSON", help="which holds the cutoff")
    parser.add_argument("--participants", nargs="*", default=[], metavar="ID", help="scans with a decision or a mask")
    parser.add_argument("--sessions", nargs="*", default=[], metavar="ID", help="one per participant; n/a where none")
    parser.add_argument("--images", nargs="*", default=[], metavar="NIFTI", help="the images that were seen")
    parser.add_argument("--own-labels", nargs="*", default=[], metavar="NIFTI", help="the run's own label maps")
    parser.add_argument("--effects", nargs="*", default=[], metavar="TSV", help="of scans with another mask, any order")
    parser.add_argument("--scans", required=True, metavar="TSV", help="to write: one row per scan")
    parser.add_argument("--regions", required=True, metavar="TSV", help="to write: one row per scan and region")
    parser.add_argument("--muscles", required=True, metavar="TSV", help="to write: one row per muscle")
    options = parser.parse_args(argv)
    lists = (options.participants, options.sessions, options.images, options.own_labels)
    if len({len(one) for one in lists}) != 1:
        parser.error("--participants, --sessions, --images and --own-labels go together, one of each per scan")
    return options


def collect(options: argparse.Namespace) -> None:
    """Join and write."""
    table = read_decisions(options.folder)
    decided = deciding(table, options.raters)
    effects = {Path(path).name.removesuffix("_effect.tsv"): Path(path) for path in options.effects}
    cutoff = cutoff_of(options.statistics)
    rows, regions = [], []
    for participant, session, image, own in zip(
        options.participants, options.sessions, options.images, options.own_labels, strict=True
    ):
        scan = Scan(participant, None if session == "n/a" else session)
        row, path = decided.get(scan.name), effects.get(scan.name)
        note = read_stop_note(path) if path else None
        effect = read_effect(path) if path and not note else None
        state, found = state_of(row, table, options, scan, image, own)
        if state != "stale" and note and not (row and row.decision == "reject scan"):
            state, found = "refused", f"{note.stage}: expected {note.expected}; found {note.found}"
        rows.append(scan_row((scan.participant_id, scan.session), row, state, found, effect, cutoff))
        if effect is not None:
            regions.append(effect.assign(participant_id=scan.participant_id, session=scan.session))
    write_tsv(scans_table(rows), options.scans)
    write_dictionary(options.scans, SCAN_COLUMNS, {"cutoff_ms": cutoff})
    joined = joined_regions(regions, ["participant_id", "session"])
    write_tsv(joined, options.regions)
    write_dictionary(
        options.regions, region_dictionary(effects.values(), {name: SCAN_COLUMNS[name] for name in joined.columns[:2]})
    )
    write_tsv(by_muscle(joined), options.muscles)
    write_dictionary(options.muscles, MUSCLE_COLUMNS)


def state_of(
    row: Row | None, table: list[Row], options: argparse.Namespace, scan: Scan, image: str, own: str
) -> tuple[str, str | None]:
    """What became of a decision, and why where it was not applied."""
    if row is None:
        return "compared only", "a corrected mask without a decision"
    mask = mask_that_counts(options.folder, scan.name, row, table)
    drawn = sha256(mask) if mask else None
    changed = changed_since(row, sha256(image), sha256(own), drawn)
    if changed:
        return "stale", f"{' and '.join(changed)} changed since"
    return ("compared only", None) if options.compared_only else ("applied", None)


def cutoff_of(path: Path) -> float | None:
    """The study's cutoff (ms); None where the run has none."""
    if read_stop_note(path):
        return None
    entry = json.loads(path.read_text(encoding="utf-8")).get("roc.cutoff") or {}
    return entry.get("value")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("review", lambda: collect(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
