"""The measures per muscle as a structured report by TID 1500, Measurement Report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from highdicom.seg import Segmentation
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    EnhancedSR,
    FindingSite,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    ReferencedSegment,
    SourceImageForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset
from pydicom.sr.codedict import codes

from myot2 import __version__
from myot2.core.errors import MyoT2Error
from myot2.core.labels import Label, LabelTable
from myot2.export.dicom.concepts import (
    MEAN,
    MILLILITRE,
    MILLISECOND,
    SIDES,
    STANDARD_DEVIATION,
    T2,
    VOLUME,
    segment_name,
    structure_of,
)
from myot2.export.dicom.finish import EQUIPMENT, SERIES_NUMBERS, finish
from myot2.export.dicom.source import UNNAMED, Source

MR_IMAGING = CodedConcept("113091000", "SCT", "Magnetic resonance imaging")


@dataclass(frozen=True)
class Quantity:
    """A column of the table of measures and how it is coded."""

    column: str
    name: CodedConcept
    unit: CodedConcept
    derivation: CodedConcept | None


QUANTITIES = (
    Quantity("t2_mean_ms", T2, MILLISECOND, MEAN),
    Quantity("t2_sd_ms", T2, MILLISECOND, STANDARD_DEVIATION),
    Quantity("volume_ml", VOLUME, MILLILITRE, None),
)


def measurement_report(
    measures: pd.DataFrame, table: LabelTable, made: Segmentation, source: Source, *, where: str | Path
) -> EnhancedSR:
    """The structured report of one scan.

    Parameters
    ----------
    measures : DataFrame
        The table of measures, as text: `region`, `side` and the columns of `QUANTITIES`; missing where unknown.
    table : LabelTable
    made : Segmentation
        The masks that were measured.
    source : Source
        The T2 series.
    where : str or Path
        The table, for messages.

    Raises
    ------
    MyoT2Error
        A muscle that has a segment has no row.
    """
    numbers = {str(item.SegmentLabel): int(item.SegmentNumber) for item in made.SegmentSequence}
    images = _source_images(source)
    groups = [
        _group(label, _row(measures, label, where), numbers[segment_name(label)], made, images)
        for label in table.muscle_labels
        if segment_name(label) in numbers
    ]
    identities = source.identities
    observer = DeviceObserverIdentifyingAttributes(
        uid=identities.new_uid("device", __version__), name="MyoT2", manufacturer_name="MyoT2", model_name="MyoT2"
    )
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=ObserverContext(codes.DCM.Device, observer)),
        procedure_reported=MR_IMAGING,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en", "RFC5646", "English")
        ),
    )
    report = EnhancedSR(
        evidence=[made, *_evidence(source)],
        content=content[0],
        series_instance_uid=UNNAMED,
        series_number=SERIES_NUMBERS["measures"],
        sop_instance_uid=UNNAMED,
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description="Muscle T2 and volume; research use only",
        specific_character_set="ISO_IR 192",
        **EQUIPMENT,
    )
    return finish(report, [source], "measures")


def _group(
    label: Label,
    row: pd.Series,
    number: int,
    made: Segmentation,
    images: Sequence[SourceImageForSegmentation],
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    name = segment_name(label)
    structure = structure_of(label)
    known = [quantity for quantity in QUANTITIES if pd.notna(row.get(quantity.column))]
    tracked = made.SegmentSequence[number - 1]
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=tracked.TrackingUID, identifier=name),
        referenced_segment=ReferencedSegment(made.SOPClassUID, made.SOPInstanceUID, number, source_images=images),
        finding_type=structure.concept,
        algorithm_id=AlgorithmIdentification("MyoT2 measure", __version__),
        finding_sites=[FindingSite(structure.concept, laterality=SIDES.get(label.side))],
        measurements=[
            Measurement(
                name=quantity.name,
                value=float(row[quantity.column]),
                unit=quantity.unit,
                derivation=quantity.derivation,
            )
            for quantity in known
        ],
    )


def _row(measures: pd.DataFrame, label: Label, where: str | Path) -> pd.Series:
    found = measures[(measures["region"] == label.name) & (measures["side"] == label.side)]
    if len(found) != 1:
        raise MyoT2Error(
            expected=f"one row for {segment_name(label)}, which has a mask",
            found=f"{len(found)} rows",
            where=where,
            do="Give the table of measures that was made with this mask.",
        )
    return found.iloc[0]


def _source_images(source: Source) -> list[SourceImageForSegmentation]:
    """The images on which a mask lies, one per slice (of echoes the first); a whole object where it holds many."""
    names = dict.fromkeys(source.name_of(frame) for plane in source.series.planes for frame in plane[:1])
    return [SourceImageForSegmentation(*name) for name in names]


def _evidence(source: Source) -> Sequence[Dataset]:
    """Every source object as highdicom asks for evidence: a header with identifiers."""
    made: dict[str, Dataset] = {}
    for frame in source.series.frames:
        header = source.anchor() if not made else Dataset()
        header.SOPClassUID, header.SOPInstanceUID = source.name_of(frame)
        header.StudyInstanceUID = source.identities.uid(source.first.StudyInstanceUID)
        header.SeriesInstanceUID = source.identities.uid(source.headers[frame.path].SeriesInstanceUID)
        made.setdefault(header.SOPInstanceUID, header)
    return list(made.values())
