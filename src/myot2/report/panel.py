"""One participant's picture: an image with muscle outlines beside T2 in colour, on one slice.

Bone is outlined more thinly, and nothing else here takes notice of it.

Shown as a radiologist expects: axial slices from the feet, the subject's left on the viewer's right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, require_same_grid
from myot2.core.labels import LabelTable, muscle_only
from myot2.report.figure_style import INK, MOST_LETTERS, QUIET, T2_COLOURS, style
from myot2.report.legible import shortened

_WIDTH_IN = 7.6
_PICTURE_WIDTH_IN = 3.4
_MARGIN_MM = 22.0
_GREY_PERCENTILES = (1.0, 99.5)
_BACKGROUND_RANGE_MS = (0.0, 150.0)
_MUSCLE_LINE, _BONE_LINE = 0.9, 0.5
_DASHES = (0, (3, 3))


@dataclass(frozen=True)
class View:
    """How slices of one orientation are shown.

    Parameters
    ----------
    orientation : str
        Where columns, rows and slices run to, in DICOM's letters (L: the subject's left, P: back, S: head, I: feet).
    across, down : tuple of int
        LPS axis along which columns (rows) run, and 1 or -1 for its sense.
    letters : tuple of str
        What is written at the left and at the right edge.
    """

    orientation: str
    across: tuple[int, int]
    down: tuple[int, int]
    letters: tuple[str, str]


_VIEWS = (
    View("PIL", (1, 1), (2, -1), ("A", "P")),
    View("LIP", (0, 1), (2, -1), ("R", "L")),
    View("LPS", (0, 1), (1, 1), ("R", "L")),
)
"""Sagittal, coronal and axial, by the LPS axis that the slices are nearest to being perpendicular to."""


@dataclass(frozen=True)
class Slice:
    """One slice as it is shown.

    `pixels` has shape (rows, columns); `extent` is (left, right, bottom, top) in millimetres of the view's axes, pixel
    edges included, as matplotlib's imshow takes it; values grow to the right and downwards.
    """

    pixels: np.ndarray
    extent: tuple[float, float, float, float]

    @property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions in mm of the columns, shape (columns,), and of the rows, shape (rows,)."""
        left, right, bottom, top = self.extent
        rows, columns = self.pixels.shape
        half_column, half_row = (right - left) / columns / 2, (bottom - top) / rows / 2
        return (
            np.linspace(left + half_column, right - half_column, columns),
            np.linspace(top + half_row, bottom - half_row, rows),
        )


def panel_figure(
    image: sitk.Image,
    image_labels: sitk.Image,
    t2: sitk.Image,
    t2_labels: sitk.Image,
    table: LabelTable,
    *,
    title: str,
    t2_range_ms: tuple[float, float],
    where: str,
    corrected: sitk.Image | None = None,
) -> Figure:
    """Draw one participant.

    Parameters
    ----------
    image, image_labels : sitk.Image
        The image that the outlines are shown on (Dixon in-phase), and the label map on its grid.
    t2, t2_labels : sitk.Image
        T2 map (ms) and the label map on its grid.
    table : LabelTable
        Names and colours of the labels.
    title : str
        Printed above.
    t2_range_ms : tuple of float
        Lowest and highest T2 of the colours, fixed so that participants can be compared by eye.
    where : str
        The participant's name, for messages.
    corrected : sitk.Image, optional
        The label map as a person corrected it, on the image's grid: dashed in white over the others.

    Raises
    ------
    MyoT2Error
        A label map is on another grid than its image, holds no muscle, or a number that the table does not know.
    """
    require_same_grid(image, image_labels, where=where, what="image and labels")
    require_same_grid(t2, t2_labels, where=where, what="T2 map and labels")
    _refuse_unknown_labels(image_labels, table, where)
    if corrected is not None:
        require_same_grid(image, corrected, where=where, what="image and corrected labels")
        _refuse_unknown_labels(corrected, table, where)
    view = view_of(t2)
    muscle, t2_muscle = (image_like(muscle_only(array_of(map_), table), map_) for map_ in (image_labels, t2_labels))
    shown = (image, image_labels, muscle, t2, t2_muscle)
    image, image_labels, muscle, t2, t2_muscle = (sitk.DICOMOrient(volume, view.orientation) for volume in shown)
    t2_number, image_number = _matching_slices(t2_muscle, muscle, where)
    grey, outlines, outlined = (slice_of(volume, image_number, view) for volume in (image, image_labels, muscle))
    values, inside = (slice_of(volume, t2_number, view) for volume in (t2, t2_muscle))
    by_hand = None
    if corrected is not None:
        by_hand = slice_of(sitk.DICOMOrient(corrected, view.orientation), image_number, view)
    box = box_around(outlined, inside)
    with style():
        figure, (left, right, bar) = _frame(box, title)
        _draw_outlines(left, grey, outlines, table)
        if by_hand is not None:
            _draw_corrected(left, by_hand)
        mesh = draw_t2(right, values, inside, t2_range_ms)
        finish(left, box, view, "Muscle outlines")
        finish(right, box, view, "T2 within the outlines")
        figure.colorbar(mesh, cax=bar, extend="both", label="T2 (ms)").outline.set_visible(False)
        _draw_key(figure, table, np.unique(outlines.pixels), corrected=by_hand is not None)
    return figure


