"""What the headers say: one `Frame` per image plane, with technical facts only.

A classic object holds one plane; an enhanced multi-frame object holds many. Both give the same kind of `Frame`, so that
nothing after this module knows which it was.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom import config as pydicom_config
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from myot2.ingest.facts import Facts, RealWorld, UnusableHeader, facts_of_frame
from myot2.ingest.files import DicomFile, find_dicom_files
from myot2.ingest.hints import roles_of_description
from myot2.ingest.vocabulary import known_manufacturer, known_model, known_sequence

MAX_MATRIX = 4096
MAX_FRAMES = 20_000

_KEYWORDS = """
    SOPInstanceUID ImageType AcquisitionDate AcquisitionTime AcquisitionDateTime Manufacturer ManufacturerModelName
    SeriesDescription ProtocolName PatientID ScanningSequence SequenceName EchoPulseSequence SliceThickness
    RepetitionTime EchoTime SpacingBetweenSlices MagneticFieldStrength FlipAngle SeriesInstanceUID SeriesNumber
    AcquisitionNumber InstanceNumber TemporalPositionIdentifier ImagePositionPatient ImageOrientationPatient
    SamplesPerPixel NumberOfFrames Rows Columns PixelSpacing BitsAllocated RescaleIntercept RescaleSlope
    LossyImageCompression RealWorldValueMappingSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
"""
_PHILIPS_PRIVATE = [0x20050000 + offset for block in range(0x10, 0x18) for offset in (block, (block << 8) + 0x0E)]
_TAGS = [tag_for_keyword(keyword) for keyword in _KEYWORDS.split()] + _PHILIPS_PRIVATE

_NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian}
_COMPONENTS = {"P": "phase", "PHASE": "phase", "R": "real", "REAL": "real", "I": "imaginary", "IMAGINARY": "imaginary"}


@dataclass(frozen=True)
class Frame:
    """One image plane. Lengths in mm, times in ms, angles in degrees; None where the header does not say.

    `file`, `series`, `instance`, `patient` and `acquired` only tell objects apart and order them; no output holds them.
    `hints` are the roles that the series description names. `repetition` is the temporal position and the acquisition
    number. `position` and `orientation` are ImagePositionPatient and ImageOrientationPatient (LPS).
    """

    file: DicomFile = field(repr=False)
    index: int
    transfer_syntax: str
    lossy: bool
    truncated: bool
    series: str = field(repr=False)
    instance: str = field(repr=False)
    patient: str = field(repr=False)
    acquired: str = field(repr=False)
    series_number: int | None
    instance_number: int | None
    repetition: tuple[int, int]
    image_type: tuple[str, ...]
    component: str
    hints: frozenset[str]
    enhanced: bool
    colour: bool
    spin_echo: bool
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    slice_thickness: float | None
    slice_distance: float | None
    echo_time: float | None
    repetition_time: float | None
    flip_angle: float | None
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
    """Everything found in a folder: image planes, and how many objects were no image, unreadable, or copies."""

    frames: tuple[Frame, ...]
    no_image: int
    unreadable: int
    copies: int


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from printing: its warnings quote header values, which may hold a name."""
    logger = logging.getLogger("pydicom")
    disabled, mode = logger.disabled, pydicom_config.settings.reading_validation_mode
    logger.disabled, pydicom_config.settings.reading_validation_mode = True, pydicom_config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled, pydicom_config.settings.reading_validation_mode = disabled, mode


def read_index(folder: str | Path) -> Index:
    """Read the headers of all DICOM objects of a folder, pixels left alone."""
    frames: dict[tuple[str, int], Frame] = {}
    no_image = unreadable = copies = 0
    others: list[Frame] = []
    with quiet_pydicom():
        for file in find_dicom_files(folder):
            try:
                found = _read_frames(file)
            except Exception:  # a damaged header can raise anything inside the parser; such a file is counted
                unreadable += 1
                continue
            no_image += not found
            if found and (first := frames.get((found[0].instance, 0))) and found[0].instance:
                copies, others = (copies + 1, others) if _same_bytes(first, found[0]) else (copies, others + found)
                continue
            frames.update(((frame.instance or str(file.path), frame.index), frame) for frame in found)
    return Index((*frames.values(), *others), no_image, unreadable, copies)


def open_dataset(file: DicomFile, **options: object) -> Dataset:
    """Open a DICOM file; one without preamble gets the transfer syntax in which it turned out to be written."""
    dataset = pydicom.dcmread(file.path, force=not file.preamble, **options)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def _same_bytes(first: Frame, second: Frame) -> bool:
    return first.file.size == second.file.size and first.file.path.read_bytes() == second.file.path.read_bytes()


