"""The shareable report's figures: released tables in, matplotlib figures out; none takes a person's value."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
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
    style,
)
from myot2.report.flow_diagram import AMONG_PATIENTS, Flow, flow_figure, measured, participants
from myot2.report.inputs import GROUPS
from myot2.report.legible import shortened
from myot2.report.lookup import Statistics
from myot2.report.scatter import LOGARITHMIC_SPAN
from myot2.report.sections import QUANTITIES
from myot2.report.shareable.study import Shared
from myot2.report.tables import key_of

_COLUMNS = 3
_MOST = 24
_SHIFT = {"patient": -0.16, "control": 0.16}


def flow(shared: Shared) -> Figure:
    """The flow in rounded counts."""
    statistics = shared.statistics
    steps = dict(zip(shared.flow["step"], (shortened(scans, _MOST) for scans in shared.flow["scans"]), strict=True))
    lost = ("Scans not measured", steps.pop("not measured"))
    stages = [f"{step}: {scans}" for step, scans in steps.items() if step.startswith("stopped at ")]
    return flow_figure(
        Flow(
            participants(statistics),
            (*lost, *stages),
            measured(statistics),
            ("Patients analysed", *_pairs_lines(statistics)),
            ("Controls analysed", f"n = {_text(statistics, 't2.control.mean', 'n')}"),
        )
    )


def _pairs_lines(statistics: Statistics) -> list[str]:
    pairs = [f"{label}: {_text(statistics, f'spearman.{name}', 'n')}" for name, label in AMONG_PATIENTS.items()]
    lines = [", ".join(pairs[start : start + 2]) for start in range(0, len(pairs), 2)]
    return [f"n = {_text(statistics, 't2.patient.mean', 'n')}", "Correlations of T2, n:", *lines]


def _text(statistics: Statistics, key: str, part: str) -> str:
    entry = statistics.content.get(key, {})
    value = entry.get(part)
    return str(value) if value is not None else str(entry.get("printed", "–"))


def histogram(shared: Shared) -> Figure:
    """Bars of rounded counts, one group above the other; open bins say so."""
    with style():
        bins = [shared.histogram[shared.histogram["group"] == group] for group in GROUPS]
        heights = [1.9 if len(one) > 1 else 0.55 for one in bins]
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.2), layout="constrained")
        all_axes = figure.subplots(len(GROUPS), 1, height_ratios=heights)
        for axes, group, one in zip(all_axes, GROUPS, bins, strict=True):
            _draw_bars(axes, one, group)
    return figure


def _draw_bars(axes: Axes, bins: pd.DataFrame, group: str) -> None:
    axes.set_title(f"{group}s", loc="left")
    if len(bins) < 2:
        words = "all in one bin: too few people for more" if len(bins) else "too few people to be shown"
        _say(axes, f"n = {bins['people'].iloc[0]:g}, {words}" if len(bins) else words)
        return
    hatch = None if group == "patient" else "///"
    places = np.arange(len(bins))
    axes.bar(places, bins["people"], width=0.92, color=GROUP_COLOURS[group], edgecolor="white", hatch=hatch)
    axes.set_xticks(places, [_range(low, high) for low, high in zip(bins["low"], bins["high"], strict=True)])
    for place, people in zip(places, bins["people"], strict=True):
        axes.annotate(
            f"{people:g}", (place, people), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set_ylim(0, 1.18 * bins["people"].max())
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_ylabel("people")
    axes.set_xlabel("T2 of the thigh muscles (ms)")


def _range(low: float, high: float) -> str:
    if math.isnan(low):
        return f"below {high:g}"
    return f"{low:g} and above" if math.isnan(high) else f"{low:g} to {high:g}"


def roc(shared: Shared) -> Figure:
    """The curve in steps of many people, or why there is none."""
    with style():
        figure = Figure(figsize=(WIDTH_IN, 3.9), layout="constrained")
        axes = figure.subplots()
        if shared.roc.empty:
            _say(axes, "not drawn: its steps would be few people")
            return figure
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.plot(
            shared.roc["false_positive_rate"], shared.roc["sensitivity"], color=INK, linewidth=1.6, marker="s",
            markersize=3.5, clip_on=False,
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.set_yticks(np.linspace(0, 1, 6))
    return figure


def correlations(shared: Shared) -> Figure:
    """Mean T2 of neighbours by rank against each clinical measure, T2 on one common axis."""
    rows = -(-len(QUANTITIES) // _COLUMNS)
    with style():
        figure = Figure(figsize=(WIDTH_IN, 2.5 * rows), layout="constrained")
        grid = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
        for axes in grid.flat[len(QUANTITIES) :]:
            axes.set_axis_off()
        for axes, (name, (title, unit)) in zip(grid.flat, QUANTITIES.items(), strict=False):
            points = shared.correlations[shared.correlations["quantity"] == name]
            axes.set_title(f"{title}\n{_words(shared.statistics, f'spearman.{name}')}", loc="left", fontsize=8)
            axes.set_xlabel(unit)
            axes.tick_params(labelleft=True)
            _draw_points(axes, points)
        for axes in grid[:, 0]:
            axes.set_ylabel("mean T2 (ms)")
    return figure


def _draw_points(axes: Axes, points: pd.DataFrame) -> None:
    if points.empty:
        _say(axes, "too few people")
        return
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    values = points["value"]
    if values.min() > 0 and values.max() > LOGARITHMIC_SPAN * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1,)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.scatter(values, points["t2_ms"], s=26, color=PATIENT, marker=GROUP_MARKS["patient"])


def _words(statistics: Statistics, key: str) -> str:
    if not statistics.has(key):
        return "not shown"
    entry = statistics.content[key]
    p = str(entry["p_printed"])
    return f"rₛ = {entry['printed']}\np {p if p.startswith('<') else f'= {p}'}, n = {entry['n']}"


def muscle_keys(shared: Shared) -> list[str]:
    """The keys of the means that are drawn."""
    return [f"muscle.{key_of(muscle)}.{group}.mean" for group in GROUPS for muscle in shared.muscles]


def muscles(shared: Shared) -> Figure:
    """Mean T2 of each muscle in both groups, with its interval where there is one."""
    with style():
        figure = Figure(figsize=(WIDTH_IN, 1.2 + 0.3 * max(len(shared.muscles), 3)), layout="constrained")
        axes = figure.subplots()
        for group in GROUPS:
            drawn = False
            for place, muscle in enumerate(shared.muscles):
                entry = shared.statistics.content.get(f"muscle.{key_of(muscle)}.{group}.mean", {})
                if entry.get("value") is not None:
                    _draw_mean(axes, place + _SHIFT[group], entry, group, label=None if drawn else f"{group}s")
                    drawn = True
        axes.set_yticks(range(len(shared.muscles)), [shortened(name, MOST_LETTERS) for name in shared.muscles])
        axes.set_ylim(max(len(shared.muscles), 1) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("mean T2 (ms)")
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        handles, _ = axes.get_legend_handles_labels()
        if handles:
            figure.legend(loc="outside upper right", ncols=2, handletextpad=0.2)
        else:
            _say(axes, "too few people to be shown")
    return figure


def _draw_mean(axes: Axes, place: float, entry: dict, group: str, label: str | None) -> None:
    colour = GROUP_COLOURS[group]
    if entry.get("ci"):
        axes.plot(entry["ci"], [place, place], color=colour, linewidth=1.4)
    axes.plot(
        entry["value"], place, color=colour, marker=GROUP_MARKS[group], markersize=5, linestyle="none", label=label
    )


def _say(axes: Axes, words: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=QUIET)
