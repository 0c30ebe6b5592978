"""Fit water and fat, without a Dixon scan, to the mean signal of each muscle: T2 of water, fat fraction, B1.

For regions of many voxels only: without a prior the fat fraction and T2 of a single voxel cannot be told apart
(docs/stages/fit-fat.md). The labels lie on the grid of the echoes, as scripts/resample_labels.py makes them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.core.images import array_of, read_image, require_same_grid
from myot2.core.labels import muscle_only, read_labels, require_known
from myot2.core.tables import write_tsv
from myot2.fit.dixon_weight import FAT_T2_MS
from myot2.fit.echoes import read_echoes, require_decay
from myot2.fit.fit_options import add_train, contradiction_in_train, pulses_of
from myot2.fit.regions import COLUMNS, LEAST_VOXELS, mean_signals, table_of
from myot2.fit.saturation import leave_out_clipped
from myot2.fit.settings import Settings
from myot2.fit.timing import require_count, require_even
from myot2.fit.trains import train_of
from myot2.fit.water_fat_region import fit_region_means
from myot2.fit.water_fat_table import build


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument(
        "--echoes", nargs="+", required=True, metavar="NIFTI", help="one file per echo, or one 4-D file"
    )
    parser.add_argument("--echo-times-ms", nargs="+", type=float, metavar="MS", help="default: the sidecars'")
    parser.add_argument("--labels", required=True, metavar="NIFTI", help="label map on the grid of the echoes")
    parser.add_argument("--label-table", required=True, metavar="TSV", help="config/labels.tsv")
    parser.add_argument("--fat-t2-ms", type=positive, default=FAT_T2_MS, metavar="MS", help="default %(default)s")
    add_train(parser)
    parser.add_argument("--out", required=True, metavar="TSV", help="its data dictionary is written beside it as .json")
    options = parser.parse_args(argv)
    contradicts, message = contradiction_in_train(options)
    if contradicts:
        parser.error(message)
    return options


def fit_regions(options: argparse.Namespace) -> None:
    """Fit the mean of each muscle and write the table."""
    echoes, labels = read_echoes(options.echoes, options.echo_times_ms), read_image(options.labels)
    require_same_grid(echoes.grid, labels, where=options.labels, what="labels and echoes")
    require_decay(echoes)
    echoes, _ = leave_out_clipped(echoes)
    require_count(echoes, 5, "water and fat")
    times = require_even(echoes, "water and fat", from_excitation=True)
    train = train_of(Settings(t1_ms=options.t1_ms, pulses=pulses_of(options)), times)
    names, numbers = read_labels(options.label_table), array_of(labels)
    require_known(numbers, names, options.labels)
    means = mean_signals(echoes.signal, muscle_only(numbers, names))
    if not means:
        raise MyoT2Error(
            expected=f"a muscle with at least {LEAST_VOXELS} voxels that have signal",
            found="none",
            where=options.labels,
            do="Check that labels and echoes show the same part of the body.",
        )
    table = build(train, options.fat_t2_ms, fat_t1_ms=options.fat_t1_ms)
    fit = fit_region_means(np.stack([mean for _, mean in means.values()], axis=1), table)
    write_tsv(table_of(means, fit, names), options.out)
    write_json(dictionary_path(options.out), {column: {"Description": text} for column, text in COLUMNS.items()})


def dictionary_path(table: str) -> Path:
    """The data dictionary of a table."""
    return Path(table).with_suffix(".json")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [options.out, dictionary_path(options.out)]
    return run_stage("fit", lambda: fit_regions(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
