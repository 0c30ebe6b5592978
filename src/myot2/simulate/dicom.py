"""Series as a Siemens scanner's classic DICOM files, with invented identities.

Files are named as an archive names them (IM000001 in nested folders): nothing about a series can be read from a path.
Equal input gives equal bytes: a UID is the root 2.25 (DICOM PS3.5 annex B.2) and 128 bits of the SHA-256 of a text.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from myot2.simulate.grid import Grid
from myot2.simulate.protocol import Sequence

SURNAMES = ("Ahlborn", "Brandauer", "Castellani", "Dvorakova", "Eklund", "Fontaine", "Grzelak", "Hautamaeki")
FORENAMES = {
    "F": ("Anneliese", "Beatrix", "Carolina", "Dorothea"),
    "M": ("Albrecht", "Benedikt", "Clemens", "Diethelm"),
}
STREETS = ("Lindenallee", "Muehlgasse", "Rosenweg", "Uferstrasse")
TOWNS = ("Adorfingen", "Bexhausen", "Cellenbach", "Dornfelden")
LARGEST_PIXEL = 4095


@dataclass(frozen=True)
class Identity:
    """An invented patient, and the invented people around them; dates as DICOM writes them (YYYYMMDD)."""

    patient_name: str
    patient_id: str
    birth_date: str
    sex: str
    age: int
    weight_kg: int
    address: str
    telephone: str
    study_date: str
    accession_number: str
    operator: str
    referring_physician: str
    institution: str
    institution_address: str
    station: str
    serial_number: str
    comment: str

    @property
    def strings(self) -> dict[str, str]:
        """Everything that must not be found in a de-identified file, by field."""
        public = ("sex", "age", "weight_kg")
        return {name: value for name, value in asdict(self).items() if name not in public}


def invent_identity(rng: np.random.Generator, *, sex: str, age: int) -> Identity:
    """Draw an identity that fits a row of the participants table."""

    def pick(names: tuple[str, ...]) -> str:
        return names[rng.integers(len(names))]

    surname, forename, town = pick(SURNAMES), pick(FORENAMES[sex]), pick(TOWNS)
    year, month, day = int(rng.integers(2019, 2023)), int(rng.integers(2, 13)), int(rng.integers(2, 29))
    # Born in January, so that the age at any later day of the year is the difference of the years.
    born = f"{year - age}01{int(rng.integers(1, 29)):02d}"
    operator, physician = f"{pick(SURNAMES)}^{pick(FORENAMES['F'])}", f"{pick(SURNAMES)}^{pick(FORENAMES['M'])}^^Dr"
    return Identity(
        patient_name=f"{surname}^{forename}",
        patient_id=f"KH{rng.integers(10**7, 10**8)}",
        birth_date=born,
        sex=sex,
        age=age,
        weight_kg=int(rng.normal(78 if sex == "M" else 66, 9)),
        address=f"{pick(STREETS)} {rng.integers(1, 120)}, {town}",
        telephone=f"+49 5555 {rng.integers(10**5, 10**6)}",
        study_date=f"{year}{month:02d}{day:02d}",
        accession_number=f"ACC{rng.integers(10**7, 10**8)}",
        operator=operator,
        referring_physician=physician,
        institution=f"Kreiskrankenhaus {town}",
        institution_address=f"{pick(STREETS)} 1, {town}",
        station=f"MRC{rng.integers(10**4, 10**5)}",
        serial_number=f"{rng.integers(10**5, 10**6)}",
        comment=f"{forename} {surname} klagt ueber Schwaeche, Rueckruf {town}",
    )


@dataclass(frozen=True)
class Series:
    """One series: stacks of slices, each on its grid with pixels (echoes, slices, rows, columns) of uint16.

    `start_s` is the time of day in seconds; `echo_times_ms` has one entry for each echo.
    """

    number: int
    description: str
    image_type: tuple[str, ...]
    sequence: Sequence
    echo_times_ms: tuple[float, ...]
    start_s: float
    stacks: tuple[tuple[Grid, np.ndarray], ...]


def uid(*parts: object) -> str:
    """A DICOM UID that depends on nothing but the given parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def write_examination(folder: Path, series: list[Series], identity: Identity, key: str) -> int:
    """Write all series of an examination below a folder; returns the number of files.

    Parameters
    ----------
    key : str
        What all UIDs of the examination are derived from.
    """
    study = folder / f"A{_digits(key, 'study')}"
    count = 0
    for one in series:
        place = study / f"S{_digits(key, one.number)}"
        place.mkdir(parents=True)
        header = _series_header(one, identity, key)
        frames = _frames(one)
        # An archive stores files in the order in which they arrive, which is not that of the slices.
        order = np.random.Generator(np.random.PCG64(one.number)).permutation(len(frames))
        for position in order:
            count += 1
            _write_frame(place / f"IM{count:06d}", header, one, *frames[position], instance=int(position) + 1, key=key)
    return count


def _digits(*parts: object) -> str:
    return uid(*parts)[-8:]


def _frames(series: Series) -> list[tuple[Grid, int, int, np.ndarray]]:
    return [
        (grid, slice_index, echo, pixels[echo, slice_index])
        for grid, pixels in series.stacks
        for echo in range(pixels.shape[0])
        for slice_index in range(pixels.shape[1])
    ]


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{round(seconds % 1 * 1e6):06d}"


def _series_header(series: Series, identity: Identity, key: str) -> Dataset:
    """Everything that is equal in all files of a series."""
    header = Dataset()
    _add_people(header, identity)
    _add_study(header, series, identity, key)
    _add_sequence(header, series)
    _add_private(header, series, identity)
    return header


