"""Propose a cohort from any tree of DICOM files: the participants table, and a table of all series to be edited.

People are numbered; names, dates and identifiers stay in the tree (the names of its folders are in the column dicom).
The key for pseudonyms is made where there is none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.tables import write_tsv
from myot2.core.usage import print_usage
from myot2.ingest.identity import hide_header_text, make_key, read_key
from myot2.ingest.indexing.findings import findings
from myot2.ingest.indexing.proposal import index_tree


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    try:
        print(index(options.dicom, options.key, options.participants, options.series))
    except MyoT2Error as error:
        print(f"index: {error}", file=sys.stderr)
        return 1
    print_usage("index")
    return 0


def index(dicom: Path, key: Path, participants: Path, series: Path) -> str:
    """Index a tree, write both tables, and return the findings in plain words."""
    make_key(key)
    pseudonyms = read_key(key)
    proposal = index_tree(dicom, pseudonyms)
    write_tsv(proposal.participants, participants)
    write_tsv(proposal.series(pseudonyms), series)
    return findings(proposal, participants.parent)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--dicom", type=Path, required=True, help="folder with DICOM files of any number of people")
    parser.add_argument("--key", type=Path, required=True, help="file with the site's secret; made where it is missing")
    parser.add_argument("--participants", type=Path, required=True, help="the proposed participants table (.tsv)")
    parser.add_argument("--series", type=Path, required=True, help="the table of all series (.tsv)")
    return parser


if __name__ == "__main__":
    hide_header_text()
    sys.exit(main())
