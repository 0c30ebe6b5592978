"""Compute the cohort's statistics: group comparisons, ROC curve, correlations, per-muscle table.

Writes into --out: statistics.json, and groups, correlations, roc, muscles and participants as .tsv, each with a data
dictionary (.json). docs/stages/analyse.md lists every key and its formula.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from myot2.analyse.accuracy import CK_UPPER_LIMIT
from myot2.analyse.cohort import read_cohort
from myot2.analyse.multiverse import COLUMNS, describe_multiverse
from myot2.analyse.results import analyse, output_paths, write_results
from myot2.analyse.variant_tables import read_multiverse
from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.labels import read_labels


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)

    def work() -> None:
        labels = read_labels(options.label_table) if options.label_table else None
        cohort = read_cohort(cohort_of(options), options.measures)
        results = analyse(cohort, labels=labels, ck_upper_limit=options.ck_upper_limit)
        if options.multiverse:
            results.statistics.update(describe_multiverse(read_multiverse(options.multiverse, COLUMNS)))
        write_results(results, options.out)

    return run_stage("analyse", work, outputs=output_paths(options.out), leave_stop_notes=options.leave_stop_notes)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_cohort_options(parser)
    parser.add_argument("--measures", type=Path, required=True, metavar="TABLE", help="results/measure/cohort.tsv")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--label-table", type=Path, metavar="TABLE", help="config/labels.tsv: order of the muscles")
    parser.add_argument("--multiverse", type=Path, metavar="TABLE", help="of scripts/compare_variants.py")
    parser.add_argument(
        "--ck-upper-limit",
        type=_positive,
        default=CK_UPPER_LIMIT,
        metavar="U/L",
        help="upper limit of normal creatine kinase, inclusive, both sexes (default: %(default)g)",
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, found {text!r}")
    return number


if __name__ == "__main__":
    sys.exit(main())
