"""Write when each visit of one participant was, in days since the first: no date leaves this program in any form."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from myot2.core.command import run_stage, stage_parser
from myot2.core.files import write_json
from myot2.core.scans import Scan
from myot2.core.tables import write_tsv
from myot2.ingest.choosing.choices import read_choices
from myot2.ingest.identity import hide_header_text, read_key
from myot2.ingest.reading.headers import read_index
from myot2.ingest.visits import DICTIONARY, Visit, chosen_frames, session_table, unknown_days, visit_of

IDENTIFIER = re.compile(r"[A-Za-z0-9]+")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage(
        "ingest",
        lambda: date_visits(options),
        outputs=[options.table, options.dictionary],
        leave_stop_notes=options.leave_stop_notes,
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("--participant", required=True, metavar="ID", help="without 'sub-'")
    parser.add_argument("--sessions", nargs="+", required=True, metavar="ID", help="without 'ses-'")
    parser.add_argument("--dicom", nargs="+", required=True, metavar="FOLDER", help="the DICOM folder of each session")
    parser.add_argument("--series", type=Path, metavar="TABLE", help="edited series table: which series are whose")
    parser.add_argument("--key", type=Path, help="file of the site's secret, needed with --series")
    parser.add_argument("--table", type=Path, required=True, metavar="OUT", help="sessions table of BIDS (.tsv)")
    options = parser.parse_args(argv)
    if len(options.sessions) != len(options.dicom) or len(set(options.sessions)) != len(options.sessions):
        parser.error("--sessions are different, and --dicom has one folder for each")
    if not all(map(IDENTIFIER.fullmatch, [options.participant, *options.sessions])):
        parser.error("--participant and --sessions consist of letters and digits")
    if options.series and not options.key:
        parser.error("--series needs --key")
    options.dictionary = options.table.with_suffix(".json")
    return options


def date_visits(options: argparse.Namespace) -> None:
    """Read the headers of every session and write the table."""
    folders = zip(options.sessions, options.dicom, strict=True)
    visits = {session: _visit(options, session, Path(folder)) for session, folder in folders}
    for line in unknown_days(visits):
        print(line)
    write_tsv(session_table(visits), options.table)
    write_json(options.dictionary, DICTIONARY)


def _visit(options: argparse.Namespace, session: str, folder: Path) -> Visit:
    """A session without its folder has no day; that it is missing stops its own ingest, not the other sessions."""
    if not folder.is_dir():
        return Visit(None, "no such DICOM folder")
    frames = read_index(folder).frames
    if options.series:
        choices = read_choices(options.series, Scan(options.participant, session))
        frames = chosen_frames(frames, choices, read_key(options.key))
    return visit_of(frames)


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
