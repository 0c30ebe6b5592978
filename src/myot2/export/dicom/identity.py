"""Whose an exported object is, and by which UIDs it is known.

Under `keep` it carries patient and study of the source images as they are. Under `pseudonym` the participant id stands
for the patient, and every UID of the source becomes a keyed pseudonym; dates and times are left out, and where the
standard wants one it is 1 January 1900 at midnight.
New UIDs are made from the site's key and the content of the object (PS3.5 B.2: 2.25 and a UUID, here of version 8): the
same content gives the same UID, any other content another.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydicom import Dataset
from pydicom.valuerep import validate_value

from myot2.core.errors import MyoT2Error

Policy = Literal["keep", "pseudonym"]

NO_DATE, NO_TIME = "19000101", "000000"
"""Where the standard demands a date and none may be told, or the source has none."""

KEPT = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    "StudyDescription",
)
"""What `keep` copies: the modules Patient and General Study, as far as they say whose an examination is."""

_EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_SEXES = ("M", "F", "O", "")
_UUID_VERSION, _UUID_VARIANT = 0x8 << 76, 0x2 << 62
_UUID_FREE = ~((0xF << 76) | (0x3 << 62))


@dataclass(frozen=True)
class Identities:
    """How identities of a scan's objects come to be.

    `pseudonym` gives 32 hexadecimal digits of a text by the site's key, and nobody else can; `participant` is the
    participant id.
    """

    pseudonym: Callable[[str], str] = field(repr=False)
    policy: Policy
    participant: str

    def uid(self, source: str) -> str:
        """The UID under which an object of the source is named in what is exported."""
        return source if self.policy == "keep" else self.new_uid("source", source)

    def new_uid(self, *what: str) -> str:
        """A UID for what the words name."""
        digits = int(self.pseudonym("\0".join(what)), 16)
        return f"2.25.{digits & _UUID_FREE | _UUID_VERSION | _UUID_VARIANT}"

    def patient_and_study(self, source: Dataset) -> Dataset:
        """The elements that say whose an object is, of the header of a source image.

        Raises
        ------
        MyoT2Error
            The source names no study.
        """
        study = source.get("StudyInstanceUID")
        if not study:
            raise MyoT2Error(
                expected="source images that name their study",
                found="no StudyInstanceUID",
                where="the series that the results were made of",
                do="Export the series again with complete headers.",
            )
        whose = Dataset()
        for keyword in _EMPTY:
            setattr(whose, keyword, "")
        if self.policy == "keep":
            whose.update({keyword: source[keyword].value for keyword in KEPT if _is_valid(source, keyword)})
        else:
            whose.PatientID = self.participant
            whose.PatientName = f"{self.participant}^"  # a family name and nothing else
            whose.PatientIdentityRemoved = "YES"
            whose.DeidentificationMethod = "MyoT2: built anew, UIDs keyed, nothing copied"
        whose.StudyInstanceUID = self.uid(study)
        return whose

    def content_time(self, source: Dataset) -> tuple[str, str]:
        """Date and time of content: under `keep` those of the source, for a rerun is to give equal bytes."""
        if self.policy == "keep":
            for kind in ("Content", "Acquisition", "Series", "Study"):
                date, time = str(source.get(f"{kind}Date") or ""), str(source.get(f"{kind}Time") or "")
                if re.fullmatch(r"[0-9]{8}", date) and _is_valid(source, f"{kind}Date"):
                    return date, time if time and _is_valid(source, f"{kind}Time") else NO_TIME
        return NO_DATE, NO_TIME


def _is_valid(source: Dataset, keyword: str) -> bool:
    """Whether a header has an element that may be passed on as it is."""
    if keyword not in source:
        return False
    element = source[keyword]
    if keyword == "PatientSex":
        return str(element.value or "") in _SEXES
    try:
        validate_value(element.VR, element.value, 2)  # 2: an error where it is malformed
    except ValueError:
        return False
    return True
