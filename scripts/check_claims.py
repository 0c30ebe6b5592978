"""Check printed numbers: a paper's against one another and against statistics.json, and our own.

--claims: files of claims (config/claims/*.yaml; docs/how-to/check-claims.md tells how one is written). --statistics:
statistics.json, against which claims with a key are held, and whose own numbers are checked. --protocol: sidecars of
images, against which the protocol is held. --page: a report, whose numbers are held against the statistics.

Writes into --out: claims.json, claims.tsv and claims_dictionary.json, and prints the findings. The exit status says
whether the program ran, not whether it found anything.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from myot2.analyse.claims.claims_file import read_claims
from myot2.analyse.claims.outcome import Outcome
from myot2.analyse.claims.page import compare_page
from myot2.analyse.claims.run import check_claims, check_statistics
from myot2.analyse.claims.tables import in_words, output_paths, write_outcomes
from myot2.core.command import listed, run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.stopnote import raise_if_stopped, read_stop_note


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not options.claims and not options.statistics:
        parser.error("give --claims, --statistics, or both")
    if options.page and not options.statistics:
        parser.error("--page needs --statistics")
    sources = [path.stem for path in options.claims]
    twice = {name for name in [*sources, "statistics", "page"] if [*sources, "statistics", "page"].count(name) > 1}
    if twice:
        parser.error(f"two things would be called {sorted(twice)[0]!r}: rename a file of claims")

    def work() -> None:
        outcomes = _outcomes(options)
        write_outcomes(outcomes, options.out)
        print(in_words(outcomes))

    return run_stage("analyse", work, outputs=output_paths(options.out), leave_stop_notes=options.leave_stop_notes)


def _outcomes(options: argparse.Namespace) -> list[Outcome]:
    files = {path.stem: read_claims(path) for path in options.claims}
    statistics = _read_json(options.statistics) if options.statistics else None
    sidecars = [_read_json(path) for path in listed(options.protocol) if read_stop_note(path) is None]
    outcomes = []
    for source, file in files.items():
        outcomes += check_claims(
            source,
            file,
            statistics=statistics,
            sidecars=sidecars,
            same_people=True if options.same_people else None,
        )
    if statistics is not None:
        outcomes += check_statistics(statistics)
    if options.page:
        outcomes += compare_page(_read_text(options.page), statistics)
    return outcomes


def _read_text(path: Path) -> str:
    raise_if_stopped(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MyoT2Error(
            expected="a text file in UTF-8", found=type(error).__name__, where=path, do="Check the path."
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_text(path))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise MyoT2Error(
            expected="a JSON object", found="something else", where=path, do="Give the file that the stage wrote."
        )
    return content


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    parser.add_argument("--claims", type=Path, nargs="*", default=[], metavar="FILE", help="files of claims")
    parser.add_argument("--statistics", type=Path, metavar="FILE", help="results/analyse/statistics.json")
    parser.add_argument(
        "--protocol", type=Path, nargs="*", default=[], metavar="FILE", help="sidecars of images; - to read them"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="results/report/report.html")
    parser.add_argument(
        "--same-people",
        action="store_true",
        help="statistics and images are of the papers' own people, whatever the files say: a difference is a finding",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
