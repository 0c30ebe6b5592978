"""What all exported objects have in common: equipment, references, UIDs by content, and no time of day."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes

from myot2 import __version__
from myot2.core.files import atomic
from myot2.core.labels import LabelTable
from myot2.export.dicom.source import UNNAMED, Source, instance_references

EQUIPMENT = {
    "manufacturer": "MyoT2",
    "manufacturer_model_name": "MyoT2",
    "software_versions": __version__,
    "device_serial_number": __version__,
}
CREATOR = "MyoT2^"
"""In place of a person: a family name and nothing else."""
SERIES_NUMBERS = {"seg-t2": 9901, "seg": 9902, "t2": 9903, "colour": 9904, "measures": 9905}
"""Far above those of scanners, so that a viewer lists them last."""


def reference_planes(made: Dataset, source: Source, *, echoes: bool) -> None:
    """Say of each frame from which source planes it was derived, by its place; `echoes`: from all of a slice."""
    places = np.array([source.series.position(plane) for plane in range(len(source.series.planes))])
    for frame in made.PerFrameFunctionalGroupsSequence:
        place = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        planes = source.series.planes[int(np.abs(places - place).sum(axis=1).argmin())]
        given = frame.get("DerivationImageSequence")
        derivation = given[0] if given else Dataset()
        derivation.SourceImageSequence = Items(
            _as_source(item, preserved=not source.series.tiled)
            for item in source.references(planes if echoes or source.series.tiled else planes[:1])
        )
        if "DerivationCodeSequence" not in derivation:
            derivation.DerivationCodeSequence = Items([_item(codes.DCM.UnspecifiedMethodOfCalculation)])
        frame.DerivationImageSequence = Items([derivation])


def thighs_shown(labels: np.ndarray, table: LabelTable) -> str:
    """Of which thigh a label map has labels: R, L, or B (both); U where they have no side, or there are none."""
    sides = {label.side for label in table.labels if label.index in np.unique(labels)} - {"none"}
    return "B" if len(sides) == 2 else {"right": "R", "left": "L"}.get("".join(sides), "U")


def anatomy_of(thighs: str, keyword: Literal["FrameLaterality", "ImageLaterality"]) -> Dataset:
    """Which part of the body frames or a picture show, and of which side, as `thighs_shown` gives it."""
    anatomy = Dataset()
    setattr(anatomy, keyword, thighs)
    anatomy.AnatomicRegionSequence = Items([_item(codes.SCT.Thigh)])
    return anatomy


def finish(made: Dataset, sources: Sequence[Source], kind: str) -> Dataset:
    """Give an object its references, times and UIDs; returns it.

    `sources[0]` is the series of whose study it is.
    """
    source = sources[0]
    if "ReferencedSeriesSequence" in made:
        made.ReferencedSeriesSequence = Items(instance_references(sources))
    made.pop("SourceImageSequence", None)
    for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
        made.pop(keyword, None)
    for equipment in made.get("ContributingEquipmentSequence", []):
        equipment.pop("ContributionDateTime", None)
    made.ContentDate, made.ContentTime = source.identities.content_time(source.first)
    whose = source.anchor()
    for keyword in ("PatientIdentityRemoved", "DeidentificationMethod"):
        if keyword in whose:
            made[keyword] = whose[keyword]
    name_by_content(made, source, kind)
    return made


def name_by_content(made: Dataset, source: Source, kind: str) -> None:
    """UIDs of instance, series and dimensions, from the key and the bytes of the object without them."""
    identities = source.identities
    _name(made, UNNAMED, UNNAMED, UNNAMED)
    content = hashlib.sha256(bytes_of(made)).hexdigest()
    words = (kind, source.first.StudyInstanceUID, content)
    _name(made, *(identities.new_uid(what, *words) for what in ("instance", "series", "dimensions")))


def bytes_of(made: Dataset) -> bytes:
    """An object as the file that holds it."""
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def write_object(made: Dataset, path: str | Path) -> None:
    """Write an object atomically; equal objects give equal bytes."""
    with atomic(path) as temporary:
        temporary.write_bytes(bytes_of(made))


def _name(made: Dataset, instance: str, series: str, dimensions: str) -> None:
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = instance
    made.SeriesInstanceUID = series
    items: Iterable[Dataset] = [*made.get("DimensionOrganizationSequence", []), *made.get("DimensionIndexSequence", [])]
    for item in items:
        item.DimensionOrganizationUID = dimensions


def _as_source(reference: Dataset, *, preserved: bool) -> Dataset:
    reference.PurposeOfReferenceCodeSequence = Items([_item(codes.DCM.SourceImageForImageProcessingOperation)])
    reference.SpatialLocationsPreserved = "YES" if preserved else "NO"
    return reference


def _item(code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
