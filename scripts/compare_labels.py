"""Compare two label maps on one grid: overlap, surfaces and volumes of each muscle, group and the whole thigh.

All differences are A minus B, and percentages are of B: give the reference as B. With --t2 the mean T2 of each region
in A and in B is compared too, over the voxels that scripts/measure_muscles.py takes under the same options.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from myot2.core.command import positive, run_stage, stage_parser
from myot2.core.dictionary import dictionary_path, write_dictionary
from myot2.core.files import sha256
from myot2.core.images import array_of, read_volume, require_same_grid
from myot2.core.labels import LabelTable, read_labels, require_known
from myot2.core.regions import Region, other_regions_of, regions_of
from myot2.core.tables import write_tsv
from myot2.measure.inputs import read_status
from myot2.measure.mask_difference import COLUMNS as T2_COLUMNS
from myot2.measure.mask_difference import compare_t2
from myot2.measure.muscles import PLAUSIBLE_MS
from myot2.segment.overlap import COLUMNS, compare_regions, in_plane_mm

SHOWN = {
    "dice": ("Dice", ".3f"),
    "hd95_mm": ("HD95 mm", ".2f"),
    "nsd": ("NSD", ".3f"),
    "volume_a_ml": ("A ml", ".1f"),
    "volume_b_ml": ("B ml", ".1f"),
    "volume_difference_ml": ("A-B ml", "+.1f"),
    "volume_difference_percent": ("A-B %", "+.1f"),
}
T2_SHOWN = {
    "t2_mean_a_ms": ("T2 A ms", ".2f"),
    "t2_mean_b_ms": ("T2 B ms", ".2f"),
    "t2_difference_ms": ("A-B ms", "+.2f"),
}


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = stage_parser(__doc__)
    parser.add_argument("a", metavar="A", help="label map (NIfTI)")
    parser.add_argument("b", metavar="B", help="label map on the same grid, the reference")
    parser.add_argument("--label-table", default="config/labels.tsv", metavar="TSV", help="which number means what")
    parser.add_argument("--tolerance-mm", type=positive, metavar="MM", help="of NSD; default one in-plane voxel")
    parser.add_argument("--t2", metavar="NIFTI", help="T2 in ms on the same grid")
    parser.add_argument("--status", metavar="NIFTI", help="status map of the fit; only voxels that are ok count")
    parser.add_argument("--erosion-mm", type=float, metavar="MM", help="of both label maps, for T2 only; default 0")
    parser.add_argument("--plausible-ms", type=float, nargs=2, metavar=("LOW", "HIGH"), help="default 1 300")
    parser.add_argument("--table", metavar="TSV", help="to write; its data dictionary is put beside it as .json")
    options = parser.parse_args(argv)
    if not options.t2 and (options.status or options.erosion_mm is not None or options.plausible_ms):
        parser.error("--status, --erosion-mm and --plausible-ms are about T2: give --t2")
    options.erosion_mm = options.erosion_mm or 0.0
    low, high = options.plausible_ms = options.plausible_ms or list(PLAUSIBLE_MS)
    if not options.erosion_mm >= 0 or not low < high:
        parser.error("--erosion-mm is not negative, and --plausible-ms goes from low to high")
    return options


def compare(options: argparse.Namespace) -> None:
    """Compare one pair, print the table and write it."""
    table = read_labels(options.label_table)
    image, first = read_numbers(options.a, table)
    other, second = read_numbers(options.b, table)
    require_same_grid(image, other, where=options.b, what="both label maps")
    regions = [*regions_of(table, options.label_table), *other_regions_of(table)]
    spacing = image.GetSpacing()[::-1]
    tolerance = options.tolerance_mm or in_plane_mm(spacing)
    rows = compare_regions(first, second, spacing, regions, tolerance_mm=tolerance)
    if options.t2:
        effects = t2_effects(options, image, first, second, regions)
    else:
        effects = pd.DataFrame(index=rows.index, columns=list(T2_COLUMNS))
    rows = pd.concat([rows, effects], axis=1)
    if options.table:
        write_tsv(rows, options.table)
        write_dictionary(options.table, {**COLUMNS, **T2_COLUMNS}, settings_of(options, tolerance))
    print(f"A: {options.a}\nB: {options.b}\nNSD at {tolerance:.4g} mm; differences are A minus B, per cent of B\n")
    print(as_text(rows, SHOWN | T2_SHOWN if options.t2 else SHOWN))


def read_numbers(path: str, table: LabelTable) -> tuple[sitk.Image, np.ndarray]:
    """A label map, and its numbers as whole ones (slice, row, column)."""
    image = read_volume(path)
    numbers = array_of(image)
    require_known(numbers, table, path)
    return image, numbers.astype(np.intp)


def t2_effects(
    options: argparse.Namespace, image: sitk.Image, first: np.ndarray, second: np.ndarray, regions: list[Region]
) -> pd.DataFrame:
    """The T2 of each region in both label maps."""
    t2 = read_volume(options.t2)
    require_same_grid(image, t2, where=options.t2, what="label maps and T2 map")
    low, high = options.plausible_ms
    return compare_t2(
        array_of(t2),
        first,
        second,
        image.GetSpacing(),
        regions,
        erosion_mm=options.erosion_mm,
        plausible_ms=(low, high),
        status=read_status(options.status, t2) if options.status else None,
    )


def settings_of(options: argparse.Namespace, tolerance_mm: float) -> dict[str, Any]:
    """What shaped the table: settings, and the inputs by their content."""
    about_t2 = {"erosion_mm": options.erosion_mm, "plausible_ms": options.plausible_ms} if options.t2 else {}
    files = {name: getattr(options, name) for name in ("a", "b", "t2", "status")}
    sums = {f"{name}_sha256": sha256(path) for name, path in files.items() if path}
    return {"tolerance_mm": tolerance_mm, **about_t2, **sums}


def as_text(rows: pd.DataFrame, shown: dict[str, tuple[str, str]]) -> str:
    """The table for a person to read."""
    text = rows[["region", "side"]].copy()
    for column, (name, form) in shown.items():
        text[name] = ["n/a" if pd.isna(value) else format(value, form) for value in rows[column]]
    return text.to_string(index=False)


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status."""
    options = parse(argv)
    outputs = [options.table, dictionary_path(options.table)] if options.table else []
    return run_stage("segment", lambda: compare(options), outputs=outputs, leave_stop_notes=options.leave_stop_notes)


if __name__ == "__main__":
    sys.exit(main())
