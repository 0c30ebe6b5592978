"""Tiny DICOM series for the tests of ingest, written with pydicom alone; nothing of myot2 is used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)

DIXON = {
    "dixon-in": "IN_PHASE",
    "dixon-opp": "OPP_PHASE",
    "dixon-water": "WATER",
    "dixon-fat": "FAT",
}


@dataclass(frozen=True)
class Plan:
    """What a series is to hold. `pixels` has the shape (echoes, slices, rows, columns), unsigned 16 bit."""

    number: int
    pixels: np.ndarray
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "ND")
    echo_times: tuple[float, ...] = (51.0,)
    origin: tuple[float, float, float] = (-50.0, -40.0, 10.0)
    orientation: tuple[float, ...] = AXIAL
    pixel_spacing: tuple[float, float] = (2.0, 1.5)
    distance: float = 6.0
    time: str = "100000"
    scanning_sequence: str = "SE"
    facts: dict = field(default_factory=dict)


def axial_volume(echoes: int = 1, slices: int = 4, rows: int = 12, columns: int = 14) -> np.ndarray:
    """Different everywhere, bright enough for tissue, halving with each echo."""
    count = slices * rows * columns
    base = 1000 + np.arange(count).reshape(slices, rows, columns)
    return np.stack([base * 0.8**echo for echo in range(echoes)]).astype(np.uint16)


def dixon_plan(role: str, number: int, **changes: object) -> Plan:
    """A Dixon image as Siemens writes it."""
    plan = Plan(number, axial_volume(), ("DERIVED", "PRIMARY", "DIXON", DIXON[role]), facts={"RepetitionTime": 5330})
    return replace(plan, **changes)


def mese_plan(number: int, echoes: int = 5, **changes: object) -> Plan:
    """A multi-echo spin echo with TE 10, 20, ... ms."""
    plan = Plan(number, axial_volume(echoes), echo_times=tuple(10.0 * (n + 1) for n in range(echoes)))
    return replace(plan, **changes)


def t2_map_plan(number: int, value: float = 40, **changes: object) -> Plan:
    """A T2 map that holds one value, but for an empty first row."""
    pixels = np.full((1, 4, 12, 14), value, dtype=np.uint16)
    pixels[..., 0, :] = 0
    return replace(Plan(number, pixels, ("DERIVED", "PRIMARY", "T2 MAP", "ND"), echo_times=(10.0,)), **changes)


def planes(plan: Plan) -> list[Dataset]:
    """The classic objects of a series, in the order slice by slice, echo by echo."""
    normal = np.cross(plan.orientation[:3], plan.orientation[3:])
    series_uid = generate_uid(entropy_srcs=[str(plan.number), plan.time])
    datasets = []
    for index in range(plan.pixels.shape[1]):
        for echo, echo_time in enumerate(plan.echo_times):
            dataset = _plane(plan, plan.pixels[echo, index], np.array(plan.origin) + index * plan.distance * normal)
            dataset.SeriesInstanceUID = series_uid
            dataset.InstanceNumber = len(datasets) + 1
            dataset.EchoTime = echo_time
            dataset.EchoNumbers = 0  # some scanners write no more than this
            for keyword, value in plan.facts.items():
                setattr(dataset, keyword, value)
            datasets.append(dataset)
    return datasets


def write(folder: Path, datasets: list[Dataset], seed: int = 0, preamble: bool = True) -> list[Path]:
    """Write objects under meaningless names in random order; the paths are those of the objects, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    start = len(list(folder.iterdir()))
    names = np.random.default_rng(seed).permutation(len(datasets))
    paths = [folder / f"f{start + name:05d}" for name in names]
    for dataset, path in zip(datasets, paths, strict=True):
        if preamble:
            dataset.save_as(path, enforce_file_format=True)
        else:
            bare = Dataset(dataset)
            bare.save_as(path, implicit_vr=True, little_endian=True)
    return paths