def _refuse_unknown_labels(labels: sitk.Image, table: LabelTable, where: str) -> None:
    known = {label.index for label in table.labels}
    unknown = sorted(set(np.unique(array_of(labels)).tolist()) - known - {0})
    if unknown:
        raise MyoT2Error(
            expected="labels of the label table",
            found=f"label {', '.join(map(str, unknown))}",
            where=where,
            do="Give the label table that the map was made with.",
        )


def _matching_slices(t2_labels: sitk.Image, image_labels: sitk.Image, where: str) -> tuple[int, int]:
    """The T2 slice with most muscle, and the image slice nearest to it in space that holds muscle."""
    muscle_t2 = (array_of(t2_labels) > 0).sum(axis=(1, 2))
    muscle_image = (array_of(image_labels) > 0).sum(axis=(1, 2))
    if not (muscle_t2.any() and muscle_image.any()):
        raise MyoT2Error(
            expected="muscle in both label maps",
            found="none",
            where=where,
            do="Look at the images and the label maps of this participant.",
        )
    number = int(muscle_t2.argmax())
    width, height, _ = t2_labels.GetSize()
    centre = t2_labels.TransformContinuousIndexToPhysicalPoint([(width - 1) / 2, (height - 1) / 2, float(number)])
    wanted = image_labels.TransformPhysicalPointToContinuousIndex(centre)[2]
    with_muscle = np.flatnonzero(muscle_image)
    return number, int(with_muscle[np.abs(with_muscle - wanted).argmin()])


def view_of(volume: sitk.Image) -> View:
    """The view in which the slices of a volume are seen from the front."""
    normal = np.reshape(volume.GetDirection(), (3, 3))[:, 2]
    return _VIEWS[int(np.abs(normal).argmax())]


def slice_of(volume: sitk.Image, number: int, view: View) -> Slice:
    """One slice of a volume in the view's order; a tilt against the scanner's axes is not shown."""
    pixels = array_of(volume)[number]
    column_mm, row_mm, _ = volume.GetSpacing()
    corner = volume.TransformIndexToPhysicalPoint((0, 0, number))
    rows, columns = pixels.shape
    left = view.across[1] * corner[view.across[0]] - column_mm / 2
    top = view.down[1] * corner[view.down[0]] - row_mm / 2
    return Slice(pixels, (left, left + columns * column_mm, top + rows * row_mm, top))


def box_around(*labels: Slice) -> tuple[float, float, float, float]:
    """(left, right, bottom, top) in mm around all muscle, with a margin for skin."""
    x, y = [], []
    for labelled in labels:
        columns, rows = labelled.centres
        inside = labelled.pixels > 0
        x += columns[inside.any(axis=0)].tolist()
        y += rows[inside.any(axis=1)].tolist()
    return min(x) - _MARGIN_MM, max(x) + _MARGIN_MM, max(y) + _MARGIN_MM, min(y) - _MARGIN_MM