def _read_frames(file: DicomFile) -> list[Frame]:
    """All planes of a file; none where it is no image."""
    dataset = open_dataset(file, stop_before_pixels=True, specific_tags=_TAGS)
    if "Rows" not in dataset or "SeriesInstanceUID" not in dataset:
        return []
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return [_frame(file, 0, dataset, Facts([dataset]))]
    count = len(dataset.PerFrameFunctionalGroupsSequence)
    if count > MAX_FRAMES or count != int(dataset.NumberOfFrames):
        raise UnusableHeader("NumberOfFrames")
    return [_frame(file, index, dataset, facts_of_frame(dataset, index)) for index in range(count)]


def _frame(file: DicomFile, index: int, dataset: Dataset, facts: Facts) -> Frame:
    enhanced = "PerFrameFunctionalGroupsSequence" in dataset
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    if not (0 < rows <= MAX_MATRIX and 0 < columns <= MAX_MATRIX):
        raise UnusableHeader("Rows or Columns")
    image_type = tuple(token.upper() for token in facts.tokens("FrameType") or facts.tokens("ImageType"))
    samples = facts.whole("SamplesPerPixel") or 1
    syntax = dataset.file_meta.TransferSyntaxUID
    size = rows * columns * samples * (facts.whole("NumberOfFrames") or 1) * (facts.whole("BitsAllocated") or 16) // 8
    slope, intercept = facts.number("RescaleSlope"), facts.number("RescaleIntercept")
    return Frame(
        file=file,
        index=index,
        transfer_syntax=str(syntax),
        lossy=facts.text("LossyImageCompression") == "01",
        truncated=syntax in _NATIVE and size > file.size,
        series=str(dataset.SeriesInstanceUID),
        instance=facts.text("SOPInstanceUID"),
        patient=hashlib.sha256(facts.text("PatientID").encode()).hexdigest(),
        acquired=_acquired(facts),
        series_number=facts.whole("SeriesNumber"),
        instance_number=index + 1 if enhanced else facts.whole("InstanceNumber"),
        repetition=_repetition(facts),
        image_type=image_type,
        component=_component(image_type, facts),
        hints=roles_of_description(f"{facts.text('SeriesDescription')} {facts.text('ProtocolName')}"),
        enhanced=enhanced,
        colour=samples > 1,
        spin_echo=_is_spin_echo(facts),
        rows=rows,
        columns=columns,
        position=facts.numbers("ImagePositionPatient", 3),
        orientation=facts.numbers("ImageOrientationPatient", 6),
        pixel_spacing=facts.numbers("PixelSpacing", 2),
        slice_thickness=facts.number("SliceThickness"),
        slice_distance=facts.number("SpacingBetweenSlices"),
        echo_time=facts.number("EffectiveEchoTime") if enhanced else facts.number("EchoTime"),
        repetition_time=facts.number("RepetitionTime"),
        flip_angle=facts.number("FlipAngle"),
        field_strength=facts.number("MagneticFieldStrength"),
        manufacturer=known_manufacturer(facts.text("Manufacturer")),
        model=known_model(facts.text("ManufacturerModelName")),
        sequence=known_sequence(facts.text("SequenceName")),
        slope=1.0 if slope is None else slope,
        intercept=0.0 if intercept is None else intercept,
        scale_slope=facts.scale_slope(),
        real_world=facts.real_world(),
    )


def _acquired(facts: Facts) -> str:
    """Date and time of the acquisition as digits that sort in time; empty where unknown."""
    text = facts.text("AcquisitionDateTime") or facts.text("AcquisitionDate") + facts.text("AcquisitionTime")
    return text if text.replace(".", "", 1).isdecimal() else ""


def _repetition(facts: Facts) -> tuple[int, int]:
    temporal = facts.whole("TemporalPositionIndex") or facts.whole("TemporalPositionIdentifier") or 0
    return temporal, facts.whole("FrameAcquisitionNumber") or facts.whole("AcquisitionNumber") or 0


def _component(image_type: tuple[str, ...], facts: Facts) -> str:
    declared = facts.text("ComplexImageComponent").upper()
    if declared in _COMPONENTS:
        return _COMPONENTS[declared]
    return next((_COMPONENTS[token] for token in image_type[2:] if token in _COMPONENTS), "magnitude")


def _is_spin_echo(facts: Facts) -> bool:
    """Spin echo by ScanningSequence (classic) or EchoPulseSequence (enhanced), and not echo-planar or gradient echo."""
    sequence = {token.upper() for token in facts.tokens("ScanningSequence")}
    if sequence:
        return "SE" in sequence and not sequence & {"GR", "EP"}
    return facts.text("EchoPulseSequence").upper() == "SPIN"
