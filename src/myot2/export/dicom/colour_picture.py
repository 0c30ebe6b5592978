"""The T2 map as pictures with a colour bar, for every viewer: a secondary capture of one frame per slice.

Its colours cannot be measured; the parametric map is for that.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import SimpleITK as sitk
from highdicom.base import SOPClass
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameTrueColorSecondaryCaptureImageStorage, RLELossless

from myot2.export.dicom.finish import EQUIPMENT, SERIES_NUMBERS, anatomy_of, finish
from myot2.export.dicom.parametric_map import SHOWN_MS
from myot2.export.dicom.source import UNNAMED, Source

_COLOURS = "inferno"
_HEIGHT_IN, _BAR_IN, _FOOT_IN = 5.0, 0.95, 0.35
_DPI = 128
_WORDS = "T2 (ms) by MyoT2. Research use only. Colours cannot be measured."
_PAGE_VECTOR = Tag("PageNumberVector")


def colour_picture(image: sitk.Image, t2: np.ndarray, source: Source, thighs: str, *, where: str | Path) -> SOPClass:
    """The secondary capture of a T2 map; parameters and errors are those of `parametric_map`.

    Rows and columns are shown as the source's are; voxels without a value are black.
    """
    source.require_grid(image, where)
    frames = _draw(t2, source)
    anchor = source.anchor()
    made = SOPClass(
        study_instance_uid=anchor.StudyInstanceUID,
        series_instance_uid=UNNAMED,
        series_number=SERIES_NUMBERS["colour"],
        sop_instance_uid=UNNAMED,
        sop_class_uid=MultiFrameTrueColorSecondaryCaptureImageStorage,
        instance_number=1,
        modality="OT",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=anchor.PatientID,
        patient_name=anchor.PatientName,
        patient_birth_date=anchor.PatientBirthDate,
        patient_sex=anchor.PatientSex,
        accession_number=anchor.AccessionNumber,
        study_id=anchor.StudyID,
        study_date=anchor.StudyDate,
        study_time=anchor.StudyTime,
        referring_physician_name=anchor.ReferringPhysicianName,
        series_description="T2 map in colour (pictures)",
        specific_character_set=anchor.SpecificCharacterSet,
        **EQUIPMENT,
    )
    made.copy_patient_and_study_information(anchor)
    made.update(anatomy_of(thighs, "ImageLaterality"))
    made.PatientOrientation = [_letter(source.series.direction[:, axis]) for axis in (0, 1)]
    made.ConversionType = "WSD"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.BurnedInAnnotation = made.RecognizableVisualFeatures = "NO"  # no word in them says whose they are
    made.LossyImageCompression = "00"
    made.ImageComments = _WORDS
    _put_pixels(made, frames)
    return finish(made, [source], "colour")


def _put_pixels(made: SOPClass, frames: np.ndarray) -> None:
    """Store pictures (frames, rows, columns, 3) of bytes, by run lengths: they are mostly black."""
    count, made.Rows, made.Columns, made.SamplesPerPixel = frames.shape
    made.PhotometricInterpretation, made.PlanarConfiguration = "RGB", 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.NumberOfFrames = count
    made.FrameIncrementPointer = _PAGE_VECTOR
    made.PageNumberVector = list(range(1, count + 1))
    made.PixelData = frames.tobytes()
    made["PixelData"].VR = "OB"
    made.compress(RLELossless, generate_instance_uid=False)


def _letter(direction: np.ndarray) -> str:
    """Where a direction (LPS) leads to, by the axis it is nearest to: L, R, P, A, H (head) or F (feet)."""
    axis = int(np.abs(direction).argmax())
    return ("RL", "AP", "FH")[axis][int(direction[axis] > 0)]


def _draw(t2: np.ndarray, source: Source) -> np.ndarray:
    """Pictures (slices, rows, columns, 3) of all slices."""
    columns_mm, rows_mm, _ = source.series.spacing
    rows, columns = source.series.matrix
    width = min(max(_HEIGHT_IN * columns * columns_mm / (rows * rows_mm), 3.0), 12.0)
    size = (width + _BAR_IN, _HEIGHT_IN + _FOOT_IN)
    along = source.series.direction[:, 0]
    shown = np.where(np.isfinite(t2), t2, 0.0)
    with mpl.rc_context({"font.family": "DejaVu Sans", "text.parse_math": False, "text.color": "white"}):
        return np.stack(
            [_page(plane, k, len(shown), size, rows_mm / columns_mm, along) for k, plane in enumerate(shown)]
        )


def _page(
    plane: np.ndarray, number: int, count: int, size: tuple[float, float], aspect: float, along: np.ndarray
) -> np.ndarray:
    width, height = size
    figure = Figure(figsize=size, dpi=_DPI, facecolor="black")
    canvas = FigureCanvasAgg(figure)
    foot, beside = _FOOT_IN / height, _BAR_IN / width
    axes = figure.add_axes((0, foot, 1 - beside, 1 - foot))
    axes.set_axis_off()
    colours = mpl.colormaps[_COLOURS].with_extremes(bad="black")
    seen = np.ma.masked_where(plane <= 0, plane)
    low, high = SHOWN_MS
    drawn = axes.imshow(seen, cmap=colours, vmin=low, vmax=high, interpolation="nearest", aspect=aspect)
    bar = figure.colorbar(drawn, cax=figure.add_axes((1 - 0.85 * beside, foot + 0.06, 0.2 * beside, 0.84 - foot)))
    bar.ax.tick_params(colors="white", labelsize=10)
    bar.ax.set_title("T2 (ms)", fontsize=10, color="white")
    bar.outline.set_edgecolor("white")
    for place, sense in ((0.01, -1), (0.96 * (1 - beside), 1)):
        figure.text(place, foot + 0.5 * (1 - foot), _letter(sense * along), fontsize=14, va="center")
    figure.text(0.01, 0.4 * foot, f"{_WORDS} Slice {number + 1} of {count}", fontsize=9, va="center")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