def _frame(box: tuple[float, float, float, float], title: str) -> tuple[Figure, tuple[Axes, Axes, Axes]]:
    """A figure whose two pictures have the box's proportions, a colour bar beside them and room for a key below."""
    left, right, bottom, top = box
    picture = _PICTURE_WIDTH_IN * (bottom - top) / (right - left)
    height = picture + 1.0
    figure = Figure(figsize=(_WIDTH_IN, height), facecolor="white")
    below = 0.62 / height
    axes = [
        figure.add_axes((start / _WIDTH_IN, below, width / _WIDTH_IN, picture / height))
        for start, width in ((0.02, _PICTURE_WIDTH_IN), (3.5, _PICTURE_WIDTH_IN), (6.98, 0.1))
    ]
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
    return figure, (axes[0], axes[1], axes[2])


def _draw_outlines(axes: Axes, grey: Slice, labels: Slice, table: LabelTable) -> None:
    low, high = np.percentile(grey.pixels, _GREY_PERCENTILES)
    axes.imshow(
        grey.pixels, cmap="gray", vmin=low, vmax=max(high, low + 1), extent=grey.extent, interpolation="bilinear"
    )
    columns, rows = labels.centres
    for label in table.labels:
        inside = labels.pixels == label.index
        width = _MUSCLE_LINE if label.is_muscle else _BONE_LINE
        if inside.any():
            axes.contour(columns, rows, inside, levels=[0.5], colors=[label.colour], linewidths=width)


def _draw_corrected(axes: Axes, labels: Slice) -> None:
    """Outlines of all labels in white dashes: the others, in colour, show between them."""
    columns, rows = labels.centres
    for number in np.unique(labels.pixels[labels.pixels > 0]):
        inside = labels.pixels == number
        axes.contour(
            columns, rows, inside, levels=[0.5], colors=["white"], linewidths=_MUSCLE_LINE, linestyles=[_DASHES]
        )


def draw_t2(axes: Axes, values: Slice, labels: Slice, t2_range_ms: tuple[float, float]) -> AxesImage:
    """T2 in colour within the labels, in grey around them."""
    low, high = _BACKGROUND_RANGE_MS
    axes.imshow(
        values.pixels, cmap="gray", vmin=low, vmax=high, extent=values.extent, alpha=0.55, interpolation="nearest"
    )
    muscle = np.ma.masked_where((labels.pixels == 0) | ~np.isfinite(values.pixels), values.pixels)
    low, high = t2_range_ms
    return axes.imshow(muscle, cmap=T2_COLOURS, vmin=low, vmax=high, extent=values.extent, interpolation="nearest")


def finish(axes: Axes, box: tuple[float, float, float, float], view: View, caption: str) -> None:
    """Cut a picture to the box, and write its caption and the sides."""
    left, right, bottom, top = box
    axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], facecolor="black")
    axes.spines[:].set_visible(False)
    axes.set_title(caption, loc="left", pad=3, color=QUIET, fontsize=8)
    for letter, place, alignment in zip(view.letters, (0.025, 0.975), ("left", "right"), strict=True):
        axes.text(
            place, 0.04, letter, transform=axes.transAxes, ha=alignment, va="bottom",
            color="white", fontsize=9, weight="bold",
            bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 2},
        )  # fmt: skip


def _draw_key(figure: Figure, table: LabelTable, present: np.ndarray, *, corrected: bool) -> None:
    """Names of the muscles and bones on the slice, left and right sharing one colour."""
    colours: Mapping[str, str] = {label.name: label.colour for label in table.labels if label.index in present}
    handles = [
        Patch(facecolor=colour, edgecolor=QUIET, linewidth=0.3, label=shortened(name, MOST_LETTERS))
        for name, colour in colours.items()
    ]
    if corrected:
        handles.append(Patch(facecolor="white", edgecolor=QUIET, linewidth=0.8, linestyle=_DASHES, label="corrected"))
    figure.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0.0, 0.0), ncols=5, fontsize=6.8, handlelength=1.0,
        handleheight=0.8, columnspacing=1.3, labelspacing=0.35, borderpad=0.2,
    )  # fmt: skip
