"""Lay side by side what was decided about the scans of a cohort, and what each correction did to T2.

Stale decisions are named. A data dictionary (.json) is written beside each table.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.command import run_stage
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.files import sha256
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table, write_tsv
from myot2.review.decisions import Row, changed_since, deciding, read_decisions
from myot2.review.effects import SCAN_COLUMNS, scan_row, scans_table
from myot2.review.places import corrected_mask_path


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", required=True, metavar="FOLDER", help="decisions.tsv and corrected label maps")
    parser.add_argument("--rater", metavar="RATER", help="whose decisions count; default: who decided first")
    parser.add_argument("--compared-only", action="store_true", help="decisions change no result of the run")
    parser.add_argument("--statistics", type=Path, required=True, metavar="JSON", help="which holds the cutoff")
    parser.add_argument("--participants", nargs="*", default=[], metavar="ID", help="scans with a decision or a mask")
    parser.add_argument("--sessions", nargs="*", default=[], metavar="ID", help="one per participant; n/a where none")
    parser.add_argument("--images", nargs="*", default=[], metavar="NIFTI", help="the images that were seen")
    parser.add_argument("--own-labels", nargs="*", default=[], metavar="NIFTI", help="the run's own label maps")
    parser.add_argument("--effects", nargs="*", default=[], metavar="TSV", help="of scans with another mask, any order")
    parser.add_argument("--scans", required=True, metavar="TSV", help="to write: one row per scan")
    parser.add_argument("--regions", required=True, metavar="TSV", help="to write: one row per scan and region")
    options = parser.parse_args(argv)
    lists = (options.participants, options.sessions, options.images, options.own_labels)
    if len({len(one) for one in lists}) != 1:
        parser.error("--participants, --sessions, --images and --own-labels go together, one of each per scan")
    return options


def collect(options: argparse.Namespace) -> None:
    """Join and write."""
    decided = deciding(read_decisions(options.folder), options.rater)
    effects = {Path(path).name.removesuffix("_effect.tsv"): Path(path) for path in options.effects}
    cutoff = cutoff_of(options.statistics)
    rows, regions = [], []
    for participant, session, image, own in zip(
        options.participants, options.sessions, options.images, options.own_labels, strict=True
    ):
        scan = Scan(participant, None if session == "n/a" else session)
        row, path = decided.get(scan.name), effects.get(scan.name)
        note = read_stop_note(path) if path else None
        effect = numbers(read_table(path)) if path and not note else None
        state, found = state_of(row, options, scan, image, own)
        if state != "stale" and note and not (row and row.decision == "reject scan"):
            state, found = "refused", f"{note.stage}: expected {note.expected}; found {note.found}"
        rows.append(scan_row((scan.participant_id, scan.session), row, state, found, effect, cutoff))
        if effect is not None:
            regions.append(effect.assign(participant_id=scan.participant_id, session=scan.session))
    write_tsv(scans_table(rows), options.scans)
    write_dictionary(options.scans, SCAN_COLUMNS, {"cutoff_ms": cutoff})
    joined = pd.concat(regions, ignore_index=True) if regions else pd.DataFrame(columns=["region", "side"])
    first = ["participant_id", "session"]
    write_tsv(joined.reindex(columns=[*first, *[name for name in joined if name not in first]]), options.regions)
    write_dictionary(options.regions, region_dictionary(effects))


def state_of(row: Row | None, options: argparse.Namespace, scan: Scan, image: str, own: str) -> tuple[str, str | None]:
    """What became of a decision, and why where it was not applied."""
    if row is None:
        return "compared only", "a corrected mask without a decision"
    mask = corrected_mask_path(options.folder, scan.name)
    drawn = sha256(mask) if mask.is_file() else None
    changed = changed_since(row, sha256(image), sha256(own), drawn)
    if changed:
        return "stale", f"{' and '.join(changed)} changed since"
    return ("compared only", None) if options.compared_only else ("applied", None)


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison of two label maps, with numbers where numbers are."""
    figures = table.columns.difference(["region", "side"])
    return table.assign(**{name: pd.to_numeric(table[name]) for name in figures})


def cutoff_of(path: Path) -> float | None:
    """The study's cutoff (ms); None where the run has none."""
    if read_stop_note(path):
        return None
    entry = json.loads(path.read_text(encoding="utf-8")).get("roc.cutoff") or {}
    return entry.get("value")


def region_dictionary(effects: dict[str, Path]) -> dict[str, Any]:
    """What the columns mean: as the comparison says, A the person's label map and B the run's own."""
    columns = {name: SCAN_COLUMNS[name] for name in ("participant_id", "session")}
    for path in effects.values():
        if not read_stop_note(path):
            content = json.loads(dictionary_path(path).read_text(encoding="utf-8"))
            return columns | {name: entry["Description"] for name, entry in content.items() if "Description" in entry}
    return columns


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("review", lambda: collect(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
