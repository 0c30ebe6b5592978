"""Add decisions that review.html exported to the table of decisions, checked as those of the review server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage
from myot2.review.imports import import_decisions
from myot2.review.run import read_review


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="JSON", help="as the page exports them")
    parser.add_argument("--configfile", default="config/config.yaml", metavar="YAML", help="the run's configuration")
    return parser.parse_args(argv)


def take(options: argparse.Namespace) -> None:
    """Import one file after the other."""
    run = read_review(options.configfile)
    for path in options.files:
        added, known = import_decisions(path, run.cases, run.folder, run.raters, run.table)
        print(f"{path}: {added} decisions added, {known} were there already")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    return run_stage("review", lambda: take(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
