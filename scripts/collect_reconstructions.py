"""Lay the reconstructions of all scans side by side, and where a simulator made the full scan, against its T2 map."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from myot2.core.command import run_stage
from myot2.core.dictionary import write_dictionary
from myot2.core.images import array_of, read_map, read_volume, require_same_grid
from myot2.core.labels import read_labels
from myot2.core.stopnote import Stopped, read_stop_note
from myot2.core.tables import write_tsv
from myot2.reconstruct.cohort import SCAN_COLUMNS, Comparison, compare, scans_table


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    add = parser.add_argument
    add("--summaries", nargs="+", type=Path, required=True, metavar="JSON", help="of each scan, or stop notes")
    add("--participants", nargs="+", required=True, metavar="ID", help="one per summary")
    add("--sessions", nargs="+", required=True, metavar="ID", help="one per summary; n/a where none")
    add("--t2", nargs="*", default=[], metavar="NIFTI", help="reconstructed maps, one per summary")
    add("--status", nargs="*", default=[], metavar="NIFTI", help="their status maps")
    add("--full", nargs="*", default=[], metavar="NIFTI", help="T2 maps of the fully sampled scans")
    add("--labels", nargs="*", default=[], metavar="NIFTI", help="label maps on the same grid")
    add("--label-table", metavar="TABLE", help="config/labels.tsv")
    add("--scans", required=True, metavar="TSV", help="one row per scan")
    options = parser.parse_args(argv)
    count = len(options.summaries)
    if not count == len(options.participants) == len(options.sessions):
        parser.error("--summaries, --participants and --sessions go together, one of each per scan")
    compared = [len(images) for images in (options.t2, options.status, options.full, options.labels)]
    if any(compared) and (set(compared) != {count} or not options.label_table):
        parser.error("--t2, --status, --full and --labels go together, one of each per scan, with --label-table")
    return options


def comparison(t2: str, status: str, full: str, labels: str, muscles: list[int]) -> Comparison | None:
    """The comparison of one scan; None where it stopped on the way."""
    try:
        grid, t2_ms = read_map(t2)
        (full_grid, full_ms), codes, label_map = read_map(full), read_volume(status), read_volume(labels)
    except Stopped:
        return None
    for path, image in ((full, full_grid), (status, codes), (labels, label_map)):
        require_same_grid(grid, image, where=path, what="both T2 maps, status and labels")
    numbers = array_of(label_map)
    return compare(t2_ms, full_ms, array_of(codes), np.where(np.isin(numbers, muscles), numbers, 0))


def collect(options: argparse.Namespace) -> None:
    """Read, compare and write the table with its dictionary."""
    sessions = [None if session == "n/a" else session for session in options.sessions]
    summaries = [read_stop_note(path) or json.loads(path.read_text(encoding="utf-8")) for path in options.summaries]
    comparisons: list[Comparison | None] = [None] * len(summaries)
    if options.t2:
        muscles = read_labels(options.label_table).muscle_indices()
        images = zip(options.t2, options.status, options.full, options.labels, strict=True)
        comparisons = [comparison(*of_scan, list(muscles)) for of_scan in images]
    table = scans_table(list(zip(options.participants, sessions, strict=True)), summaries, comparisons)
    write_tsv(table, options.scans)
    write_dictionary(options.scans, SCAN_COLUMNS)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("reconstruct", lambda: collect(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
