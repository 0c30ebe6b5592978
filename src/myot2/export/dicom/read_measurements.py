"""The numbers of a structured report by TID 1500, of whatever tool, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydicom import Dataset

from myot2.core.errors import MyoT2Error
from myot2.core.label_names import find_label
from myot2.core.labels import LabelTable
from myot2.export.dicom.read_segmentation import SIDES_BY_CODE, label_of_segment

_GROUP, _TRACKING, _DERIVATION = "125007", "112039", "121401"
_SITES = ("363698007", "G-C0E3")
_LATERALITY = ("272741003", "G-C171")
_FINDING = "121071"

DICTIONARY = {
    "region": {"Description": "name of the muscle in the label table; n/a where the report's names are not in it"},
    "side": {"Description": "the subject's own left or right"},
    "tracking_id": {"Description": "how the report calls the region"},
    "quantity": {"Description": "what was measured, as the report calls it"},
    "code": {"Description": "its code, scheme before value"},
    "derivation": {"Description": "how it was derived, such as Mean; n/a where the report does not say"},
    "value": {"Description": "the number, in the report's unit"},
    "unit": {"Description": "unit by UCUM"},
}
"""The columns of the table."""


@dataclass(frozen=True)
class _Group:
    tracking: str
    region: str | None
    side: str | None


def read_measurements(report: Dataset, table: LabelTable, *, where: str | Path) -> pd.DataFrame:
    """One row per number of each measurement group, with the columns of `DICTIONARY`, in the report's order.

    Raises
    ------
    MyoT2Error
        The object is no structured report, or has no measurement group with a number.
    """
    rows = [
        {
            "region": group.region,
            "side": group.side,
            "tracking_id": group.tracking,
            **_number(item),
        }
        for content in _groups(report)
        for group in [_described(content, table)]
        for item in content.get("ContentSequence", [])
        if item.get("ValueType") == "NUM" and item.get("MeasuredValueSequence")
    ]
    if not rows:
        raise MyoT2Error(
            expected="a structured report with measurement groups (TID 1500)",
            found="no number in one",
            where=where,
            do="Give the report of measurements.",
        )
    return pd.DataFrame(rows, columns=list(DICTIONARY))


def _groups(item: Dataset) -> Iterator[Dataset]:
    for child in item.get("ContentSequence", []):
        if child.get("ValueType") == "CONTAINER" and _name(child)[0] == _GROUP:
            yield child
        else:
            yield from _groups(child)


def _described(content: Dataset, table: LabelTable) -> _Group:
    """What a group is about: the site's code and side, else its tracking identifier or the finding's name."""
    tracking, names, concepts, sides = "", [], [], []
    for item in content.get("ContentSequence", []):
        code = _name(item)[0]
        if code == _TRACKING:
            tracking = str(item.get("TextValue", ""))
        elif code in (*_SITES, _FINDING) and item.get("ConceptCodeSequence"):
            concept = item.ConceptCodeSequence[0]
            concepts.append(concept)
            names.append(str(concept.get("CodeMeaning", "")))
            sides += filter(None, map(_side_of, item.get("ContentSequence", [])))
    label = find_label(table, tracking) if not tracking.isdecimal() else None
    for concept in concepts if label is None else ():
        label = label_of_segment(_as_segment(concept, sides), table) or label
    for name in names if label is None else ():
        label = find_label(table, f"{name} {sides[0]}" if sides else name) or label
    return _Group(tracking, label.name if label else None, label.side if label else (sides or [None])[0])


def _side_of(item: Dataset) -> str | None:
    if _name(item)[0] not in _LATERALITY or not item.get("ConceptCodeSequence"):
        return None
    return SIDES_BY_CODE.get(str(item.ConceptCodeSequence[0].get("CodeValue")))


def _as_segment(concept: Dataset, sides: list[str]) -> Dataset:
    """A concept and its side in the form in which a segment states them."""
    kind, segment = Dataset(), Dataset()
    kind.update(concept)
    if sides:
        modifier = Dataset()
        modifier.CodeValue = next(code for code, side in SIDES_BY_CODE.items() if side == sides[0])
        kind.SegmentedPropertyTypeModifierCodeSequence = [modifier]
    segment.SegmentedPropertyTypeCodeSequence = [kind]
    return segment


def _number(item: Dataset) -> dict[str, object]:
    measured = item.MeasuredValueSequence[0]
    code, scheme, meaning = _name(item)
    derivation = next(
        (
            str(child.ConceptCodeSequence[0].CodeMeaning)
            for child in item.get("ContentSequence", [])
            if _name(child)[0] == _DERIVATION and child.get("ConceptCodeSequence")
        ),
        None,
    )
    exact = measured.get("FloatingPointValue")
    return {
        "quantity": meaning,
        "code": f"{scheme}:{code}",
        "derivation": derivation,
        "value": float(measured.NumericValue if exact is None else exact),
        "unit": str(measured.MeasurementUnitsCodeSequence[0].CodeValue),
    }


def _name(item: Dataset) -> tuple[str, str, str]:
    """Code, scheme and meaning of an item's concept name; empty where it has none."""
    names = item.get("ConceptNameCodeSequence")
    if not names:
        return "", "", ""
    return tuple(str(names[0].get(what, "")) for what in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning"))
