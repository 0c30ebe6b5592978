"""A label map as a DICOM segmentation: BINARY, one segment per muscle and side."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import SimpleITK as sitk
from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes

from myot2 import __version__
from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of
from myot2.core.labels import Label, LabelTable, require_known
from myot2.export.dicom.concepts import NOT_VERIFIED, SIDES, category_of, segment_name, structure_of
from myot2.export.dicom.finish import CREATOR, EQUIPMENT, SERIES_NUMBERS, finish, reference_planes
from myot2.export.dicom.source import UNNAMED, Source

Algorithm = Literal["automatic", "semi-automatic", "manual"]
_ALGORITHMS = {
    "automatic": SegmentAlgorithmTypeValues.AUTOMATIC,
    "semi-automatic": SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
    "manual": SegmentAlgorithmTypeValues.MANUAL,
}


def segmentation(
    labels: sitk.Image, table: LabelTable, source: Source, algorithm: Algorithm, *, kind: str, where: str | Path
) -> Segmentation:
    """The segmentation object of a label map.

    Parameters
    ----------
    labels : SimpleITK.Image
        On the grid of the source; 0 is no label.
    table : LabelTable
    source : Source
        The series whose grid it is on.
    algorithm : str
        How the labels came to be: by the network alone, corrected by a reader, or drawn.
    kind : str
        `seg` or `seg-t2`, for the series number.
    where : str or Path
        The label map, for messages.

    Raises
    ------
    MyoT2Error
        Another grid, a number that the table does not know, or no label at all.
    """
    source.require_grid(labels, where)
    voxels = array_of(labels)
    require_known(voxels, table, where)
    present = [label for label in table.labels if (voxels == label.index).any()]
    if not present:
        raise MyoT2Error(
            expected="a label map with at least one label",
            found="none",
            where=where,
            do="Look at the segmentation of this scan; an empty one has nothing to export.",
        )
    number_of = np.zeros(max(label.index for label in present) + 1, np.uint8 if len(present) < 256 else np.uint16)
    for number, label in enumerate(present, start=1):
        number_of[label.index] = number
    made = Segmentation(
        source_images=[source.anchor()],
        pixel_array=number_of[voxels],
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[_described(n, label, source, algorithm) for n, label in enumerate(present, start=1)],
        series_instance_uid=UNNAMED,
        series_number=SERIES_NUMBERS[kind],
        sop_instance_uid=UNNAMED,
        instance_number=1,
        content_label="MUSCLES",
        content_description="Muscles and bones, by MyoT2; research use only",
        content_creator_name=CREATOR,
        series_description=f"Muscle masks on the {'T2' if kind == 'seg-t2' else 'Dixon'} series",
        pixel_measures=source.pixel_measures(),
        plane_orientation=source.plane_orientation(),
        plane_positions=source.plane_positions(),
        omit_empty_frames=True,
        **EQUIPMENT,
    )
    reference_planes(made, source, echoes=False)
    return finish(made, [source], kind)


def _described(number: int, label: Label, source: Source, algorithm: Algorithm) -> SegmentDescription:
    structure = structure_of(label)
    name = segment_name(label)
    made = SegmentDescription(
        segment_number=number,
        segment_label=name,
        segmented_property_category=category_of(label),
        segmented_property_type=structure.concept,
        algorithm_type=_ALGORITHMS[algorithm],
        algorithm_identification=None if algorithm == "manual" else _algorithm(),
        tracking_uid=source.identities.new_uid("muscle", source.first.StudyInstanceUID, name),
        tracking_id=name,
        display_color=_colour(label.colour),
    )
    if not structure.verified:
        made.SegmentDescription = (name + NOT_VERIFIED)[:1024]
    if label.side in SIDES:
        made.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = Items([_side(label)])
    return made


def _side(label: Label) -> Dataset:
    code, item = SIDES[label.side], Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _algorithm() -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence("MyoT2 segment", codes.DCM.ArtificialIntelligence, __version__)


def _colour(colour: str) -> CIELabColor | None:
    digits = colour.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        return None
    return CIELabColor.from_rgb(red, green, blue)
