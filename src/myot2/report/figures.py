"""The report's figures: plain values in, matplotlib figures out. A group without values leaves its place empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from myot2.report.figure_style import (
    GROUP_COLOURS,
    GROUP_MARKS,
    INK,
    LINE,
    MOST_LETTERS,
    PATIENT,
    QUIET,
    T2_COLOURS,
    WIDTH_IN,
    say_empty,
    style,
)
from myot2.report.legible import shortened

_BEE_WIDTH = 0.36
_HEAT_STEP_MS = 5.0
_NAMED_COLUMNS = 40
_MOST_BINS = 40


def group_figure(t2: Mapping[str, Sequence[float]], cutoff_ms: float | None) -> Figure:
    """Box plots of T2 per group with every person as a dot.

    Parameters
    ----------
    t2 : mapping
        'patient' and 'control' to values in ms, any number of each, also none.
    cutoff_ms : float or None
        Drawn as a line where there is one.
    """
    with style():
        figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
        axes = figure.subplots()
        for place, (group, values) in enumerate(t2.items()):
            _draw_group(axes, place, np.asarray(values, dtype=float), group)
        axes.set_xticks(range(len(t2)), [f"{group}s\nn = {len(values)}" for group, values in t2.items()])
        axes.set_xlim(-0.6, len(t2) - 0.4)
        axes.set_ylabel("T2 of the thigh muscles (ms)")
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        if cutoff_ms is not None:
            axes.axhline(cutoff_ms, color=QUIET, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(
                "cutoff", (1, cutoff_ms), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                textcoords="offset points", ha="right", va="bottom", color=QUIET, fontsize=8,
            )  # fmt: skip
        say_empty(axes, sum(len(values) for values in t2.values()) == 0)
    return figure


def histogram_figure(t2: Mapping[str, Sequence[float]], cutoff_ms: float | None) -> Figure:
    """How many people have which T2, one group above the other on one axis of T2.

    Parameters
    ----------
    t2 : mapping
        'patient' and 'control' to values in ms, any number of each, also none.
    cutoff_ms : float or None
        Drawn as a line where there is one.
    """
    every = np.concatenate([np.asarray(values, dtype=float) for values in t2.values()])
    with style():
        figure = Figure(figsize=(WIDTH_IN, 3.4), layout="constrained")
        all_axes = figure.subplots(len(t2), 1, sharex=True)
        for axes, (group, values) in zip(all_axes, t2.items(), strict=True):
            if len(values):
                hatch = None if group == "patient" else "///"
                axes.hist(
                    values, bins=_whole_steps(every), color=GROUP_COLOURS[group], edgecolor="white", linewidth=0.5,
                    hatch=hatch,
                )  # fmt: skip
            if cutoff_ms is not None:
                axes.axvline(cutoff_ms, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.set_title(f"{group}s, n = {len(values)}", loc="left")
            axes.set_ylabel("people")
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
            say_empty(axes, len(values) == 0)
        all_axes[-1].set_xlabel("T2 of the thigh muscles (ms)")
    return figure


def _whole_steps(values: np.ndarray) -> np.ndarray:
    """Edges at whole milliseconds around the values, a step of so many as gives at most 40 bins."""
    low, high = np.floor(values.min()), np.floor(values.max()) + 1
    step = max(1, int(np.ceil((high - low) / _MOST_BINS)))
    return np.arange(low, high + step, step)


def roc_figure(roc: pd.DataFrame, cutoff_ms: float | None, band: pd.DataFrame | None = None) -> Figure:
    """The ROC curve with the chosen operating point.

    Parameters
    ----------
    roc : pd.DataFrame
        Columns cutoff (ms), sensitivity and specificity (0-1); no rows where there is no curve.
    cutoff_ms : float or None
        The chosen cutoff, one of the table's; None where none was chosen.
    band : pd.DataFrame, optional
        Columns false_positive_rate, low and high (0-1): the interval of the sensitivity; drawn where it has rows.
    """
    with style():
        figure = Figure(figsize=(WIDTH_IN, 3.9), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        points = roc.sort_values("cutoff", ascending=False)
        axes.plot(1 - points["specificity"], points["sensitivity"], color=INK, linewidth=1.6, clip_on=False)
        if band is not None and len(band):
            rates = band.sort_values("false_positive_rate")
            axes.fill_between(
                rates["false_positive_rate"], rates["low"], rates["high"], color=LINE, linewidth=0, zorder=0
            )
        if cutoff_ms is not None and len(roc):
            chosen = roc.iloc[(roc["cutoff"] - cutoff_ms).abs().argmin()]
            axes.plot(1 - chosen["specificity"], chosen["sensitivity"], "o", color=PATIENT, markersize=7, clip_on=False)
            axes.annotate(
                "chosen cutoff", (1 - chosen["specificity"], chosen["sensitivity"]), xytext=(10, -12),
                textcoords="offset points", color=PATIENT, fontsize=8.5,
            )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.set_yticks(np.linspace(0, 1, 6))
        say_empty(axes, roc.empty)
    return figure


def muscle_figure(muscles: pd.DataFrame, groups: Mapping[str, str | None]) -> Figure:
    """A heat map of T2: muscles against scans, patients left of controls, each group by falling mean T2.

    Parameters
    ----------
    muscles : pd.DataFrame
        T2 in ms (NaN where not measured); rows are muscles, columns scan names.
    groups : mapping
        Scan name to 'patient' or 'control', or None where unknown.
    """
    blocks = [_ordered(muscles, groups, group) for group in ("patient", "control", None)]
    blocks = [
        (group, block)
        for group, block in zip(("patients", "controls", "group unknown"), blocks, strict=True)
        if len(block.columns)
    ]
    with style():
        figure = Figure(figsize=(WIDTH_IN, 1.3 + 0.21 * max(len(muscles), 3)), layout="constrained")
        if not blocks:
            say_empty(figure.subplots(), True)
            return figure
        widths = [len(block.columns) for _, block in blocks]
        all_axes = figure.subplots(1, len(blocks), width_ratios=widths, squeeze=False, sharey=True)[0]
        low, high = _heat_range(muscles)
        for axes, (title, block) in zip(all_axes, blocks, strict=True):
            image = _draw_heat(axes, block, low, high, spaced=sum(widths) <= _NAMED_COLUMNS)
            axes.set_title(title if len(block.columns) > 2 or len(blocks) == 1 else title.split()[0], color=INK)
        all_axes[0].set_yticks(np.arange(len(muscles)) + 0.5, [shortened(name, MOST_LETTERS) for name in muscles.index])
        bar = figure.colorbar(image, ax=list(all_axes), shrink=0.9, pad=0.015, aspect=22)
        bar.set_label("T2 (ms)")
        bar.outline.set_visible(False)
    return figure


def _draw_group(axes: Axes, place: int, values: np.ndarray, group: str) -> None:
    colour = GROUP_COLOURS[group]
    if len(values) == 0:
        axes.text(place, 0.5, "none measured", transform=axes.get_xaxis_transform(), ha="center", color=QUIET)
        return
    if len(values) >= 3:
        axes.bxp(
            [_box_of(values)], positions=[place], widths=0.5, showfliers=False, patch_artist=True,
            manage_ticks=False, zorder=1,
            boxprops={"facecolor": "white", "edgecolor": colour}, medianprops={"color": colour, "linewidth": 1.8},
            whiskerprops={"color": colour}, capprops={"color": colour},
        )  # fmt: skip
    axes.scatter(
        place + beeswarm(values), values, s=30, color=colour, marker=GROUP_MARKS[group], alpha=0.8, linewidth=0.5,
        edgecolor="white", zorder=2,
    )  # fmt: skip


def _box_of(values: np.ndarray) -> dict[str, float]:
    """What `Axes.bxp` draws, with quartiles by Weibull's rule, the one behind the quartiles of statistics.json."""
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75], method="weibull")
    reach = 1.5 * (q3 - q1)
    low, high = values[values >= q1 - reach].min(), values[values <= q3 + reach].max()
    return {"q1": q1, "med": median, "q3": q3, "whislo": min(low, q1), "whishi": max(high, q3)}


