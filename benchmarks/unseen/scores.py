"""Overlap of labels with the truth, and how tables of it are printed."""

from __future__ import annotations

import pandas as pd
import SimpleITK as sitk

from myot2.core.images import array_of, require_same_grid
from myot2.core.labels import LabelTable
from myot2.core.regions import BOTH, THIGH, other_regions_of, regions_of
from myot2.segment.overlap import compare_regions, in_plane_mm

LEAST_ML = 1.0
"""A muscle of which the image shows less than this, where a stack ends, is not scored."""

WHOLE = "whole muscle"


def compare(found: sitk.Image, truth: sitk.Image, table: LabelTable) -> pd.DataFrame:
    """Score one label map by `myot2.segment.overlap`.

    Parameters
    ----------
    found, truth : sitk.Image
        Label numbers on one grid.
    table : LabelTable

    Returns
    -------
    pd.DataFrame
        A row per muscle or bone and side that the truth has `LEAST_ML` of, and one of whole muscle (side both; bone
        left out): structure, side, dice, hd95_mm, nsd, truth_ml, found_ml. Where nothing was found Dice is 0 and HD95
        NaN; NSD is within one pixel.
    """
    require_same_grid(found, truth, where="labels", what="labels and truth")
    spacing = truth.GetSpacing()[::-1]
    regions = [
        region
        for region in (*regions_of(table), *other_regions_of(table))
        if (region.name, region.side) == (THIGH, BOTH) or (region.side != BOTH and region.name in table.structures)
    ]
    scores = compare_regions(
        array_of(found), array_of(truth), spacing, regions, tolerance_mm=in_plane_mm(truth.GetSpacing())
    )
    scores["region"] = scores["region"].replace(THIGH, WHOLE)
    names = {"region": "structure", "volume_a_ml": "found_ml", "volume_b_ml": "truth_ml"}
    scores = scores.rename(columns=names)[["structure", "side", "dice", "hd95_mm", "nsd", "truth_ml", "found_ml"]]
    return scores[(scores.truth_ml >= LEAST_ML) | (scores.structure == WHOLE)].fillna({"dice": 0.0})


def markdown(table: pd.DataFrame, decimals: dict[str, int]) -> str:
    """A table in Markdown, its index as the first column; `decimals` of the columns that hold fractions."""
    shown = table.reset_index()
    for column, places in decimals.items():
        shown[column] = [("-" if pd.isna(value) else f"{value:.{places}f}") for value in shown[column]]
    head = " | ".join(str(name) for name in shown.columns)
    lines = [" | ".join(str(value) for value in row) for row in shown.itertuples(index=False)]
    return "\n".join([f"| {head} |", "|---" * len(shown.columns) + "|", *(f"| {line} |" for line in lines)])
