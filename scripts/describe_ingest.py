"""Write what makes results/ingest a BIDS dataset: its description, README, participants, and what BIDS is to ignore."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import listed
from myot2.core.usage import print_usage
from myot2.ingest.bids.dataset import describe


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_cohort_options(parser)
    parser.add_argument(
        "--images", type=Path, nargs="+", required=True, metavar="NIFTI", help="all of the dataset; - to read them"
    )
    parser.add_argument("--title", default="Images of the thigh", help="name of the dataset (default: %(default)s)")
    parser.add_argument("--dataset", type=Path, required=True, metavar="DIR", help="the folder that becomes a dataset")
    options = parser.parse_args(argv)
    describe(options.dataset, options.title, cohort_of(options), listed(options.images))
    print_usage("describe")
    return 0


if __name__ == "__main__":
    sys.exit(main())
