"""Whether a DICOM object belongs to an examination: its patient, its study, and the space it lies in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from pydicom import Dataset

from myot2.core.errors import MyoT2Error
from myot2.export.dicom.identity import Identities

_READ = ["PatientID", "StudyInstanceUID", "FrameOfReferenceUID"]
_ASKED = {
    "PatientID": "patient identifier",
    "StudyInstanceUID": "study",
    "FrameOfReferenceUID": "frame of reference",
}


@dataclass(frozen=True)
class Examination:
    """What the objects of an examination may say whose they are: of each element the values allowed."""

    allowed: dict[str, frozenset[str]] = field(repr=False)

    def require(self, made: Dataset, where: str | Path) -> None:
        """Refuse an object of another patient, another study, or another space.

        Raises
        ------
        MyoT2Error
            It names a patient, a study or a frame of reference that the examination does not have; the message holds
            none of them.
        """
        for keyword, name in _ASKED.items():
            value = str(made.get(keyword) or "")
            if not value and keyword == "FrameOfReferenceUID":
                continue  # a report or a picture lies nowhere
            if value not in self.allowed[keyword]:
                raise MyoT2Error(
                    expected=f"an object of the {name} of the source images",
                    found="another" if value else "none",
                    where=where,
                    do="Give the examination that the object was made of; it is sent or taken for no other.",
                )


def examination_of(files: Iterable[Path], *identities: Identities) -> Examination:
    """What objects made of the images in some files may be called, under each of the identities."""
    headers = [
        pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_READ, force=True) for path in dict.fromkeys(files)
    ]
    allowed: dict[str, set[str]] = {keyword: set() for keyword in _ASKED}
    for one in identities:
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
            allowed[keyword] |= {one.uid(str(header[keyword].value)) for header in headers if header.get(keyword)}
        kept = {str(header.PatientID) for header in headers if header.get("PatientID")}
        allowed["PatientID"] |= kept if one.policy == "keep" else {one.participant}
    return Examination({keyword: frozenset(values) for keyword, values in allowed.items()})
