"""Bring MR images from a PACS (DICOMweb or DIMSE) into a folder: a participant's study, or all that a query matches.

A participant's source is looked up in the participants table: it holds identifiers, and arguments end in logs. For
an index of what an archive has, --source takes the source itself, or - to read it from standard input.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.ingest.identity import hide_header_text
from myot2.ingest.pacs.access import Access
from myot2.ingest.pacs.fetch import fetch_studies, fetch_study
from myot2.ingest.pacs.limits import MB, Limits
from myot2.ingest.pacs.problems import SourceUnavailable
from myot2.ingest.pacs.source import STOP_NOTE, parse_source


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.scan and not options.participants:
        parser.error("--scan needs --participants")
    return run_stage(
        "fetch",
        lambda: _fetch(options),
        outputs=[options.folder / STOP_NOTE],
        leave_stop_notes=options.leave_stop_notes,
    )


def _fetch(options: argparse.Namespace) -> None:
    """Do the work. A fault of the moment ends the program and leaves no stop note, so that the next run tries again."""
    try:
        if options.source:
            text = sys.stdin.readline().strip() if options.source == "-" else options.source
            for fetched in fetch_studies(parse_source(text), options.folder, _access(options), _limits(options)):
                print(fetched)
        else:
            print(fetch_study(parse_source(_of_table(options)), options.folder, _access(options), _limits(options)))
    except SourceUnavailable as error:
        raise SystemExit(f"fetch: {error}") from None


def _of_table(options: argparse.Namespace) -> str:
    sources = {participant.scan: participant.dicom for participant in cohort_of(options)}
    if not sources.get(options.scan):
        raise MyoT2Error(
            expected=f"a row for {options.scan} with a source in the column dicom",
            found="none",
            where=options.participants,
            do="Add the row, or correct its column dicom.",
        )
    return sources[options.scan]


def _access(options: argparse.Namespace) -> Access:
    return Access(
        calling_ae=options.calling_ae,
        timeout=options.timeout,
        retries=options.retries,
        ca_bundle=options.ca_bundle,
        plain_http=options.plain_http,
        user_variable=options.user_variable,
        password_variable=options.password_variable,
        token_variable=options.token_variable,
        netrc=options.netrc,
    )


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(
        objects=options.max_objects,
        study_bytes=options.max_study_mb * MB,
        object_bytes=options.max_object_mb * MB,
        seconds=options.max_seconds,
        studies=options.max_studies,
    )


def _parser() -> argparse.ArgumentParser:
    access, limits = Access(), Limits()
    parser = stage_parser(__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--scan", help="sub-01 or sub-01_ses-1: the row of the participants table whose study to fetch")
    which.add_argument("--source", help="the source itself, or - for standard input; a folder per study is made")
    parser.add_argument("--folder", type=Path, required=True, help="receives the files; must not exist")
    add_cohort_options(parser, required=False)
    parser.add_argument("--calling-ae", default=access.calling_ae, help="our AE title (DIMSE)")
    parser.add_argument("--timeout", type=float, default=access.timeout, help="seconds for a connection or an answer")
    parser.add_argument("--retries", type=int, default=access.retries, help="further attempts (DICOMweb)")
    parser.add_argument("--ca-bundle", help="certificates to trust (PEM), in place of the usual ones")
    parser.add_argument("--plain-http", action="store_true", help="allow DICOMweb without TLS beyond this machine")
    parser.add_argument("--user-variable", help="environment variable with the user name")
    parser.add_argument("--password-variable", help="environment variable with the password")
    parser.add_argument("--token-variable", help="environment variable with a bearer token")
    parser.add_argument("--netrc", help="netrc file with user and password")
    parser.add_argument("--max-objects", type=int, default=limits.objects, help="objects in a study")
    parser.add_argument("--max-study-mb", type=int, default=limits.study_bytes // MB, help="MB in all")
    parser.add_argument("--max-object-mb", type=int, default=limits.object_bytes // MB, help="MB in one object")
    parser.add_argument("--max-seconds", type=float, default=limits.seconds, help="seconds for a study")
    parser.add_argument("--max-studies", type=int, default=limits.studies, help="studies that a query may match")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
