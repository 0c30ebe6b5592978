"""Enhanced MR objects (PS3.3 A.36): all images of a series in one, with functional groups for what differs.

Source of the structure: ../shared/data/dicom-edge-cases, siemens-xa10-enhanced and philips_enhanced_anatomical.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

from myot2.simulate.identity import Identity
from myot2.simulate.scanners.header import add_file_meta, add_instance, clock, decimal, series_header
from myot2.simulate.series import Plane, Series, uid

_CLASSIC_ONLY = (
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "RepetitionTime",
    "FlipAngle",
    "EchoTrainLength",
    "NumberOfAverages",
    "PixelBandwidth",
    "ImagingFrequency",
    "ImagedNucleus",
    "TransmitCoilName",
    "InPlanePhaseEncodingDirection",
    "AcquisitionDate",
    "AcquisitionTime",
    "ImageComments",
)
_DIMENSIONS = {
    "StackID": "FrameContentSequence",
    "InStackPositionNumber": "FrameContentSequence",
    "EffectiveEchoTime": "MREchoSequence",
}
_COMPONENTS = {"P": "PHASE"}


@dataclass(frozen=True)
class Scaling:
    """From stored to displayed values: stored x slope + intercept."""

    slope: float
    intercept: float


def object_header(
    series: Series, identity: Identity, key: str, number: int, frame_count: int, instance: int
) -> Dataset:
    """The object without pixels and without the groups of its frames."""
    header = series_header(series, identity, key, number)
    for keyword in _CLASSIC_ONLY:
        delattr(header, keyword)
    sequence = series.sequence
    header.SOPClassUID = EnhancedMRImageStorage
    header.AcquisitionDateTime = identity.study_date + clock(series.start_s)
    header.NumberOfFrames = frame_count
    header.EchoPulseSequence = "SPIN" if sequence.scanning_sequence == ("SE",) else "GRADIENT"
    header.EchoPlanarPulseSequence = "NO"
    header.ResonantNucleus = "1H"
    timing, shared = Dataset(), Dataset()
    timing.RepetitionTime, timing.FlipAngle = f"{sequence.repetition_time_ms:g}", f"{sequence.flip_angle_deg:g}"
    timing.EchoTrainLength = sequence.echo_train_length
    shared.MRTimingAndRelatedParametersSequence = [timing]
    header.SharedFunctionalGroupsSequence = [shared]
    _add_dimensions(header, uid(key, "dimensions", number, instance))
    add_instance(header, key, number, instance)
    add_file_meta(header)
    return header


def frame_groups(plane: Plane, frame_type: Sequence[str], scaling: Scaling) -> Dataset:
    """The functional groups of one frame."""
    groups = Dataset()
    groups.MREchoSequence = [_echo(plane)]
    groups.MRImageFrameTypeSequence = [_frame_type(frame_type, _COMPONENTS.get(plane.series.content, "MAGNITUDE"))]
    groups.FrameContentSequence = [_content(plane)]
    groups.PlanePositionSequence = [_position(plane)]
    groups.PlaneOrientationSequence = [_orientation(plane)]
    groups.PixelMeasuresSequence = [_measures(plane)]
    groups.PixelValueTransformationSequence = [_transformation(scaling)]
    return groups


def _add_dimensions(header: Dataset, organization: str) -> None:
    """The elements by which the frames are counted: the stack, the slice in it, and the echo time."""
    whole = Dataset()
    whole.DimensionOrganizationUID = organization
    header.DimensionOrganizationSequence = [whole]
    header.DimensionIndexSequence = []
    for keyword, group in _DIMENSIONS.items():
        index = Dataset()
        index.DimensionOrganizationUID = organization
        index.DimensionIndexPointer, index.FunctionalGroupPointer = tag_for_keyword(keyword), tag_for_keyword(group)
        header.DimensionIndexSequence.append(index)


def _echo(plane: Plane) -> Dataset:
    echo = Dataset()
    echo.EffectiveEchoTime = float(plane.echo_time_ms)
    return echo


def _frame_type(frame_type: Sequence[str], component: str) -> Dataset:
    kind = Dataset()
    kind.FrameType = list(frame_type)
    kind.PixelPresentation, kind.VolumetricProperties = "MONOCHROME", "VOLUME"
    kind.VolumeBasedCalculationTechnique, kind.ComplexImageComponent = "NONE", component
    kind.AcquisitionContrast = "T2"
    return kind


def _content(plane: Plane) -> Dataset:
    content, stack = Dataset(), plane.stack + 1
    content.StackID, content.InStackPositionNumber = str(stack), plane.slice_index + 1
    content.FrameAcquisitionNumber = content.TemporalPositionIndex = 1
    content.DimensionIndexValues = [stack, plane.slice_index + 1, plane.echo + 1]
    return content


def _position(plane: Plane) -> Dataset:
    position = Dataset()
    position.ImagePositionPatient = [decimal(value) for value in plane.position]
    return position


def _orientation(plane: Plane) -> Dataset:
    orientation = Dataset()
    orientation.ImageOrientationPatient = [decimal(value) for value in plane.orientation]
    return orientation


def _measures(plane: Plane) -> Dataset:
    column_mm, row_mm, slice_mm = plane.grid.spacing_mm
    measures = Dataset()
    measures.PixelSpacing = [decimal(row_mm), decimal(column_mm)]
    measures.SliceThickness, measures.SpacingBetweenSlices = decimal(plane.grid.thickness_mm), decimal(slice_mm)
    return measures


def _transformation(scaling: Scaling) -> Dataset:
    values = Dataset()
    values.RescaleSlope, values.RescaleIntercept = f"{scaling.slope:.14g}", f"{scaling.intercept:.14g}"
    values.RescaleType = "US"
    return values
