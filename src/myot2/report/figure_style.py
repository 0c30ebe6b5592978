"""One look for all figures, and bytes that depend on nothing but what is drawn."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from myot2.core.files import atomic

PATIENT = "#b3452c"
CONTROL = "#2f6690"
INK = "#1b2430"
QUIET = "#6b7686"
LINE = "#d9dfe7"
GROUP_COLOURS = {"patient": PATIENT, "control": CONTROL}
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
}
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


def write_png(figure: Figure, path: str | Path) -> None:
    """Write the figure as PNG atomically, without the name of the software in it."""
    FigureCanvasAgg(figure)
    with style(), atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_PANEL_DPI, metadata={"Software": None})
