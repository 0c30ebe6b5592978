"""T2 against clinical measures, and left against right: marks for people, in small panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from myot2.report.figure_style import (
    GROUP_COLOURS,
    GROUP_MARKS,
    INK,
    LINE,
    MOST_LETTERS,
    PATIENT,
    QUIET,
    WIDTH_IN,
    say_empty,
    style,
)
from myot2.report.legible import shortened

LOGARITHMIC_SPAN = 20.0
"""A measure whose highest value is more than so many times its lowest has a logarithmic axis."""

_COLUMNS = 3
_SIDES = {"patient": -0.17, "control": 0.17}


@dataclass(frozen=True)
class Pairs:
    """One panel: `values` and `t2` (ms) of the people in whom both are known, shape (n,), and what is printed above."""

    name: str
    unit: str
    values: np.ndarray
    t2: np.ndarray
    words: str


def correlation_figure(panels: Sequence[Pairs], cutoff_ms: float | None) -> Figure:
    """Scatter plots side by side, T2 upwards on one common axis; the cutoff is a dashed line where there is one."""
    rows = -(-len(panels) // _COLUMNS)
    with style():
        figure = Figure(figsize=(WIDTH_IN, 2.5 * rows), layout="constrained")
        grid = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
        for place, axes in enumerate(grid.flat):
            if place < len(panels):
                _draw_pairs(axes, panels[place], cutoff_ms)
                axes.tick_params(labelleft=True)
            else:
                axes.set_axis_off()
        for axes in grid[:, 0]:
            axes.set_ylabel("T2 (ms)")
    return figure


def _draw_pairs(axes: Axes, pairs: Pairs, cutoff_ms: float | None) -> None:
    axes.set_title(f"{pairs.name}\n{pairs.words}", loc="left", fontsize=8)
    axes.set_xlabel(pairs.unit)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if cutoff_ms is not None:
        axes.axhline(cutoff_ms, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
    say_empty(axes, len(pairs.values) == 0)
    if len(pairs.values) and pairs.values.min() > 0 and pairs.values.max() > LOGARITHMIC_SPAN * pairs.values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.scatter(
        pairs.values, pairs.t2, s=16, color=PATIENT, marker=GROUP_MARKS["patient"], alpha=0.75, linewidth=0.4,
        edgecolor="white",
    )  # fmt: skip


def sides_figure(sides: pd.DataFrame, groups: Mapping[str, str | None]) -> Figure:
    """Left minus right of each muscle.

    Parameters
    ----------
    sides : pd.DataFrame
        Difference in ms (NaN where a side is not measured); rows are muscles, columns scan names.
    groups : mapping
        Scan name to 'patient' or 'control', or None where unknown (not drawn).
    """
    with style():
        figure = Figure(figsize=(WIDTH_IN, 1.2 + 0.3 * max(len(sides), 3)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0, color=QUIET, linewidth=0.8)
        for group, shift in _SIDES.items():
            block = sides[[scan for scan in sides.columns if groups.get(scan) == group]]
            for place, (_, differences) in enumerate(block.iterrows()):
                _draw_differences(axes, place + shift, differences.dropna().to_numpy(dtype=float), group)
        axes.set_yticks(range(len(sides)), [shortened(name, MOST_LETTERS) for name in sides.index])
        axes.set_ylim(max(len(sides), 1) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("T2 left − right (ms)")
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        say_empty(axes, not sides.notna().to_numpy().any())
        figure.legend(handles=_key(), loc="outside upper right", ncols=2, handletextpad=0.2)
    return figure


def _draw_differences(axes: Axes, place: float, differences: np.ndarray, group: str) -> None:
    if len(differences) == 0:
        return
    colour = GROUP_COLOURS[group]
    axes.scatter(
        differences, np.full(len(differences), place), s=9, color=colour, marker=GROUP_MARKS[group], alpha=0.5,
        linewidth=0,
    )  # fmt: skip
    axes.plot([np.median(differences)] * 2, [place - 0.15, place + 0.15], color=INK, linewidth=1.6)


def _key() -> list[Line2D]:
    return [
        Line2D(
            [], [], color=GROUP_COLOURS[group], marker=GROUP_MARKS[group], markersize=4, linewidth=0, label=f"{group}s"
        )
        for group in _SIDES
    ]
