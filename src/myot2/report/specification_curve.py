"""The specification curve: what each variant of the analysis finds, above the choices that make it.

The form is that of Simonsohn, Simmons and Nelson (Nat Hum Behav 2020;4:1208).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from myot2.core.variants import CHOICES
from myot2.report.figure_style import INK, LINE, PATIENT, QUIET, style

_WIDTH_IN = 6.3
_ROW_IN = 0.17
_HEADING = {"mask": "mask", "t2": "T2 map", "statistic": "statistic", "aggregation": "aggregation"}
_WORDS: Mapping[tuple[str, str], str] = {
    ("statistic", "p90"): "90th percentile",
    ("aggregation", "voxel"): "all voxels",
    ("aggregation", "muscle"): "mean of muscles",
    ("aggregation", "slice"): "mean of slices",
    ("t2", "vendor-map"): "scanner's map",
    ("t2", "kspace"): "from k-space",
}


class _UpToOne(MaxNLocator):
    """Ticks at round numbers, none above 1."""

    def tick_values(self, vmin: float, vmax: float) -> np.ndarray:
        return super().tick_values(vmin, min(vmax, 1.0))


def specification_figure(multiverse: pd.DataFrame) -> Figure:
    """AUC with its interval and cutoff of every variant, by rising AUC, and below them which choices make it.

    The main path is a diamond of another colour, and a line at its value runs through both panels.

    Parameters
    ----------
    multiverse : pd.DataFrame
        One row per variant, as results/analyse/multiverse.tsv: mask, t2, statistic, aggregation, main ('yes' or 'no'),
        auc, auc_ci_low, auc_ci_high (0-1) and cutoff_ms, NaN where there is none. Variants without AUC are left out of
        the curve; a choice that only such variants have keeps its row and says that it is not available.
    """
    shown = _ordered(multiverse)
    rows = _choice_rows(multiverse)
    with style():
        heights = (1.6, 1.2, max(_ROW_IN * (len(rows) + len(CHOICES)), 1.0))
        figure = Figure(figsize=(_WIDTH_IN, sum(heights) + 0.5), layout="constrained")
        area, cutoff, matrix = figure.subplots(3, 1, sharex=True, height_ratios=heights)
        _draw_values(area, shown, "auc")
        area.set_ylabel("AUC")
        _draw_values(cutoff, shown, "cutoff_ms")
        cutoff.set_ylabel("cutoff (ms)")
        _draw_matrix(matrix, shown, rows)
        if shown.empty:
            area.text(0.5, 0.5, "no data", transform=area.transAxes, ha="center", va="center", color=QUIET, fontsize=12)
    return figure


def _ordered(multiverse: pd.DataFrame) -> pd.DataFrame:
    """The variants that have an AUC, by rising AUC, then cutoff, then in the order of the table."""
    shown = multiverse[multiverse["auc"].notna()]
    return shown.sort_values(["auc", "cutoff_ms"], kind="stable").reset_index(drop=True)


def _choice_rows(multiverse: pd.DataFrame) -> list[tuple[str, str]]:
    """(choice, value) of each row of the matrix, in the order of the table."""
    return [(choice, value) for choice in CHOICES for value in dict.fromkeys(multiverse[choice])]


def _draw_values(axes: Axes, shown: pd.DataFrame, column: str) -> None:
    places = np.arange(len(shown))
    values = shown[column].to_numpy(dtype=float)
    main = (shown["main"] == "yes").to_numpy()
    if main.any():
        axes.axhline(values[main][0], color=PATIENT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    if column == "auc":
        low, high = (shown[f"auc_ci_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
        _fit_area_axis(axes, np.append(values, low))
        axes.vlines(places, low, high, color=np.where(main, PATIENT, QUIET), linewidth=1.1, alpha=0.7, zorder=2)
    size = _marker_size(len(shown))
    axes.plot(places[~main], values[~main], "o", color=INK, markersize=size, zorder=3)
    axes.plot(places[main], values[main], "D", color=PATIENT, markersize=size + 1.5, zorder=4)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if not len(shown):
        axes.set_yticks([])


def _fit_area_axis(axes: Axes, values: np.ndarray) -> None:
    """From a little below the lowest value, or 0.9 where all lie higher, to 1: there is no area above it."""
    known = values[np.isfinite(values)]
    if known.size:
        bottom = min(float(known.min()), 0.9)
        margin = 0.05 * (1 - bottom)
        axes.set_ylim(bottom - margin, 1 + margin)
        axes.yaxis.set_major_locator(_UpToOne(nbins=5))


def _draw_matrix(axes: Axes, shown: pd.DataFrame, rows: list[tuple[str, str]]) -> None:
    """A dot where a variant (column) makes a choice (row); a gap stands between the choices."""
    main = (shown["main"] == "yes").to_numpy()
    size = _marker_size(len(shown))
    heights, labels, height = [], [], 0.0
    for number, (choice, value) in enumerate(rows):
        if number == 0 or rows[number - 1][0] != choice:
            height += 1.0
            axes.annotate(
                _HEADING[choice], (0, height - 0.15), xycoords=("axes fraction", "data"), xytext=(-6, 0),
                textcoords="offset points", ha="right", va="center", color=QUIET, fontsize=8, style="italic",
            )  # fmt: skip
            height += 0.85
        made = (shown[choice] == value).to_numpy()
        places = np.arange(len(shown))
        axes.axhline(height, color=LINE, linewidth=0.6, zorder=1)
        axes.plot(places[made & ~main], np.full((made & ~main).sum(), height), "o", color=INK, markersize=size)
        axes.plot(places[made & main], np.full((made & main).sum(), height), "D", color=PATIENT, markersize=size + 1.5)
        if not made.any():
            axes.text(
                0.5, height, "not available", transform=axes.get_yaxis_transform(), ha="center", va="center",
                color=QUIET, fontsize=7.5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        heights.append(height)
        labels.append(_WORDS.get((choice, value), value))
        height += 1.0
    axes.set_yticks(heights, labels)
    axes.set_xticks([])
    axes.set_ylim(max(height, 1.0), 0.2)
    axes.set_xlim(-0.8, max(len(shown), 1) - 0.2)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("variants, by rising AUC" if len(shown) else "")


def _marker_size(count: int) -> float:
    """Points; smaller where many variants share the width."""
    return float(np.clip(150 / max(count, 1), 1.5, 4.0))
