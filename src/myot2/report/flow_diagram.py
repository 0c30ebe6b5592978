"""The flow of participants as a diagram, as STARD 2015 asks for it (item 19): boxes, and who left on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from myot2.report.figure_style import INK, QUIET, WIDTH_IN, style
from myot2.report.legible import shortened
from myot2.report.lookup import Statistics, printed_part

_HEIGHT_IN = 4.8
_LINE = 0.052
_PAD = 0.022
_MOST_STAGES = 4
AMONG_PATIENTS = {"ck": "CK", "alt": "ALT", "ast": "AST", "ldh": "LDH", "ild_score": "lung score"}
"""What T2 is correlated with, in few letters."""


@dataclass(frozen=True)
class Box:
    """Lines of text around `x`, below `top`, of a `width`, all 0-1; the first line is the box's title."""

    x: float
    top: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        """Height, 0-1, which follows from the number of lines."""
        return _LINE * len(self.lines) + 2 * _PAD

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top - self.height


@dataclass(frozen=True)
class Flow:
    """What stands in each box, line by line."""

    everybody: tuple[str, ...]
    left_out: tuple[str, ...]
    measured: tuple[str, ...]
    patients: tuple[str, ...]
    controls: tuple[str, ...]


def flow_of(statistics: Statistics, flow: pd.DataFrame) -> Flow:
    """The flow of a run.

    Parameters
    ----------
    statistics : Statistics
        Counts by their keys; one that is not there is shown as a dash.
    flow : pd.DataFrame
        One row per scan: `status`, and the `stage` at which it stopped.
    """
    return Flow(
        participants(statistics),
        _left_out(flow),
        measured(statistics),
        _patients(statistics),
        _controls(statistics),
    )


def flow_figure(flow: Flow) -> Figure:
    """Draw the flow."""
    everybody = Box(0.4, 0.99, 0.46, flow.everybody)
    left_out = Box(0.83, 0.84, 0.32, flow.left_out)
    measured = Box(0.4, 0.66, 0.46, flow.measured)
    patients = Box(0.205, 0.44, 0.38, flow.patients)
    controls = Box(0.615, 0.44, 0.38, flow.controls)
    with style():
        figure = Figure(figsize=(WIDTH_IN, _HEIGHT_IN))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1), ylim=(0, 1))
        axes.set_axis_off()
        _arrow(axes, (everybody.x, everybody.bottom), (measured.x, measured.top))
        leaving = left_out.top - left_out.height / 2
        _arrow(axes, (everybody.x, leaving), (left_out.x - left_out.width / 2, leaving))
        for box in (patients, controls):
            _arrow(axes, (measured.x, measured.bottom), (box.x, box.top))
        for box in (everybody, left_out, measured, patients, controls):
            _draw(axes, box)
    return figure


def participants(statistics: Statistics) -> tuple[str, ...]:
    """Everybody, and how many of each group."""
    return ("In the participants table", f"n = {_shown(statistics, 'cohort.n')}", _groups(statistics, "n"))


def measured(statistics: Statistics) -> tuple[str, ...]:
    """How many of each group were measured."""
    return ("T2 measured", _groups(statistics, "measured"))


def _groups(statistics: Statistics, name: str) -> str:
    patients, controls = (_shown(statistics, f"cohort.{group}.{name}") for group in ("patient", "control"))
    return f"{patients} patients, {controls} controls"


def _left_out(flow: pd.DataFrame) -> tuple[str, ...]:
    stopped = flow.loc[flow["status"] == "stopped", "stage"].fillna("an unknown stage")
    if stopped.empty:
        return ("Not measured", "none")
    counts = stopped.value_counts(sort=False)
    lines = [f"{shortened(stage, 24)}: {count}" for stage, count in counts.iloc[:_MOST_STAGES].items()]
    rest = int(counts.iloc[_MOST_STAGES:].sum())
    return (f"Scans not measured: {len(stopped)}", *lines, *([f"elsewhere: {rest}"] if rest else []))


def _patients(statistics: Statistics) -> tuple[str, ...]:
    key = "roc.sensitivity"
    pairs = [f"{label} n = {_shown(statistics, f'spearman.{name}', 'n')}" for name, label in AMONG_PATIENTS.items()]
    return (
        "Patients analysed",
        f"ROC: n = {_shown(statistics, key, 'denominator')},",
        f"{_shown(statistics, key, 'numerator')} at or above the cutoff",
        "Correlations of T2:",
        ", ".join(pairs[:2]) + ",",
        ", ".join(pairs[2:4]) + ",",
        pairs[4],
    )


def _controls(statistics: Statistics) -> tuple[str, ...]:
    key = "roc.specificity"
    return (
        "Controls analysed",
        f"ROC: n = {_shown(statistics, key, 'denominator')},",
        f"{_shown(statistics, key, 'numerator')} below the cutoff",
    )


def _shown(statistics: Statistics, key: str, name: str = "printed") -> str:
    return printed_part(statistics.content.get(key, {}), name) or "–"


def _draw(axes: Axes, box: Box) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (box.x - box.width / 2, box.bottom), box.width, box.height, boxstyle="round,pad=0,rounding_size=0.012",
            facecolor="white", edgecolor=INK, linewidth=0.9, mutation_aspect=WIDTH_IN / _HEIGHT_IN,
        )
    )  # fmt: skip
    for number, line in enumerate(box.lines):
        axes.text(
            box.x, box.top - _PAD - _LINE * (number + 0.5), line, ha="center", va="center",
            fontsize=9, weight="bold" if number == 0 else "normal",
        )  # fmt: skip


def _arrow(axes: Axes, start: Sequence[float], end: Sequence[float]) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=9, color=QUIET, linewidth=0.9, shrinkA=0, shrinkB=0, zorder=0
        )
    )
