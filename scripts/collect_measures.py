"""Join the measures of all scans into the table of the cohort, and say who was measured and who stopped, and why."""

from __future__ import annotations

import argparse
import sys

from myot2.core.command import run_stage
from myot2.core.dictionary import write_dictionary
from myot2.core.tables import write_tsv
from myot2.measure.cohort import FLOW_COLUMNS, collect
from myot2.measure.muscles import COLUMNS


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--tables", nargs="+", required=True, metavar="TSV", help="of scripts/measure_muscles.py")
    parser.add_argument("--participants", nargs="+", required=True, metavar="ID", help="one per table")
    parser.add_argument("--sessions", nargs="+", required=True, metavar="ID", help="one per table; n/a where none")
    parser.add_argument("--cohort", required=True, metavar="TSV", help="all measures")
    parser.add_argument("--flow", required=True, metavar="TSV", help="one row per scan: measured, or stopped and why")
    return parser.parse_args(argv)


def join(options: argparse.Namespace) -> None:
    """Join the tables and write both results."""
    sessions = [None if session == "n/a" else session for session in options.sessions]
    cohort, flow = collect(options.tables, options.participants, sessions)
    for table, path, columns in ((cohort, options.cohort, COLUMNS), (flow, options.flow, FLOW_COLUMNS)):
        write_tsv(table, path)
        write_dictionary(path, columns)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("measure", lambda: join(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
