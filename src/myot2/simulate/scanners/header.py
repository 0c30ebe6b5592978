"""What the headers of all makes of scanner have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from myot2.simulate import protocol
from myot2.simulate.identity import Identity
from myot2.simulate.series import Plane, Series, uid


@dataclass(frozen=True)
class Scanner:
    """A make of scanner.

    Attributes
    ----------
    objects : callable
        From the series that are stored as one DICOM series, the invented identity, and the text from which UIDs are
        derived, to DICOM objects in the order of their instance numbers.
    number : callable
        The number under which a series is stored; series of equal number become one DICOM series.
    """

    objects: Callable[[Sequence[Series], Identity, str], list[Dataset]]
    number: Callable[[Series], int] = lambda series: series.number


def series_header(series: Series, identity: Identity, key: str, number: int) -> Dataset:
    """Everything that is equal in all images of a series, whatever the make of the scanner."""
    header = Dataset()
    _add_people(header, identity)
    _add_study(header, series, identity, key, number)
    _add_sequence(header, series.sequence)
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    return header


def add_private(header: Dataset, group: int, creator: str, elements: Iterable[tuple[int, str, object]]) -> None:
    """Add private elements (offset, value representation, value) under a creator."""
    block = header.private_block(group, creator, create=True)
    for offset, representation, value in elements:
        block.add_new(offset, representation, value)


def add_archive_text(header: Dataset, identity: Identity) -> None:
    """The private elements in which an archive repeats who the patient is."""
    texts = (0x01, "LO", identity.patient_name.replace("^", " ")), (0x02, "LT", identity.comment)
    add_private(header, 0x0091, "KIS EXPORT", texts)


def add_pixel_format(header: Dataset, *, bits: int, signed: bool = False) -> None:
    """16 bits of which `bits` are used."""
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, bits, bits - 1
    header.PixelRepresentation = int(signed)


def frame_of(header: Dataset) -> Dataset:
    """A new data set that begins with the elements of a header. It shares them: add others, change none."""
    frame = Dataset()
    frame.update(header)
    return frame


def add_geometry(frame: Dataset, plane: Plane) -> None:
    """Where the voxels of a classic image lie."""
    column_mm, row_mm, slice_mm = plane.grid.spacing_mm
    frame.ImageOrientationPatient = [decimal(value) for value in plane.orientation]
    frame.ImagePositionPatient = [decimal(value) for value in plane.position]
    frame.SliceLocation = decimal(plane.position @ plane.normal)
    frame.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    frame.SliceThickness = decimal(plane.grid.thickness_mm)
    frame.SpacingBetweenSlices = decimal(slice_mm)
    frame.Rows, frame.Columns = plane.pixels.shape


def add_echo(frame: Dataset, plane: Plane) -> None:
    """Echo time and number of a classic image."""
    frame.EchoTime = f"{plane.echo_time_ms:g}"
    frame.EchoNumbers = plane.echo + 1


def add_instance(frame: Dataset, key: str, number: int, instance: int) -> None:
    """Which image of its series it is."""
    frame.SOPInstanceUID = uid(key, "image", number, instance)
    frame.InstanceNumber = instance


def add_file_meta(frame: Dataset, syntax: UID = ExplicitVRLittleEndian) -> None:
    """The file's own header (PS3.10)."""
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = syntax
    frame.file_meta.ImplementationClassUID = uid("myot2", "simulate")
    frame.file_meta.ImplementationVersionName = "MYOT2_SIMULATE"


def decimal(value: float) -> str:
    """A DICOM decimal string (at most 16 characters) without a negative zero."""
    return f"{value:.8g}" if abs(value) > 5e-9 else "0"


def words(values: np.ndarray) -> bytes:
    """Pixels as little-endian words of 16 bits."""
    return np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()


def clock(seconds: float) -> str:
    """A time of day as DICOM writes it."""
    whole = int(seconds)
    return f"{whole // 3600:02d}{whole // 60 % 60:02d}{whole % 60:02d}.{round(seconds % 1 * 1e6):06d}"


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


def _add_study(header: Dataset, series: Series, identity: Identity, key: str, number: int) -> None:
    header.SpecificCharacterSet = "ISO_IR 100"
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = header.ContentDate = identity.study_date
    header.StudyTime = clock(9 * 3600)
    header.SeriesTime = header.AcquisitionTime = header.ContentTime = clock(series.start_s)
    header.AccessionNumber = identity.accession_number
    header.StudyID = "1"
    header.StudyDescription = "Oberschenkel^Myositis"
    header.StudyInstanceUID = uid(key, "study")
    header.SeriesInstanceUID = uid(key, "series", number)
    header.FrameOfReferenceUID = uid(key, "frame of reference")
    header.PositionReferenceIndicator = ""
    header.SeriesNumber = number
    header.AcquisitionNumber = 1
    header.SeriesDescription = series.description
    header.ProtocolName = series.sequence.description
    header.BodyPartExamined = "LEG"
    header.PatientPosition = series.patient_position
    header.Laterality = ""


def _add_sequence(header: Dataset, sequence: protocol.Sequence) -> None:
    header.Modality = "MR"
    header.MagneticFieldStrength = "3"
    header.ImagingFrequency = "123.258"
    header.ImagedNucleus = "1H"
    header.ScanningSequence = list(sequence.scanning_sequence)
    header.SequenceVariant = list(sequence.sequence_variant)
    header.ScanOptions = list(sequence.scan_options)
    header.MRAcquisitionType = sequence.acquisition_type
    header.RepetitionTime = f"{sequence.repetition_time_ms:g}"
    header.FlipAngle = f"{sequence.flip_angle_deg:g}"
    header.EchoTrainLength = sequence.echo_train_length
    header.NumberOfAverages = "1"
    header.PixelBandwidth = "287"
    header.TransmitCoilName = "Body"
    header.InPlanePhaseEncodingDirection = "COL"
