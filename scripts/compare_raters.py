"""Hold the readings of several raters, and of one rater twice, against each other: decisions, masks, and T2.

Readings of files that are not those of the run are named and left out. A data dictionary (.json) is written beside
each table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.analyse.rater_agreement import DECISION_COLUMNS, T2_COLUMNS, decision_agreement, t2_agreement
from myot2.core.command import run_stage
from myot2.core.dictionary import write_dictionary
from myot2.core.files import sha256
from myot2.core.regions import BOTH, THIGH
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import write_tsv
from myot2.review.decisions import DECISIONS, Row, changed_since, read_decisions
from myot2.review.effects import MUSCLE_COLUMNS, by_muscle, joined_regions, read_effect, region_dictionary
from myot2.review.places import mask_of
from myot2.review.readings import Pair, pairs_of, rater_of, readings_of

PAIR_COLUMNS = {
    "kind": "between raters, or within a rater: the same one's first and second look.",
    "first": "Rater of the first reading.",
    "second": "Rater of the second reading.",
}
READING_COLUMNS = {
    **PAIR_COLUMNS,
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "decision_first": "accept, corrected, reject scan or reject muscle.",
    "decision_second": "The same of the second reading.",
    "state": "masks compared; decisions compared: one of them left no mask; left out.",
    "found": "Why it was left out, or why there are no masks to compare.",
    "dice": "Dice of both masks, all muscles together, on the grid of the T2 map.",
    "hd95_mm": "95th percentile of the distance (mm) of both surfaces.",
    "t2_first_ms": "Mean T2 (ms) of both thighs by the first reading's mask.",
    "t2_second_ms": "The same by the second's.",
    "t2_difference_ms": "First minus second (ms).",
}
RATER_COLUMNS = {
    **PAIR_COLUMNS,
    **DECISION_COLUMNS,
    "left_out": "Scans that were left out, as a reading was of files that are not those of the run.",
    "dice_mean": "Mean Dice of both masks, all muscles together.",
    "hd95_mean_mm": "Mean of the 95th percentile of the distance (mm) of both surfaces.",
    **T2_COLUMNS,
}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", required=True, metavar="FOLDER", help="decisions.tsv and corrected label maps")
    parser.add_argument(
        "--participants", nargs="*", default=[], metavar="ID", help="scans that were read twice or more"
    )
    parser.add_argument("--sessions", nargs="*", default=[], metavar="ID", help="one per participant; n/a where none")
    parser.add_argument("--images", nargs="*", default=[], metavar="NIFTI", help="the images that were seen")
    parser.add_argument("--own-labels", nargs="*", default=[], metavar="NIFTI", help="the run's own label maps")
    parser.add_argument(
        "--effects", nargs="*", default=[], metavar="TSV", help="<scan>_readings-<first>-<second>_effect"
    )
    parser.add_argument("--readings", required=True, metavar="TSV", help="to write: one row per pair and scan")
    parser.add_argument("--regions", required=True, metavar="TSV", help="to write: one row per pair, scan and region")
    parser.add_argument("--raters", required=True, metavar="TSV", help="to write: one row per pair")
    parser.add_argument("--muscles", required=True, metavar="TSV", help="to write: one row per pair and muscle")
    options = parser.parse_args(argv)
    lists = (options.participants, options.sessions, options.images, options.own_labels)
    if len({len(one) for one in lists}) != 1:
        parser.error("--participants, --sessions, --images and --own-labels go together, one of each per scan")
    return options


def compare(options: argparse.Namespace) -> None:
    """Compare every pair and write."""
    rows = read_decisions(options.folder)
    scans = [
        Scan(participant, None if session == "n/a" else session)
        for participant, session in zip(options.participants, options.sessions, strict=True)
    ]
    seen = {
        scan.name: (sha256(image), sha256(own))
        for scan, image, own in zip(scans, options.images, options.own_labels, strict=True)
    }
    effects = {Path(path).name.removesuffix("_effect.tsv"): Path(path) for path in options.effects}
    readings, regions, raters, muscles = [], [], [], []
    for pair in pairs_of(rows, seen):
        told = {"kind": pair.kind, "first": rater_of(pair.first), "second": rater_of(pair.second)}
        found, compared = pair_rows(pair, rows, seen, effects, options.folder)
        readings += [told | row for row in found]
        raters.append(told | summed_up(found))
        regions += [table.assign(**told) for table in compared]
        muscles.append(by_muscle(joined_regions(compared, [])).assign(**told))
    first = [*PAIR_COLUMNS, "participant_id", "session"]
    joined = joined_regions(regions, first)
    write(pd.DataFrame(readings, columns=list(READING_COLUMNS)), options.readings, READING_COLUMNS)
    write(joined, options.regions, region_dictionary(effects.values(), {name: READING_COLUMNS[name] for name in first}))
    write(pd.DataFrame(raters, columns=list(RATER_COLUMNS)), options.raters, RATER_COLUMNS)
    columns = {**PAIR_COLUMNS, **MUSCLE_COLUMNS}
    write(pd.concat([pd.DataFrame(columns=list(columns)), *muscles])[list(columns)], options.muscles, columns)


def pair_rows(
    pair: Pair, rows: list[Row], seen: dict[str, tuple[str, str]], effects: dict[str, Path], folder: str
) -> tuple[list[dict[str, Any]], list[pd.DataFrame]]:
    """One row per scan of a pair, and the comparisons of its masks by regions."""
    readings, found, compared = readings_of(rows), [], []
    for scan in pair.scans:
        both = [readings[scan][name] for name in (pair.first, pair.second)]
        whose = {"participant_id": both[0].participant_id, "session": both[0].session}
        row = {**whose, "decision_first": both[0].decision, "decision_second": both[1].decision}
        stale = [reason for one in both if (reason := left_out(one, seen[scan], folder))]
        path = effects.get(f"{scan}_readings-{pair.first}-{pair.second}")
        note = read_stop_note(path) if path else None
        if stale:
            row |= {"state": "left out", "found": "; ".join(stale)}
        elif path is None or note is not None:
            why = f"{note.stage}: expected {note.expected}; found {note.found}" if note else "a scan was rejected"
            row |= {"state": "decisions compared", "found": why}
        else:
            effect = read_effect(path)
            compared.append(effect.assign(**whose))
            row |= {"state": "masks compared", **figures(effect)}
        found.append(row)
    return found, compared


def left_out(row: Row, seen: tuple[str, str], folder: str) -> str | None:
    """Why a reading cannot be compared: what it was about is not what the run has."""
    mask = mask_of(folder, row)
    changed = changed_since(row, *seen, sha256(mask) if mask else None)
    return f"{row.rater}'s reading is stale: {' and '.join(changed)} changed since" if changed else None


def figures(effect: pd.DataFrame) -> dict[str, float]:
    """What is told of a whole scan: both thighs together."""
    thigh = effect[(effect["region"] == THIGH) & (effect["side"] == BOTH)].iloc[0]
    names = {"dice": "dice", "hd95_mm": "hd95_mm", "t2_first_ms": "t2_mean_a_ms", "t2_second_ms": "t2_mean_b_ms"}
    return {ours: thigh[theirs] for ours, theirs in {**names, "t2_difference_ms": "t2_difference_ms"}.items()}


def summed_up(found: list[dict[str, Any]]) -> dict[str, Any]:
    """All scans of a pair together."""
    table = pd.DataFrame(found, columns=list(READING_COLUMNS))
    used = table[table["state"] != "left out"]
    masks = used[used["state"] == "masks compared"].astype({"dice": float, "hd95_mm": float})
    return {
        **decision_agreement(used["decision_first"].tolist(), used["decision_second"].tolist(), DECISIONS),
        "left_out": len(table) - len(used),
        "dice_mean": masks["dice"].mean(),
        "hd95_mean_mm": masks["hd95_mm"].mean(),
        **t2_agreement(masks["t2_first_ms"].astype(float), masks["t2_second_ms"].astype(float)),
    }


def write(table: pd.DataFrame, path: str, columns: dict[str, str]) -> None:
    """A table and its dictionary."""
    write_tsv(table, path)
    write_dictionary(path, columns)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("review", lambda: compare(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
