"""The coded concepts of labels and quantities.

SNOMED CT and FMA codes stand in the label table. A code that nobody verified is exported only where there is no
verified one, and its meaning says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from myot2.core.labels import Label

UNVERIFIED = "?"
NOT_VERIFIED = " (code not verified)"

SIDES = {"left": codes.SCT.Left, "right": codes.SCT.Right}
T2 = codes.DCM.T2
MILLISECOND = CodedConcept("ms", "UCUM", "ms")
MILLILITRE = CodedConcept("ml", "UCUM", "ml")
VOLUME = CodedConcept("118565006", "SCT", "Volume")
MEAN = codes.SCT.Mean
STANDARD_DEVIATION = codes.SCT.StandardDeviation

_MUSCLE = CodedConcept.from_code(codes.SCT.MuscleOfLowerLimb)
_SCHEMES = (("snomed", "SCT"), ("fma", "FMA"))


@dataclass(frozen=True)
class Structure:
    """The concept of a label without its side, and whether its code is verified."""

    concept: CodedConcept
    verified: bool


def structure_of(label: Label) -> Structure:
    """The concept that names a muscle or bone: SNOMED CT before FMA, verified before unverified.

    A label without either is a muscle of the lower limb (SCT 102292000), unverified; the segment's label names it.
    """
    given = [(getattr(label, column), scheme) for column, scheme in _SCHEMES]
    known = [(code, scheme) for code, scheme in given if code and code != "n/a"]
    for code, scheme in known:
        if not code.endswith(UNVERIFIED):
            return Structure(CodedConcept(code, scheme, _meaning(label)), verified=True)
    for code, scheme in known:
        meaning = _meaning(label)[: 64 - len(NOT_VERIFIED)] + NOT_VERIFIED
        return Structure(CodedConcept(code.removesuffix(UNVERIFIED), scheme, meaning), verified=False)
    return Structure(_MUSCLE, verified=False)


def category_of(label: Label) -> CodedConcept:
    """What kind of thing a label is (CID 7150): anatomical structure."""
    return CodedConcept.from_code(codes.SCT.AnatomicalStructure)


def segment_name(label: Label) -> str:
    """How a label is called in a viewer's list; LO, 64 characters."""
    return (label.name if label.side == "none" else f"{label.name}, {label.side}")[:64]


def _meaning(label: Label) -> str:
    return label.name[:64]