def write_plans(folder: Path, *plans: Plan) -> Path:
    """Write whole series into one folder."""
    for plan in plans:
        write(folder, planes(plan), seed=plan.number)
    return folder


def whole_examination(folder: Path) -> Path:
    """Localiser, four Dixon images, multi-echo spin echo, T2 map."""
    localiser = [
        replace(Plan(1, axial_volume(slices=1), scanning_sequence="GR", echo_times=(4.0,)), orientation=orientation)
        for orientation in (AXIAL, CORONAL, SAGITTAL)
    ]
    dixon = [dixon_plan(role, 2 + place) for place, role in enumerate(DIXON)]
    return write_plans(folder, *localiser, *dixon, mese_plan(7), t2_map_plan(8))


def enhanced(plan: Plan, slopes: np.ndarray) -> Dataset:
    """The same series as one enhanced multi-frame object with a rescale slope per frame (echoes, slices)."""
    classic = planes(plan)
    dataset = Dataset()
    dataset.update({element.tag: element for element in classic[0] if element.tag.group in (0x0010, 0x0028)})
    for keyword in ("PixelSpacing", "RescaleSlope", "RescaleIntercept"):
        dataset.pop(keyword, None)
    dataset.SOPClassUID, dataset.SOPInstanceUID = EnhancedMRImageStorage, generate_uid()
    dataset.SeriesInstanceUID, dataset.SeriesNumber = classic[0].SeriesInstanceUID, plan.number
    dataset.ImageType, dataset.EchoPulseSequence = ["ORIGINAL", "PRIMARY", "T2", "NONE"], "SPIN"
    dataset.NumberOfFrames = len(classic)
    shared, timing = Dataset(), Dataset()
    timing.RepetitionTime, timing.FlipAngle = 6000, 90
    shared.MRTimingAndRelatedParametersSequence = [timing]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [
        _functional_groups(one, slopes[number % len(plan.echo_times), number // len(plan.echo_times)])
        for number, one in enumerate(classic)
    ]
    dataset.PixelData = b"".join(one.PixelData for one in classic)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _functional_groups(plane: Dataset, slope: float) -> Dataset:
    echo, position, orientation, measures, values, kind = (Dataset() for _ in range(6))
    echo.EffectiveEchoTime = float(plane.EchoTime)
    position.ImagePositionPatient = plane.ImagePositionPatient
    orientation.ImageOrientationPatient = plane.ImageOrientationPatient
    measures.PixelSpacing, measures.SliceThickness = plane.PixelSpacing, plane.SliceThickness
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = f"{slope:.10g}", 0, "US"
    kind.FrameType = ["ORIGINAL", "PRIMARY", "T2", "NONE"]
    kind.ComplexImageComponent = "MAGNITUDE"
    groups = Dataset()
    groups.MREchoSequence = [echo]
    groups.PlanePositionSequence = [position]
    groups.PlaneOrientationSequence = [orientation]
    groups.PixelMeasuresSequence = [measures]
    groups.PixelValueTransformationSequence = [values]
    groups.MRImageFrameTypeSequence = [kind]
    return groups


def _plane(plan: Plan, pixels: np.ndarray, position: np.ndarray) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
    dataset.Modality, dataset.Manufacturer, dataset.ManufacturerModelName = "MR", "SIEMENS", "Skyra"
    dataset.PatientID, dataset.PatientName = "4711", "Doe^Jane"
    dataset.ImageType = list(plan.image_type)
    dataset.ScanningSequence = plan.scanning_sequence
    dataset.SeriesNumber, dataset.AcquisitionDate, dataset.AcquisitionTime = plan.number, "20200101", plan.time
    dataset.RepetitionTime, dataset.SliceThickness = 6000, 5
    dataset.ImagePositionPatient = [format_number_as_ds(float(value)) for value in position]
    dataset.ImageOrientationPatient = [format_number_as_ds(float(value)) for value in plan.orientation]
    dataset.PixelSpacing = [format_number_as_ds(float(value)) for value in plan.pixel_spacing]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = pixels.astype("<u2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset
