"""The options by which a program is given the participants table, and the participants read from it."""

from __future__ import annotations

import argparse
from pathlib import Path

from myot2.core.participants import Participant, read_participants


def add_cohort_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add --participants, --columns and --values."""
    parser.add_argument("--participants", type=Path, required=required, metavar="TABLE", help="participants table")
    parser.add_argument(
        "--columns",
        nargs="*",
        type=_pair,
        default=[],
        metavar="OUR=THEIRS",
        help="column names of the participants table, where they differ from MyoT2's",
    )
    parser.add_argument(
        "--values",
        nargs="*",
        type=_coded,
        default=[],
        metavar="OUR:THEIRS=OURS",
        help="codes of the participants table, such as group:IIM=patient",
    )


def cohort_of(options: argparse.Namespace) -> list[Participant]:
    """The participants that the options name; their DICOM folders need not be known.

    Raises
    ------
    MyoT2Error
        The table is not what `read_participants` takes.
    """
    values: dict[str, dict[str, str]] = {}
    for column, theirs, ours in options.values:
        values.setdefault(column, {})[theirs] = ours
    return read_participants(options.participants, columns=dict(options.columns), values=values, require_dicom=False)


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise argparse.ArgumentTypeError(f"expected OUR=THEIRS, found {text!r}")
    return ours, theirs


def _coded(text: str) -> tuple[str, str, str]:
    column, colon, code = text.partition(":")
    theirs, equals, ours = code.rpartition("=")
    if not (column and colon and theirs and equals and ours):
        raise argparse.ArgumentTypeError(f"expected OUR:THEIRS=OURS, found {text!r}")
    return column, theirs, ours
