"""Serve the review page on this machine alone: look at each case, accept, correct or reject it.

The address that is printed holds a token that works once. Decisions go to decisions.tsv in the folder that the
configuration names (review.folder), corrected label maps beside it; `snakemake` then reruns what depends on them.
With --page a folder is written instead, whose review.html opens without a server; scripts/import_decisions.py takes
the decisions that it exports.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.command import run_stage
from myot2.core.tables import MISSING
from myot2.review.page import write_page
from myot2.review.run import read_review


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--configfile", default="config/config.yaml", metavar="YAML", help="the run's configuration")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--rater", metavar="RATER", help="who decides: letters and digits")
    what.add_argument("--page", type=Path, metavar="FOLDER", help="to write review.html to, in place of serving")
    parser.add_argument("--port", type=int, default=8765, help="default %(default)s")
    options = parser.parse_args(argv)
    rater = options.rater
    if rater is not None and (not (rater.isascii() and rater.isalnum() and len(rater) <= 32) or rater in MISSING):
        parser.error("--rater is made of up to 32 letters and digits, and no word for unknown (NA, nan)")
    return options


def write(options: argparse.Namespace) -> None:
    """Write the page that needs no server."""
    run = read_review(options.configfile)
    write_page(run.cases, run.table, options.page)


def serve(options: argparse.Namespace) -> None:
    """Serve until the program is stopped."""
    import uvicorn

    from myot2.review.server import Review, make_app

    run = read_review(options.configfile)
    app = make_app(Review(run.cases, run.folder, options.rater, run.raters, run.table), port=options.port)
    print(f"Open http://127.0.0.1:{options.port}/?token={app.token}  (works once; Ctrl-C ends)", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", server_header=False, lifespan="off")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    work = write if options.page else serve
    return run_stage("review", lambda: work(options), outputs=[], leave_stop_notes=False)


if __name__ == "__main__":
    sys.exit(main())
