"""Run an analysis plan on a cohort: group comparisons, ROC curve, correlations, and whatever else the plan lists.

Writes into --out: statistics.json; log.jsonl with a line per analysis; and groups, correlations, roc, muscles and
participants as .tsv, each with a data dictionary (.json). docs/stages/analyse.md lists every key and its formula, and
tells how a plan is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from myot2.analyse.cohort import read_cohort
from myot2.analyse.multiverse import COLUMNS
from myot2.analyse.plan_file import changes_from_json, read_plan
from myot2.analyse.results import output_paths, write_results
from myot2.analyse.run import run_plan
from myot2.analyse.variant_tables import read_multiverse, read_t2_by_mask
from myot2.core.cohort_options import add_cohort_options, cohort_of
from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.labels import read_labels

STUDY = Path(__file__).parents[1] / "config/plans/study.yaml"


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = _parser().parse_args(argv)
    limits = {"limits": {"ck": options.ck_upper_limit}} if options.ck_upper_limit else {}

    def work() -> None:
        plan = read_plan(options.plan, {**options.changes, **limits})
        labels = read_labels(options.label_table) if options.label_table else None
        cohort = read_cohort(cohort_of(options), options.measures, plan.measures)
        multiverse = read_multiverse(options.multiverse, COLUMNS) if options.multiverse else None
        masks = read_t2_by_mask(options.masks) if options.masks else None
        write_results(run_plan(plan, cohort, labels, multiverse, masks), cohort, options.out)

    return run_stage("analyse", work, outputs=output_paths(options.out), leave_stop_notes=options.leave_stop_notes)


def _parser() -> argparse.ArgumentParser:
    parser = stage_parser(__doc__)
    add_cohort_options(parser)
    parser.add_argument("--measures", type=Path, required=True, metavar="TABLE", help="results/measure/cohort.tsv")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--label-table", type=Path, metavar="TABLE", help="config/labels.tsv: order of the muscles")
    parser.add_argument("--multiverse", type=Path, metavar="TABLE", help="of scripts/compare_variants.py")
    parser.add_argument("--masks", type=Path, metavar="TABLE", help="its --by-person: T2 by each mask")
    parser.add_argument(
        "--plan", type=Path, default=STUDY, metavar="FILE", help="analysis plan, YAML or JSON (default: the study's)"
    )
    parser.add_argument(
        "--changes",
        type=_changes,
        default={},
        metavar="JSON",
        help="what is changed in the plan, such as '{\"resamples\": 500}'; the keys are those of the configuration's "
        "section analysis",
    )
    parser.add_argument(
        "--ck-upper-limit",
        type=positive,
        metavar="U/L",
        help="upper limit of normal creatine kinase, inclusive, both sexes (default: the plan's)",
    )
    return parser


def _changes(text: str) -> dict[str, object]:
    try:
        return changes_from_json(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a JSON object of changes ({error})") from error


if __name__ == "__main__":
    sys.exit(main())
