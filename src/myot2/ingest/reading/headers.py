"""What the headers say: one `Frame` per image plane, with technical facts only.

A classic object holds one plane; an enhanced multi-frame object holds many. Both give the same kind of `Frame`, so that
nothing after this module knows which it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from myot2.ingest.reading.elements import (
    Allowance,
    BrokenHeader,
    DeflatedHeader,
    Elements,
    Header,
    UnusableHeader,
    quiet_pydicom,
    read_header,
)
from myot2.ingest.reading.facts import Facts, RealWorld, facts_of_frames, facts_of_object
from myot2.ingest.reading.files import MAX_FILES, DicomFile, find_dicom_files
from myot2.ingest.reading.hints import roles_of_description
from myot2.ingest.reading.pixels import StoredPixels, is_colour, stored_pixels
from myot2.ingest.reading.vendors import (
    component_of,
    is_mosaic,
    is_spin_echo,
    is_xa_as_classic,
    patient_position,
    refocusing_flip_angle,
    scale_slope,
    vendor_image_type,
)
from myot2.ingest.vocabulary import known_manufacturer, known_model, known_sequence

MAX_MATRIX = 4096
MAX_FRAMES = 3_000
MAX_TIME_MS = 1e6

_IMAGES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR Image Storage",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR Image Storage",
    "1.2.840.10008.5.1.4.1.1.4.3": "Enhanced MR Color Image Storage",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR Image Storage",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
}
_UTC_OFFSET = re.compile(r"[+-][0-9]{4}$")
_MOSAIC = "a mosaic, which tiles all slices in one picture and leaves their places unsaid"
_NO_PLACES = "several pictures in one object without a place for each"
_DAMAGED = "a damaged or deflated file in its series (or, of unknown series, in the same folder)"


@dataclass(frozen=True)
class Frame:
    """One image plane. Lengths in mm, times in ms, angles in degrees; None where the header does not say.

    `file`, `series`, `study`, `study_date`, `frame_of_reference`, `instance`, `patient` and `acquired` only tell
    objects apart and order them; no output holds them as they are. `study_date` is eight digits, or empty.

    `image_type` is FrameType or ImageType, followed by what the maker's own elements add (`vendor_image_type`).
    `hints` are the roles that the series description names. `repetition` is the temporal position and the acquisition
    number. `position` and `orientation` are ImagePositionPatient and ImageOrientationPatient (LPS). `flip_angle` is as
    written; `refocusing_flip_angle` as `refocusing_flip_angle()` in `vendors`. `pixels` say where the stored values
    are; `fault` is why they cannot be used, in words fit for messages, and empty where they can.
    """

    file: DicomFile = field(repr=False)
    index: int
    pixels: StoredPixels | None = field(repr=False)
    fault: str
    series: str = field(repr=False)
    instance: str = field(repr=False)
    patient: str = field(repr=False)
    acquired: str = field(repr=False)
    study: str = field(repr=False)
    study_date: str = field(repr=False)
    frame_of_reference: str = field(repr=False)
    series_number: int | None
    instance_number: int | None
    repetition: tuple[int, int]
    image_type: tuple[str, ...]
    component: str
    hints: frozenset[str]
    enhanced: bool
    xa_as_classic: bool
    colour: bool
    spin_echo: bool
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    patient_position: str | None
    pixel_spacing: tuple[float, ...] | None
    slice_thickness: float | None
    slice_distance: float | None
    echo_time: float | None
    repetition_time: float | None
    flip_angle: float | None
    refocusing_flip_angle: float | None
    refocusing_assumed: bool
    field_strength: float | None
    manufacturer: str | None
    model: str | None
    sequence: str | None
    slope: float
    intercept: float
    scale_slope: float | None
    real_world: RealWorld | None


@dataclass(frozen=True)
class Index:
    """Everything found in a folder: image planes, and how many objects were no image, unreadable, or copies.

    Of the unreadable ones, `deflated` are not damaged: nothing is inflated, for nothing in it can be checked before.
    """

    frames: tuple[Frame, ...]
    no_image: int
    unreadable: int
    copies: int
    deflated: int

    @property
    def left_out(self) -> str:
        """What was unreadable, in words fit for messages; empty where nothing was."""
        damaged = self.unreadable - self.deflated
        parts = (
            f"files left out for damaged headers: {damaged}" if damaged else "",
            f"deflated files left out: {self.deflated}" if self.deflated else "",
        )
        return "; ".join(filter(None, parts))


def read_index(folder: str | Path, limit: int = MAX_FILES) -> Index:
    """Read the headers of all DICOM objects of a folder of at most `limit` files, pixels left alone.

    A damaged file is counted, and no series that it may belong to can be used: its planes have a `fault`. That is the
    series that the file names, or, where it does not even do that, every series in its folder.
    """
    frames: dict[tuple[str, int], Frame] = {}
    unreadable: list[_Unreadable] = []
    others: list[Frame] = []
    no_image = copies = 0
    with quiet_pydicom():
        for file in find_dicom_files(folder, limit):
            found = _read_frames(file)
            if isinstance(found, _Unreadable):
                unreadable.append(found)
                continue
            no_image += not found
            if found and (first := frames.get((found[0].instance, 0))) and found[0].instance:
                copies, others = (copies + 1, others) if _same_bytes(first, found[0]) else (copies, others + found)
                continue
            frames.update(((frame.instance or str(file.path), frame.index), frame) for frame in found)
    marked = tuple(_marked([*frames.values(), *others], unreadable))
    return Index(marked, no_image, len(unreadable), copies, sum(one.deflated for one in unreadable))


@dataclass(frozen=True)
class _Unreadable:
    """A file that holds DICOM and gives no header: its folder, its series (empty where unknown), whether deflated."""

    folder: Path
    series: str
    deflated: bool = False


def _marked(frames: list[Frame], unreadable: list[_Unreadable]) -> Iterable[Frame]:
    """The planes; those of series to which an unreadable file belongs, or may belong, with a fault."""
    if not unreadable:
        return frames
    folders = {one.folder for one in unreadable if not one.series}
    faulty = {one.series for one in unreadable}
    faulty |= {frame.series for frame in frames if frame.file.path.parent in folders}
    return [replace(frame, fault=_DAMAGED) if frame.series in faulty else frame for frame in frames]


def _same_bytes(first: Frame, second: Frame) -> bool:
    return first.file.size == second.file.size and first.file.path.read_bytes() == second.file.path.read_bytes()


def _read_frames(file: DicomFile) -> list[Frame] | _Unreadable:
    """All planes of a file, none where it is no image."""
    try:
        header = read_header(file)
    except BrokenHeader as broken:
        deflated = isinstance(broken.__cause__, DeflatedHeader)
        return _Unreadable(file.path.parent, _series_of(broken.elements), deflated)
    try:
        return _frames(file, header, facts_of_object(header))
    except Exception:  # nested items are parsed here, and a damaged one can raise anything inside the parser
        return _Unreadable(file.path.parent, _series_of(header.elements))


def _series_of(elements: Elements) -> str:
    try:
        return Facts([elements], Allowance()).uid("SeriesInstanceUID")
    except UnusableHeader:
        return ""


def _frames(file: DicomFile, header: Header, facts: Facts) -> list[Frame]:
    if not header.elements:
        raise UnusableHeader("nothing")
    if header.pixels is None and not {facts.uid("SOPClassUID"), header.sop_class} & set(_IMAGES):
        return []
    if not facts.uid("SeriesInstanceUID"):
        raise UnusableHeader("SeriesInstanceUID")
    pixels = stored_pixels(file, header, facts)
    count = facts.whole("NumberOfFrames") or 1
    if not facts.holds("PerFrameFunctionalGroupsSequence"):
        fault = _NO_PLACES if count != 1 and isinstance(pixels, StoredPixels) else ""
        return [_frame(file, 0, fault or pixels, facts, enhanced=False)]
    if not 0 < count <= MAX_FRAMES:
        raise UnusableHeader("NumberOfFrames")
    planes = [_frame(file, index, pixels, one, enhanced=True) for index, one in enumerate(facts_of_frames(header))]
    if len(planes) != count:
        raise UnusableHeader("NumberOfFrames")
    return planes


def _frame(file: DicomFile, index: int, pixels: StoredPixels | str, facts: Facts, *, enhanced: bool) -> Frame:
    rows, columns = _matrix(facts)
    text = vendor_image_type(facts)
    image_type = _image_type(facts, text, enhanced=enhanced)
    mosaic = is_mosaic(facts, image_type)
    maker, spin_echo = known_manufacturer(facts.text("Manufacturer")), is_spin_echo(facts)
    refocusing, assumed = refocusing_flip_angle(facts, maker, spin_echo=spin_echo)
    return Frame(
        file=file,
        index=index,
        pixels=pixels if isinstance(pixels, StoredPixels) else None,
        fault=_MOSAIC if mosaic else "" if isinstance(pixels, StoredPixels) else pixels,
        **_identifiers(facts),
        series_number=facts.whole("SeriesNumber"),
        instance_number=index + 1 if enhanced else facts.whole("InstanceNumber"),
        repetition=_repetition(facts),
        image_type=image_type,
        component=component_of(facts, image_type),
        hints=roles_of_description(f"{facts.text('SeriesDescription')} {facts.text('ProtocolName')}"),
        enhanced=enhanced,
        xa_as_classic=is_xa_as_classic(facts, maker, enhanced=enhanced),
        colour=is_colour(facts),
        spin_echo=spin_echo,
        rows=rows,
        columns=columns,
        position=facts.numbers("ImagePositionPatient", 3),
        orientation=facts.numbers("ImageOrientationPatient", 6),
        patient_position=patient_position(facts),
        pixel_spacing=facts.numbers("PixelSpacing", 2),
        slice_thickness=facts.number("SliceThickness"),
        slice_distance=facts.number("SpacingBetweenSlices"),
        echo_time=_echo_time(facts, enhanced=enhanced),
        repetition_time=_time(facts, "RepetitionTime"),
        flip_angle=facts.number("FlipAngle"),
        refocusing_flip_angle=refocusing,
        refocusing_assumed=assumed,
        field_strength=facts.number("MagneticFieldStrength"),
        manufacturer=maker,
        model=known_model(facts.text("ManufacturerModelName")),
        sequence=known_sequence(facts.text("SequenceName") or facts.text("PulseSequenceName")),
        slope=_number(facts, "RescaleSlope", 1.0),
        intercept=_number(facts, "RescaleIntercept", 0.0),
        scale_slope=scale_slope(facts),
        real_world=facts.real_world(),
    )


def _identifiers(facts: Facts) -> dict[str, str]:
    """What tells objects apart and orders them, and never leaves as it is."""
    return {
        "series": facts.uid("SeriesInstanceUID"),
        "instance": facts.uid("SOPInstanceUID"),
        "patient": hashlib.sha256(facts.digest_input("PatientID")).hexdigest(),
        "acquired": _acquired(facts),
        "study": facts.uid("StudyInstanceUID"),
        "study_date": _study_date(facts),
        "frame_of_reference": facts.uid("FrameOfReferenceUID"),
    }


def _matrix(facts: Facts) -> tuple[int, int]:
    rows, columns = facts.whole("Rows") or 0, facts.whole("Columns") or 0
    if not (0 < rows <= MAX_MATRIX and 0 < columns <= MAX_MATRIX):
        raise UnusableHeader("Rows or Columns")
    return rows, columns


def _image_type(facts: Facts, text: tuple[str, ...], *, enhanced: bool) -> tuple[str, ...]:
    """FrameType (enhanced) or ImageType in capitals, and the tokens of the maker's own that are not among them."""
    named = (enhanced and facts.tokens("FrameType")) or facts.tokens("ImageType")
    image_type = tuple(token.upper() for token in named)
    return image_type + tuple(token for token in dict.fromkeys(text) if token not in image_type)


