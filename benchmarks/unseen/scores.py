"""Overlap of labels with the truth, and how tables of it are printed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.images import array_of, require_same_grid
from myot2.core.labels import LabelTable, muscle_only

LEAST_ML = 1.0
"""A muscle of which the image shows less than this, where a stack ends, is not scored."""

WHOLE = "whole muscle"


def compare(found: sitk.Image, truth: sitk.Image, table: LabelTable) -> pd.DataFrame:
    """Score one label map.

    Parameters
    ----------
    found, truth : sitk.Image
        Label numbers on one grid.
    table : LabelTable

    Returns
    -------
    pd.DataFrame
        A row per muscle or bone and side that the truth has `LEAST_ML` of, and one of whole muscle (side both; bone
        left out): structure, side, dice, hd95_mm, truth_ml, found_ml. Where nothing was found Dice is 0 and HD95 NaN.
    """
    require_same_grid(found, truth, where="labels", what="labels and truth")
    labels, true = array_of(found), array_of(truth)
    spacing = truth.GetSpacing()[::-1]
    muscle = [muscle_only(values, table) > 0 for values in (labels, true)]
    rows = [{"structure": WHOLE, "side": "both", **_overlap(*muscle, spacing)}]
    for label in table.labels:
        scores = _overlap(labels == label.index, true == label.index, spacing)
        if scores["truth_ml"] >= LEAST_ML:
            rows.append({"structure": label.name, "side": label.side, **scores})
    return pd.DataFrame(rows)


def _overlap(found: np.ndarray, true: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    millilitres = float(np.prod(spacing)) / 1000
    total = int(found.sum()) + int(true.sum())
    return {
        "dice": 2 * int((found & true).sum()) / total if total else np.nan,
        "hd95_mm": _hd95(found, true, spacing),
        "truth_ml": int(true.sum()) * millilitres,
        "found_ml": int(found.sum()) * millilitres,
    }


def _hd95(first: np.ndarray, second: np.ndarray, spacing: tuple[float, ...]) -> float:
    """95th percentile of the distances between the border voxels of two masks, the greater of both directions, mm."""
    if not (first.any() and second.any()):
        return np.nan
    box = ndimage.find_objects((first | second).astype(np.uint8))[0]
    masks = [np.pad(mask[box], 1) for mask in (first, second)]
    borders = [mask & ~ndimage.binary_erosion(mask) for mask in masks]
    away = [ndimage.distance_transform_edt(~border, sampling=spacing) for border in borders]
    return float(max(np.percentile(away[1][borders[0]], 95), np.percentile(away[0][borders[1]], 95)))


def markdown(table: pd.DataFrame, decimals: dict[str, int]) -> str:
    """A table with its index as the first column, in Markdown; numbers with as many decimals as their column is given."""
    shown = table.reset_index()
    for column, places in decimals.items():
        shown[column] = [("-" if pd.isna(value) else f"{value:.{places}f}") for value in shown[column]]
    head = " | ".join(str(name) for name in shown.columns)
    lines = [" | ".join(str(value) for value in row) for row in shown.itertuples(index=False)]
    return "\n".join([f"| {head} |", "|---" * len(shown.columns) + "|", *(f"| {line} |" for line in lines)])
