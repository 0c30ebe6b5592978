"""Typed look-up of header elements, from the most specific place that holds them to the most general.

In an enhanced object an element of a frame stands in the frame's own functional groups, else in the shared ones, else
in the object itself (PS3.3 C.7.6.16.1.1); in a classic object there is only the last.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_PHILIPS_CREATOR = "Philips MR Imaging DD 001"


class UnusableHeader(ValueError):
    """A header holds a value that is not of its kind (not a number, infinite, wrong count)."""


@dataclass(frozen=True)
class RealWorld:
    """How stored values become physical ones (0040,9096): slope, intercept, and the UCUM code of the unit."""

    slope: float
    intercept: float
    unit: str


class Facts:
    """The elements of one image plane.

    Parameters
    ----------
    datasets : sequence of Dataset
        Where to look, the most specific first.
    """

    def __init__(self, datasets: Sequence[Dataset]):
        self._datasets = datasets

    def value(self, keyword: str) -> Any:
        """The first value that is not empty, or None."""
        for dataset in self._datasets:
            value = dataset.get(keyword)
            if value is not None and value != "" and not (isinstance(value, MultiValue) and not value):
                return value
        return None

    def text(self, keyword: str) -> str:
        """The value as one text; parts that a backslash separates are joined by a space."""
        return " ".join(self.tokens(keyword))

    def tokens(self, keyword: str) -> tuple[str, ...]:
        """The values as texts, trimmed."""
        value = self.value(keyword)
        if value is None:
            return ()
        values = value if isinstance(value, MultiValue | list | tuple) else [value]
        return tuple(str(one).strip() for one in values)

    def number(self, keyword: str) -> float | None:
        """The value as one finite number, or None where there is none; the first of several."""
        value = self.value(keyword)
        if value is None:
            return None
        return _finite([value[0] if isinstance(value, MultiValue) else value], keyword)[0]

    def whole(self, keyword: str) -> int | None:
        """The value as a whole number, or None where there is none."""
        number = self.number(keyword)
        return None if number is None else int(number)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """The values as `count` finite numbers, or None where there are none."""
        value = self.value(keyword)
        if value is None:
            return None
        values = _finite(value if isinstance(value, MultiValue) else [value], keyword)
        if len(values) != count:
            raise UnusableHeader(keyword)
        return values

    def scale_slope(self) -> float | None:
        """The Philips scale slope (2005,xx0E), by which the signal is comparable between images; None elsewhere."""
        for dataset in self._datasets:
            for block in range(0x10, 0x18):
                creator = dataset.get((0x2005, block))
                if creator is not None and str(creator.value).strip() == _PHILIPS_CREATOR:
                    element = dataset.get((0x2005, (block << 8) + 0x0E))
                    if element is not None:
                        return _positive(_float32(element.value))
        return None

    def real_world(self) -> RealWorld | None:
        """The mapping to physical values, or None where there is none, or not one of slope and intercept."""
        mappings = self.value("RealWorldValueMappingSequence")
        if not mappings:
            return None
        facts = Facts([mappings[0]])
        units = facts.value("MeasurementUnitsCodeSequence")
        slope, intercept = facts.number("RealWorldValueSlope"), facts.number("RealWorldValueIntercept")
        if len(mappings) != 1 or not units or slope is None or intercept is None:
            return None
        return RealWorld(slope, intercept, Facts([units[0]]).text("CodeValue"))


def facts_of_frame(dataset: Dataset, index: int) -> Facts:
    """The facts of one frame of an enhanced object; its private functional groups count only for the scale slope."""
    own = dataset.PerFrameFunctionalGroupsSequence[index]
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return Facts([*_groups(own), *_groups(shared[0]), dataset, *_philips_frame(own)])


def _groups(item: Dataset) -> list[Dataset]:
    return [element.value[0] for element in item if _is_group(element) and not element.tag.is_private]


def _philips_frame(item: Dataset) -> Iterable[Dataset]:
    """The Philips private group of a frame, reduced to its own private elements: its public ones differ from the
    frame's (a position half a voxel off, seen on an Achieva)."""
    for element in item:
        if element.tag.group == 0x2005 and _is_group(element):
            private = Dataset()
            private.update({one.tag: one for one in element.value[0] if one.tag.is_private})
            yield private


def _is_group(element: Any) -> bool:
    return element.VR == "SQ" and bool(element.value)


def _finite(values: Iterable[Any], keyword: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise UnusableHeader(keyword) from error
    if not all(map(math.isfinite, numbers)):
        raise UnusableHeader(keyword)
    return numbers


def _float32(value: Any) -> float:
    """A private FL element; with implicit VR it arrives as bytes."""
    if isinstance(value, bytes):
        if len(value) != 4:
            raise UnusableHeader("scale slope")
        return struct.unpack("<f", value)[0]
    return _finite([value], "scale slope")[0]


def _positive(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise UnusableHeader("scale slope")
    return value
