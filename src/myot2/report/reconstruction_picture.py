"""A reconstruction as a picture: the sampled lines, the T2 map, and the same of the full scan where there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, require_same_grid
from myot2.core.labels import LabelTable, muscle_only
from myot2.report.figure_style import INK, MOST_LETTERS, PATIENT, QUIET, style
from myot2.report.legible import shortened
from myot2.report.panel import Slice, box_around, draw_t2, finish, slice_of, view_of

DIFFERENCE_COLOURS = "RdBu_r"
DIFFERENCE_PERCENT = 20.0
T2_RANGE_MS = (20.0, 80.0)

_WIDTH_IN, _PICTURE_IN, _GAP_IN, _PATTERN_IN, _BAR_IN = 7.6, 2.3, 0.12, 1.25, 0.09
_TOP_IN, _LEFT_IN = 0.55, 0.45


def reconstruction_figure(
    pattern: pd.DataFrame,
    rows: int,
    t2: sitk.Image,
    labels: sitk.Image,
    table: LabelTable,
    *,
    full: sitk.Image | None,
    title: str,
    where: str,
) -> Figure:
    """Draw one scan: the pattern, and the slice with most muscle.

    Parameters
    ----------
    pattern : pd.DataFrame
        Columns echo (from 1) and line (from 0).
    rows : int
        Lines of the matrix.
    t2, labels, full : sitk.Image
        The reconstructed map (ms), the label map and, if any, the map of the fully sampled scan, on one grid.

    Raises
    ------
    MyoT2Error
        The images lie on different grids, or no muscle is labelled.
    """
    require_same_grid(t2, labels, where=where, what="T2 map and labels")
    view = view_of(t2)
    muscle = sitk.DICOMOrient(image_like(muscle_only(array_of(labels), table), labels), view.orientation)
    held = (array_of(muscle) > 0).sum(axis=(1, 2))
    if not held.any():
        raise MyoT2Error(expected="muscle", found="none", where=where, do="Look at the label map of this participant.")
    number = int(held.argmax())
    inside = slice_of(muscle, number, view)
    maps = [slice_of(sitk.DICOMOrient(t2, view.orientation), number, view)]
    if full is not None:
        require_same_grid(t2, full, where=where, what="both T2 maps")
        maps.append(slice_of(sitk.DICOMOrient(full, view.orientation), number, view))
    box = box_around(inside)
    with style():
        figure, axes = _frame(box, title, with_full=full is not None)
        _draw_pattern(axes["pattern"], pattern, rows)
        mesh = draw_t2(axes["t2"], maps[0], inside, T2_RANGE_MS)
        finish(axes["t2"], box, view, "T2 from the sampled lines")
        figure.colorbar(mesh, cax=axes["t2 bar"], extend="both", label="T2 (ms)").outline.set_visible(False)
        if full is not None:
            draw_t2(axes["full"], maps[1], inside, T2_RANGE_MS)
            finish(axes["full"], box, view, "T2 from every line")
            mesh = _draw_difference(axes["difference"], *maps, inside)
            finish(axes["difference"], box, view, "difference")
            bar = figure.colorbar(mesh, cax=axes["difference bar"], extend="both", label="difference (%)")
            bar.outline.set_visible(False)
    return figure


def _frame(box: tuple[float, float, float, float], title: str, *, with_full: bool) -> tuple[Figure, dict[str, Axes]]:
    """A figure with its axes by name: the pattern left, maps beside it, those of the full scan in a second row."""
    left, right, bottom, top = box
    picture = _PICTURE_IN * (bottom - top) / (right - left)
    rows = 2 if with_full else 1
    height = _TOP_IN + rows * picture + (rows - 1) * 0.35 + (0.1 if with_full else 0.45)
    figure = Figure(figsize=(_WIDTH_IN, height), facecolor="white")
    start = _LEFT_IN + _PATTERN_IN + 0.25
    first, second = height - _TOP_IN - picture, height - _TOP_IN - 2 * picture - 0.35
    places = {
        "pattern": (_LEFT_IN, first, _PATTERN_IN, picture),
        "t2": (start, first, _PICTURE_IN, picture),
        "t2 bar": (start + _PICTURE_IN + _GAP_IN, first, _BAR_IN, picture),
    }
    if with_full:
        places |= {
            "t2 bar": (start + 2 * _PICTURE_IN + 2 * _GAP_IN, first, _BAR_IN, picture),
            "full": (start + _PICTURE_IN + _GAP_IN, first, _PICTURE_IN, picture),
            "difference": (start, second, _PICTURE_IN, picture),
            "difference bar": (start + _PICTURE_IN + _GAP_IN, second, _BAR_IN, picture),
        }
    axes = {
        name: figure.add_axes((x / _WIDTH_IN, y / height, width / _WIDTH_IN, tall / height))
        for name, (x, y, width, tall) in places.items()
    }
    figure.text(
        0.02 / _WIDTH_IN,
        1 - 0.06 / height,
        shortened(title, 2 * MOST_LETTERS),
        ha="left",
        va="top",
        fontsize=10.5,
        weight="bold",
        color=INK,
    )
    return figure, axes


def _draw_pattern(axes: Axes, pattern: pd.DataFrame, rows: int) -> None:
    """A mark for each sampled line of each echo; the middle of k-space is a thin line."""
    axes.hlines(pattern["line"], pattern["echo"] - 0.4, pattern["echo"] + 0.4, color=INK, linewidth=1.0)
    axes.axhline(rows // 2, color=PATIENT, linewidth=0.6)
    echoes = int(pattern["echo"].max())
    axes.set(xlim=(0.4, echoes + 0.6), ylim=(-1, rows), xlabel="echo", ylabel="line of k-space")
    axes.set_xticks(sorted({1, (echoes + 1) // 2, echoes}))
    axes.set_title("Sampled lines", loc="left", pad=3, color=QUIET, fontsize=8)


def _draw_difference(axes: Axes, t2: Slice, full: Slice, inside: Slice):
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = 100 * (t2.pixels / full.pixels - 1)
    shown = np.ma.masked_where((inside.pixels == 0) | ~np.isfinite(percent), percent)
    return axes.imshow(
        shown,
        cmap=DIFFERENCE_COLOURS,
        vmin=-DIFFERENCE_PERCENT,
        vmax=DIFFERENCE_PERCENT,
        extent=t2.extent,
        interpolation="nearest",
    )