def _add_people(header: Dataset, identity: Identity) -> None:
    header.PatientName = identity.patient_name
    header.PatientID = identity.patient_id
    header.PatientBirthDate = identity.birth_date
    header.PatientSex = identity.sex
    header.PatientAge = f"{identity.age:03d}Y"
    header.PatientWeight = str(identity.weight_kg)
    header.PatientAddress = identity.address
    header.PatientTelephoneNumbers = identity.telephone
    header.PatientComments = identity.comment
    header.ImageComments = identity.comment
    header.OperatorsName = identity.operator
    header.ReferringPhysicianName = identity.referring_physician
    header.InstitutionName = identity.institution
    header.InstitutionAddress = identity.institution_address
    header.StationName = identity.station
    header.DeviceSerialNumber = identity.serial_number


def _add_study(header: Dataset, series: Series, identity: Identity, key: str) -> None:
    header.SpecificCharacterSet = "ISO_IR 100"
    header.SOPClassUID = MRImageStorage
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = identity.study_date
    header.StudyTime = _clock(9 * 3600)
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = _clock(series.start_s)
    header.AccessionNumber = identity.accession_number
    header.StudyID = "1"
    header.StudyDescription = "Oberschenkel^Myositis"
    header.StudyInstanceUID = uid(key, "study")
    header.SeriesInstanceUID = uid(key, "series", series.number)
    header.FrameOfReferenceUID = uid(key, "frame of reference")
    header.PositionReferenceIndicator = ""
    header.SeriesNumber = series.number
    header.AcquisitionNumber = 1
    header.SeriesDescription = series.description
    header.ProtocolName = series.sequence.description
    header.BodyPartExamined = "LEG"
    header.PatientPosition = "FFS"
    header.Laterality = ""


def _add_sequence(header: Dataset, series: Series) -> None:
    sequence = series.sequence
    header.Modality = "MR"
    header.Manufacturer = "SIEMENS"
    header.ManufacturerModelName = "Skyra"
    header.SoftwareVersions = "syngo MR E11"
    header.MagneticFieldStrength = "3"
    header.ImagingFrequency = "123.258"
    header.ImagedNucleus = "1H"
    header.ImageType = list(series.image_type)
    header.ScanningSequence = list(sequence.scanning_sequence)
    header.SequenceVariant = list(sequence.sequence_variant)
    header.ScanOptions = list(sequence.scan_options)
    header.MRAcquisitionType = sequence.acquisition_type
    header.SequenceName = sequence.sequence_name
    header.RepetitionTime = f"{sequence.repetition_time_ms:g}"
    header.FlipAngle = f"{sequence.flip_angle_deg:g}"
    header.EchoTrainLength = sequence.echo_train_length
    header.NumberOfAverages = "1"
    header.PixelBandwidth = "287"
    header.TransmitCoilName = "Body"
    header.InPlanePhaseEncodingDirection = "COL"
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.BitsAllocated = 16
    header.BitsStored = 12
    header.HighBit = 11
    header.PixelRepresentation = 0


def _add_private(header: Dataset, series: Series, identity: Identity) -> None:
    siemens = header.private_block(0x0051, "SIEMENS MR HEADER", create=True)
    siemens.add_new(0x0A, "LO", series.sequence.duration)
    siemens.add_new(0x0F, "LO", "BO1-3;SP2-5")
    siemens.add_new(0x16, "LO", "/".join(series.image_type[2:]))
    local = header.private_block(0x0091, "KIS EXPORT", create=True)
    local.add_new(0x01, "LO", identity.patient_name.replace("^", " "))
    local.add_new(0x02, "LT", identity.comment)


def _write_frame(
    path: Path,
    header: Dataset,
    series: Series,
    grid: Grid,
    slice_index: int,
    echo: int,
    pixels: np.ndarray,
    *,
    instance: int,
    key: str,
) -> None:
    normal = np.cross(grid.column_step, grid.row_step)
    position = grid.origin + slice_index * grid.slice_step
    column_mm, row_mm, slice_mm = grid.spacing_mm
    header.SOPInstanceUID = uid(key, "image", series.number, instance)
    header.InstanceNumber = instance
    header.EchoTime = f"{series.echo_times_ms[echo]:g}"
    header.EchoNumbers = echo + 1
    header.ImageOrientationPatient = [_decimal(v) for v in (*grid.column_step / column_mm, *grid.row_step / row_mm)]
    header.ImagePositionPatient = [_decimal(v) for v in position]
    header.SliceLocation = _decimal(position @ normal / np.linalg.norm(normal))
    header.PixelSpacing = [_decimal(row_mm), _decimal(column_mm)]
    header.SliceThickness = _decimal(grid.thickness_mm)
    header.SpacingBetweenSlices = _decimal(slice_mm)
    header.AcquisitionMatrix = [0, pixels.shape[1], pixels.shape[0], 0]
    header.Rows, header.Columns = pixels.shape
    held = np.minimum(pixels, LARGEST_PIXEL).astype("<u2")
    header.SmallestImagePixelValue, header.LargestImagePixelValue = int(held.min()), int(held.max())
    header.WindowCenter, header.WindowWidth = str(int(held.max()) // 3), str(max(int(held.max()) * 2 // 3, 1))
    header.PixelData = held.tobytes()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.ImplementationClassUID = uid("myot2", "simulate")
    header.file_meta.ImplementationVersionName = "MYOT2_SIMULATE"
    pydicom.dcmwrite(path, header, enforce_file_format=True, overwrite=False)


def _decimal(value: float) -> str:
    """A DICOM decimal string (at most 16 characters) without a negative zero."""
    return f"{value:.8g}" if abs(value) > 5e-9 else "0"
