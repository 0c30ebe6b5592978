"""Compare patients with controls by T2 made in every way: each mask, T2 map, statistic and aggregation.

Each list names what is compared beside the run's own choice, which comes first: its mask and T2 map, the mean over all
voxels. --by-person also writes everybody's T2 by each mask, for the agreement of corrected with automatic masks. A data
dictionary (.json) is written beside each table. docs/how-to/multiverse.md says how to read it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from myot2.analyse.cohort import read_cohort
from myot2.analyse.dictionaries import dictionary_of
from myot2.analyse.multiverse import Choices, compare_variants, t2_by_mask
from myot2.analyse.variant_tables import read_variants
from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import run_stage, stage_parser
from myot2.core.files import write_json
from myot2.core.tables import write_tsv
from myot2.core.variants import AGGREGATIONS, ALL_T2, OTHER_MASKS, STATISTICS


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    paths = [options.out, *([options.by_person] if options.by_person else [])]
    outputs = [file for path in paths for file in (path, path.with_suffix(".json"))]

    def work() -> None:
        cohort, variants = read_cohort(cohort_of(options), options.measures), read_variants(options.tables)
        _write(compare_variants(cohort, variants, _choices(options), options.decided), options.out, "multiverse")
        if options.by_person:
            _write(t2_by_mask(cohort, variants, _choices(options)), options.by_person, "masks")

    return run_stage("analyse", work, outputs=outputs, leave_stop_notes=options.leave_stop_notes)


def _write(table: pd.DataFrame, path: Path, name: str) -> None:
    write_tsv(table, path)
    write_json(path.with_suffix(".json"), dictionary_of(name, table.columns))


def _choices(options: argparse.Namespace) -> Choices:
    return Choices(
        masks=[options.own_mask, *options.masks],
        t2=[options.own_t2, *options.t2],
        statistics=options.statistics,
        aggregations=options.aggregations,
    )


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_cohort_options(parser)
    add = parser.add_argument
    add("--measures", type=Path, required=True, metavar="TABLE", help="results/measure/cohort.tsv")
    add("--tables", type=Path, nargs="*", default=[], metavar="TSV", help="of scripts/measure_variants.py")
    add("--own-mask", choices=["automatic", "given"], default="automatic", help="default %(default)s")
    add("--own-t2", choices=ALL_T2, default="vendor-map", help="default %(default)s")
    add("--decided", nargs="*", default=[], metavar="SCAN", help="whose value is by a person's decision (review)")
    add("--masks", nargs="*", choices=OTHER_MASKS, default=[], help="beside the run's own")
    add("--t2", nargs="*", choices=ALL_T2, default=[], help="beside the run's own")
    add("--statistics", nargs="*", choices=STATISTICS, default=[], help="beside the mean")
    add("--aggregations", nargs="*", choices=AGGREGATIONS, default=[], help="beside all voxels")
    add("--out", type=Path, required=True, metavar="TSV", help="one row per variant")
    add("--by-person", type=Path, metavar="TSV", help="one row per mask and person")
    return parser


if __name__ == "__main__":
    sys.exit(main())
