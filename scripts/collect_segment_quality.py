"""Lay the labels of all scans side by side: the figures of every muscle against the cohort, and the scans by risk."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from myot2.core.command import run_stage
from myot2.core.dictionary import write_dictionary
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.tables import write_tsv
from myot2.segment.cohort import MUSCLE_COLUMNS, SCAN_COLUMNS, compare


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--sidecars", nargs="+", type=Path, required=True, metavar="JSON", help="beside the label maps, or stop notes"
    )
    parser.add_argument("--participants", nargs="+", required=True, metavar="ID", help="one per sidecar")
    parser.add_argument("--sessions", nargs="+", required=True, metavar="ID", help="one per sidecar; n/a where none")
    parser.add_argument("--muscles", required=True, metavar="TSV", help="one row per scan, muscle and side")
    parser.add_argument("--scans", required=True, metavar="TSV", help="one row per scan")
    options = parser.parse_args(argv)
    if not len(options.sidecars) == len(options.participants) == len(options.sessions):
        parser.error("--sidecars, --participants and --sessions go together, one of each per scan")
    return options


def read(path: Path) -> dict[str, Any] | StopNote:
    """A sidecar, or the stop note in its place."""
    return read_stop_note(path) or json.loads(path.read_text(encoding="utf-8"))


def collect(options: argparse.Namespace) -> None:
    """Compare and write both tables with their dictionaries."""
    sessions = [None if session == "n/a" else session for session in options.sessions]
    scans = list(zip(options.participants, sessions, strict=True))
    muscles, table = compare([read(path) for path in options.sidecars], scans)
    for content, path, columns in ((muscles, options.muscles, MUSCLE_COLUMNS), (table, options.scans, SCAN_COLUMNS)):
        write_tsv(content, path)
        write_dictionary(path, columns)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("segment", lambda: collect(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
