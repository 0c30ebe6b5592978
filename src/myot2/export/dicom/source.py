"""The headers of the source images, as far as an exported object names them: identifiers and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pydicom
import SimpleITK as sitk
from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from highdicom.content import CoordinateSystemNames
from pydicom import Dataset
from pydicom.uid import MRImageStorage

from myot2.core.errors import MyoT2Error
from myot2.core.images import require_same_grid
from myot2.core.source_series import SourceFrame, SourceSeries
from myot2.export.dicom.identity import KEPT, Identities

_NAMES = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
_TIMES = [f"{kind}{what}" for kind in ("Content", "Acquisition", "Series", "Study") for what in ("Date", "Time")]
_READ = ["SpecificCharacterSet", *_NAMES, *KEPT, *_TIMES]
UNNAMED = "2.25.0"
"""The UID of an object that has no name yet."""
_PATIENT = CoordinateSystemNames.PATIENT


@dataclass(frozen=True)
class Source:
    """A series with what its headers say whose it is, under the identities that are exported.

    `headers` are the source's own, by file: they never leave as they are.
    """

    series: SourceSeries
    identities: Identities
    headers: dict[Path, Dataset]

    @property
    def first(self) -> Dataset:
        """The header that stands for what all share."""
        return self.headers[self.series.frames[0].path]

    @property
    def frame_of_reference(self) -> str:
        """The frame of reference under which the objects are exported."""
        return self.identities.uid(self.first.FrameOfReferenceUID)

    def require_grid(self, image: sitk.Image, where: str | Path) -> None:
        """Raise `MyoT2Error` unless an image is on the grid of the series: nothing is resampled on its way out."""
        require_same_grid(image, self.series.grid, where=where, what="the result and the DICOM series it goes back to")

    def anchor(self) -> Dataset:
        """A header made anew, as of a classic image, from which an object takes patient, study and place.

        Its own name goes nowhere: `finish` writes the references.
        """
        anchor = self.identities.patient_and_study(self.first)
        anchor.SpecificCharacterSet = "ISO_IR 192"
        anchor.Modality = "MR"
        anchor.SOPClassUID, anchor.SOPInstanceUID = MRImageStorage, UNNAMED
        anchor.SeriesInstanceUID = self.identities.uid(self.first.SeriesInstanceUID)
        anchor.FrameOfReferenceUID = self.frame_of_reference
        anchor.PositionReferenceIndicator = ""
        anchor.Rows, anchor.Columns = self.series.matrix
        measures = self.pixel_measures()[0]
        for keyword in ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"):
            setattr(anchor, keyword, measures[keyword].value)
        anchor.ImageOrientationPatient = self.plane_orientation()[0].ImageOrientationPatient
        anchor.ImagePositionPatient = self.plane_positions()[0][0].ImagePositionPatient
        return anchor

    def name_of(self, frame: SourceFrame) -> tuple[str, str]:
        """SOP class and instance of the object that holds a plane."""
        header = self.headers[frame.path]
        return header.SOPClassUID, self.identities.uid(header.SOPInstanceUID)

    def pixel_measures(self) -> PixelMeasuresSequence:
        """Pixel size, thickness of a slice without its gap, and distance of slices."""
        columns, rows, slices = map(float, self.series.spacing)
        return PixelMeasuresSequence((rows, columns), self.series.thickness or slices, slices)

    def plane_orientation(self) -> PlaneOrientationSequence:
        """Directions of rows and columns."""
        return PlaneOrientationSequence(_PATIENT, self.series.direction[:, :2].T.ravel().tolist())

    def plane_positions(self) -> list[PlanePositionSequence]:
        """The place of each slice."""
        count = len(self.series.planes)
        return [PlanePositionSequence(_PATIENT, self.series.position(k).tolist()) for k in range(count)]

    def references(self, frames: Sequence[SourceFrame]) -> list[Dataset]:
        """One reference per plane, with its number where the object holds many."""
        return [_reference(*self.name_of(frame), frame.number) for frame in frames]


def read_source(series: SourceSeries, identities: Identities) -> Source:
    """Read the identifiers of every file of a series.

    Raises
    ------
    MyoT2Error
        A file lacks an identifier, or the files name several studies or frames of reference.
    """
    headers = {path: _header(path) for path in dict.fromkeys(frame.path for frame in series.frames)}
    for header in headers.values():
        missing = [name for name in _NAMES if not header.get(name)]
        if missing:
            raise _unusable(f"a source image without {', '.join(missing)}")
    for name in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if len({header[name].value for header in headers.values()}) > 1:
            raise _unusable(f"source images with several values of {name}")
    return Source(series, identities, headers)


def instance_references(sources: Iterable[Source]) -> list[Dataset]:
    """The module Common Instance Reference: every object of the sources, by series (of one study)."""
    by_series: dict[str, dict[str, Dataset]] = defaultdict(dict)
    for source in sources:
        for frame in source.series.frames:
            series = source.identities.uid(source.headers[frame.path].SeriesInstanceUID)
            sop_class, instance = source.name_of(frame)
            by_series[series].setdefault(instance, _reference(sop_class, instance))
    return [_series_reference(series, list(objects.values())) for series, objects in by_series.items()]


def _series_reference(series: str, objects: list[Dataset]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = series
    item.ReferencedInstanceSequence = objects
    return item


def _reference(sop_class: str, instance: str, number: int | None = None) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    if number is not None:
        item.ReferencedFrameNumber = number
    return item


def _header(path: Path) -> Dataset:
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_READ, force=True)
    header.decode()
    return header


def _unusable(found: str) -> MyoT2Error:
    return MyoT2Error(
        expected="source images of one study and one frame of reference, each with its identifiers",
        found=found,
        where="the series that the results were made of",
        do="Export the series again with complete headers.",
    )
