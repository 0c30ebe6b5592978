"""Corrected masks against the run's own: Bland and Altman's picture, the table, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from myot2.report.figure_style import (
    GROUP_COLOURS,
    GROUP_MARKS,
    INK,
    LINE,
    QUIET,
    WIDTH_IN,
    say_empty,
    style,
)
from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import pipe_table

CORRECTED = "corrected"
_LINES = (("masks.bias", INK), ("masks.lower", QUIET), ("masks.upper", QUIET))
_ROWS = (
    ("masks.bias", "Mean difference"),
    ("masks.lower", "Lower limit of agreement"),
    ("masks.upper", "Upper limit of agreement"),
    ("masks.slope", "Slope of the difference on the mean"),
    ("masks.icc", "Intraclass correlation, absolute agreement"),
)


def mask_pairs(masks: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """T2 (ms) of everybody who has both: columns `own` and `corrected`, and the person's `group`.

    Parameters
    ----------
    masks : pd.DataFrame
        One row per mask and person: participant_id, mask, t2_ms. The first mask is the run's own.
    people : pd.DataFrame
        participant_id and group.
    """
    if CORRECTED not in set(masks["mask"]):
        return pd.DataFrame({"own": [], "corrected": [], "group": []})
    wide = masks.pivot(index="participant_id", columns="mask", values="t2_ms")
    groups = people.set_index("participant_id")["group"]
    pairs = pd.DataFrame({"own": wide[masks["mask"].iloc[0]], "corrected": wide[CORRECTED]})
    return pairs.assign(group=groups.reindex(pairs.index)).dropna(subset=["own", "corrected"])


def agreement_figure(pairs: pd.DataFrame, statistics: Statistics) -> Figure:
    """Difference against mean of both masks' T2, with bias and limits of agreement and their 95 % intervals as bands.

    Parameters
    ----------
    pairs : pd.DataFrame
        As `mask_pairs` gives it.
    statistics : Statistics
        Lines and bands are those under `masks.`; a line that is not there is not drawn.
    """
    with style():
        figure = Figure(figsize=(WIDTH_IN, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=LINE, linewidth=1)
        for key, colour in _LINES:
            if statistics.has(key):
                _draw_line(axes, statistics.content[key], colour, dashed=key != "masks.bias")
        for group, colour in GROUP_COLOURS.items():
            chosen = pairs[pairs["group"] == group]
            axes.scatter(
                (chosen["own"] + chosen["corrected"]) / 2, chosen["corrected"] - chosen["own"], s=26, color=colour,
                marker=GROUP_MARKS[group], alpha=0.8, linewidth=0.5, edgecolor="white", label=f"{group}s", zorder=3,
            )  # fmt: skip
        axes.set(xlabel="mean T2 of both masks (ms)", ylabel="T2 corrected − own mask (ms)")
        say_empty(axes, pairs.empty)
        if len(pairs):
            figure.legend(loc="outside upper right", ncols=2, handletextpad=0.2)
    return figure


def _draw_line(axes: Axes, entry: Mapping[str, object], colour: str, *, dashed: bool) -> None:
    axes.axhline(entry["value"], color=colour, linewidth=1.2, linestyle=(0, (4, 3)) if dashed else "-", zorder=2)
    low, high = np.asarray(entry["ci"], dtype=float)
    axes.axhspan(low, high, color=colour, alpha=0.1, linewidth=0, zorder=1)


def agreement_table(statistics: Statistics) -> str:
    """Bias, limits, slope and intraclass correlation: value, 95 % interval, p of the slope, n."""
    rows = [
        [
            label,
            statistics.number(key),
            statistics.part(key, "ci_printed"),
            statistics.part(key, "p_printed") if key == "masks.slope" else DASH,
            statistics.part(key, "n"),
        ]
        for key, label in _ROWS
    ]
    header = ["T2, corrected less own mask", "Value", "95 % interval", "*p*", "*n*"]
    return pipe_table(header, rows, align="lrrrr", widths=[7, 3, 4, 2, 1])


def agreement_sentence(statistics: Statistics) -> str:
    """How far T2 of corrected masks is from that of the run's own; the reason where they could not be compared."""
    if not statistics.has("masks.bias"):
        reason = statistics.reason("masks.bias")
        return f"T2 of the run's own masks could not be held against that of corrected ones: {reason}."
    lower, upper = (statistics.number(f"masks.{end}") for end in ("lower", "upper"))
    return (
        f"T2 by corrected masks differs from that by the run's own by {statistics.number('masks.bias')} on average "
        f"(95 % interval {statistics.part('masks.bias', 'ci_printed')}, {statistics.n('masks.bias')}); for 95 % of "
        f"people by {lower} to {upper}. T2 is the same in {statistics.part('masks.bias', 'equal_pairs')} of them "
        "(@tbl-masks, @fig-masks)."
    )