def _number(facts: Facts, keyword: str, default: float) -> float:
    number = facts.number(keyword)
    return default if number is None else number


def _echo_time(facts: Facts, *, enhanced: bool) -> float | None:
    """EffectiveEchoTime of an enhanced frame; EchoTime of a classic image, or where the frame has no other."""
    effective = _time(facts, "EffectiveEchoTime") if enhanced else None
    return _time(facts, "EchoTime") if effective is None else effective


def _time(facts: Facts, keyword: str) -> float | None:
    time = facts.number(keyword)
    if time is not None and not 0 <= time <= MAX_TIME_MS:
        raise UnusableHeader(keyword)
    return time


def _acquired(facts: Facts) -> str:
    """Date and time of the acquisition as digits that sort in time; empty where unknown.

    The offset from UTC that may follow (PS3.5 6.2) is left out: it is that of the scanner, the same for all.
    """
    text = _UTC_OFFSET.sub("", facts.text("AcquisitionDateTime")) or facts.text("AcquisitionDate") + facts.text(
        "AcquisitionTime"
    )
    return text if text.isascii() and text.replace(".", "", 1).isdecimal() else ""


def _study_date(facts: Facts) -> str:
    """StudyDate as eight digits; empty where it is absent or has another form."""
    date = facts.text("StudyDate")
    return date if len(date) == 8 and date.isascii() and date.isdecimal() else ""


def _repetition(facts: Facts) -> tuple[int, int]:
    temporal = facts.whole("TemporalPositionIndex") or facts.whole("TemporalPositionIdentifier") or 0
    return temporal, facts.whole("FrameAcquisitionNumber") or facts.whole("AcquisitionNumber") or 0