def beeswarm(values: np.ndarray) -> np.ndarray:
    """Sideways shifts that keep dots of similar value apart, shape (n,), within half of `_BEE_WIDTH` of 0.

    Values are binned by a thirtieth of their range; within a bin the shifts alternate around the middle in order of
    value, so equal data give equal pictures.
    """
    spread = float(np.ptp(values)) or 1.0
    bins = np.floor((values - values.min()) / spread * 30).astype(int)
    most = int(np.bincount(bins).max())
    shifts = np.zeros(len(values))
    for number in np.unique(bins):
        members = np.flatnonzero(bins == number)
        members = members[np.argsort(values[members], kind="stable")]
        ranks = np.arange(len(members)) - (len(members) - 1) / 2
        shifts[members] = ranks * min(0.06, _BEE_WIDTH / max(most - 1, 1))
    return shifts


def _ordered(muscles: pd.DataFrame, groups: Mapping[str, str | None], group: str | None) -> pd.DataFrame:
    block = muscles[[scan for scan in muscles.columns if groups.get(scan) == group]]
    return block[block.mean().sort_values(ascending=False, kind="stable").index]


def _heat_range(muscles: pd.DataFrame) -> tuple[float, float]:
    """The data's range, widened to whole steps of 5 ms."""
    values = muscles.to_numpy(dtype=float)
    if not np.isfinite(values).any():
        return 0.0, _HEAT_STEP_MS
    low = np.floor(np.nanmin(values) / _HEAT_STEP_MS) * _HEAT_STEP_MS
    high = np.ceil(np.nanmax(values) / _HEAT_STEP_MS) * _HEAT_STEP_MS
    return float(low), float(max(high, low + _HEAT_STEP_MS))


def _draw_heat(axes: Axes, block: pd.DataFrame, low: float, high: float, *, spaced: bool) -> QuadMesh:
    """Draw one group; `spaced` says whether there is room for names and for gaps between the cells."""
    axes.set_facecolor(LINE)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(block.to_numpy(dtype=float)), cmap=T2_COLOURS, vmin=low, vmax=high,
        edgecolors="white" if spaced else "face", linewidth=0.4,
    )  # fmt: skip
    axes.set_ylim(len(block), 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    named = [name.removeprefix("sub-") for name in block.columns] if spaced else []
    axes.set_xticks(np.arange(len(named)) + 0.5, named, rotation=90, fontsize=7)
    return mesh
