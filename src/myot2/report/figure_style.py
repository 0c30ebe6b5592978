"""One look for all figures, and bytes that depend on nothing but what is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from myot2.core.files import atomic, write_text

PATIENT = "#9c3110"
CONTROL = "#4f9fd4"
INK = "#1b2430"
QUIET = "#6b7686"
LINE = "#d9dfe7"
GROUP_COLOURS = {"patient": PATIENT, "control": CONTROL}
"""Red-brown and blue, which every common colour blindness keeps apart; one dark, one light, so that grey does too."""

GROUP_MARKS = {"patient": "o", "control": "D"}
"""Shapes, so that colour is never the only sign."""

T2_COLOURS = "inferno"
"""Perceptually uniform and ordered in lightness, so that it survives grey printing and colour-blind eyes."""

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.hashsalt": "myot2",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    # Text is shown as it is: a name with two dollar signs is no formula.
    "text.parse_math": False,
}
MOST_LETTERS = 32
"""Of a name in a figure."""

WIDTH_IN = 6.3
"""Width of a figure, that of the text on A4."""

_PANEL_DPI = 150


def style() -> mpl.RcParams:
    """A context in which figures have the report's look."""
    return mpl.rc_context({**mpl.rcParamsDefault, **_STYLE})


def svg(figure: Figure) -> str:
    """The figure as SVG text: glyphs as outlines (no font needed to show it), no date."""
    buffer = io.StringIO()
    with style():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def write_vector(figure: Figure, path: str | Path) -> None:
    """Write the figure atomically as SVG or PDF, by the path's suffix, without a date or the name of the software."""
    if Path(path).suffix == ".svg":
        return write_text(path, svg(figure))
    nothing = dict.fromkeys(("Creator", "Producer", "CreationDate"))
    with style(), atomic(path) as temporary:
        figure.savefig(temporary, format="pdf", metadata=nothing)


def write_png(figure: Figure, path: str | Path) -> None:
    """Write the figure as PNG atomically, without the name of the software in it."""
    FigureCanvasAgg(figure)
    with style(), atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_PANEL_DPI, metadata={"Software": None})


def say_empty(axes: Axes, empty: bool) -> None:
    """Write 'no data' into axes that have none."""
    if empty:
        axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=QUIET, fontsize=12)
