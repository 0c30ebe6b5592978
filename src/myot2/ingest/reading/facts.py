"""Typed look-up of header elements, from the most specific place that holds them to the most general.

In an enhanced object an element of a frame stands in the frame's own functional groups, else in the shared ones, else
in the object itself (PS3.3 C.7.6.16.1.1); in a classic object there is only the last. Values are read strictly: an
element that is there and is not of its kind makes the header unusable, and is never taken for an absent one.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from pydicom.datadict import dictionary_VR, tag_for_keyword

from myot2.ingest.reading.elements import Allowance, Elements, Header, UnusableHeader, is_sequence, items_of

_TEXT = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
_NUMBER_TEXT = frozenset(["DS", "IS"])
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_UID = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)

_SHARED_GROUPS = 0x52009229
_FRAME_GROUPS = 0x52009230
_OF_VENDOR = {0x00080008, 0x00180020}
"""Public elements that count in a private group: ImageType and ScanningSequence, which Philips writes nowhere else. The
others differ from the frame's own (a position half a voxel off, seen on an Achieva)."""


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
    places : sequence of Elements
        Where to look, the most specific first.
    allowance : Allowance
        Of the header.
    vendor : sequence of Elements
        Items of private groups of the plane: looked into for private elements, and by `of_vendor`.
    """

    def __init__(self, places: Sequence[Elements], allowance: Allowance, vendor: Sequence[Elements] = ()):
        self._places, self._allowance, self._vendor = places, allowance, vendor

    @property
    def of_vendor(self) -> Facts:
        """The facts that private groups alone hold."""
        return Facts(self._vendor, self._allowance)

    def text(self, keyword: str) -> str:
        """The value as one text; parts that a backslash separates are joined by a space."""
        return " ".join(self.tokens(keyword))

    def tokens(self, keyword: str) -> tuple[str, ...]:
        """The values as texts, trimmed."""
        value = self._value(*_element(keyword), keyword)
        return () if value is None else _tokens(value.data)

    def uid(self, keyword: str) -> str:
        """The value as a unique identifier, or empty where there is none."""
        text = self.text(keyword)
        if text and not _UID.fullmatch(text):
            raise UnusableHeader(keyword)
        return text

    def digest_input(self, keyword: str) -> bytes:
        """The value's bytes, trimmed: to tell values apart whatever their character set."""
        value = self._value(*_element(keyword), keyword)
        return b"" if value is None else value.data.strip(b" \0")

    def number(self, keyword: str) -> float | None:
        """The value as one finite number, or None where there is none."""
        values = self.numbers(keyword, 1)
        return None if values is None else values[0]

    def whole(self, keyword: str) -> int | None:
        """The value as a whole number, or None where there is none."""
        number = self.number(keyword)
        if number is not None and not number.is_integer():
            raise UnusableHeader(keyword)
        return None if number is None else int(number)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """The values as `count` finite numbers, or None where there are none."""
        value = self._value(*_element(keyword), keyword)
        return None if value is None else _numbers(value, count)

    def private_number(self, group: int, creator: str, offset: int, vr: str) -> float | None:
        """One finite number of a vendor's private block, or None where there is none."""
        value = self._private(group, creator, offset, vr)
        return None if value is None else _numbers(value, 1)[0]

    def private_tokens(self, group: int, creator: str, offset: int, vr: str) -> tuple[str, ...]:
        """The texts of an element of a vendor's private block."""
        value = self._private(group, creator, offset, vr)
        return () if value is None else _tokens(value.data)

    def holds(self, keyword: str) -> bool:
        """Whether the element is there, whatever its value."""
        tag, _ = _element(keyword)
        return any(tag in place for place in self._places)

    def items(self, keyword: str) -> list[Facts]:
        """The items of a sequence, each as facts of its own."""
        tag, _ = _element(keyword)
        for place in self._places:
            if tag not in place or getattr(place[tag], "length", 1) == 0:
                continue
            if not is_sequence(place[tag]):
                raise UnusableHeader(keyword)
            return [Facts([item], self._allowance) for item in items_of(place[tag], self._allowance)]
        return []

    def real_world(self) -> RealWorld | None:
        """The mapping to physical values, or None where there is none, or not one of slope and intercept."""
        mappings = self.items("RealWorldValueMappingSequence")
        if len(mappings) != 1:
            return None
        (mapping,) = mappings
        units = mapping.items("MeasurementUnitsCodeSequence")
        slope, intercept = mapping.number("RealWorldValueSlope"), mapping.number("RealWorldValueIntercept")
        if not units or slope is None or intercept is None:
            return None
        return RealWorld(slope, intercept, units[0].text("CodeValue"))

    def _value(self, tag: int, vr: str, name: str) -> _Value | None:
        """The first value that is not empty."""
        for place in self._places:
            value = _value_of(place, tag, vr, name)
            if value is not None:
                return value
        return None

    def _private(self, group: int, creator: str, offset: int, vr: str) -> _Value | None:
        for place, block in self._blocks.get((group, creator), ()):
            value = _value_of(place, group << 16 | block << 8 | offset, vr, "private")
            if value is not None:
                return value
        return None

    @cached_property
    def _blocks(self) -> dict[tuple[int, str], list[tuple[Elements, int]]]:
        """The places and blocks that each creator of private elements has reserved (PS3.5 section 7.8.1)."""
        blocks: dict[tuple[int, str], list[tuple[Elements, int]]] = {}
        for place in (*self._places, *self._vendor):
            for tag, element in place.items():
                if tag & 0x10000 and 0x10 <= tag & 0xFFFF <= 0xFF and isinstance(element.value, bytes):
                    creator = element.value.decode("ascii", "replace").strip(" \0")
                    blocks.setdefault((tag >> 16, creator), []).append((place, tag & 0xFF))
        return blocks


@dataclass(frozen=True)
class _Value:
    """The bytes of an element, what they are, and their order."""

    data: bytes
    vr: str
    little: bool
    name: str


def facts_of_object(header: Header) -> Facts:
    """The facts of a classic object, or those that all frames of an enhanced one share at its top."""
    return Facts([header.elements], header.allowance)


def facts_of_frames(header: Header) -> Iterator[Facts]:
    """The facts of the frames of an enhanced object, in their order."""
    allowance = header.allowance
    shared_items = _items(header.elements, _SHARED_GROUPS, allowance)
    shared, shared_vendor = _flat(shared_items[0], allowance) if shared_items else ({}, [])
    for item in _items(header.elements, _FRAME_GROUPS, allowance):
        own, vendor = _flat(item, allowance)
        yield Facts([own, shared, header.elements], allowance, [*vendor, *shared_vendor])


def _items(elements: Elements, tag: int, allowance: Allowance) -> list[Elements]:
    return items_of(elements[tag], allowance) if tag in elements and is_sequence(elements[tag]) else []


def _flat(groups: Elements, allowance: Allowance) -> tuple[Elements, list[Elements]]:
    """The elements of all public functional groups together, and the items of the private ones."""
    flat, vendor = dict(groups), []
    for tag, element in groups.items():
        items = items_of(element, allowance) if is_sequence(element) else []
        if not items:
            continue
        if tag & 0x10000:
            vendor.append({key: one for key, one in items[0].items() if key & 0x10000 or key in _OF_VENDOR})
        else:
            for key, one in items[0].items():
                flat.setdefault(key, one)
    return flat, vendor


@cache
def _element(keyword: str) -> tuple[int, str]:
    """Tag and value representation of a public element."""
    tag = tag_for_keyword(keyword)
    return tag, dictionary_VR(tag)


def _kind(vr: str) -> str:
    """Value representations that are read alike."""
    return "text" if vr in _TEXT else "decimal" if vr in _NUMBER_TEXT else vr


def _value_of(place: Elements, tag: int, vr: str, name: str) -> _Value | None:
    """The value of an element, or None where it is absent or empty.

    Raises `UnusableHeader` where it is cut short, longer than any such value, or of another kind than its tag's.
    """
    element = place.get(tag)
    if element is None or not element.value and not getattr(element, "length", 0):
        return None
    stated = element.VR if element.VR not in (None, "UN") else vr
    data = element.value
    if not isinstance(data, bytes) or len(data) != element.length or _kind(stated) != _kind(vr):
        raise UnusableHeader(name)
    if vr not in _BINARY and not data.strip(b" \0"):
        return None
    return _Value(data, stated, element.is_little_endian, name)


def _tokens(data: bytes) -> tuple[str, ...]:
    """Texts that backslashes separate, without spaces around them and the NUL that pads to even length (PS3.5 6.2)."""
    return tuple(part.strip(" ") for part in data.rstrip(b"\0").decode("ascii", "replace").split("\\"))


def _numbers(value: _Value, count: int) -> tuple[float, ...]:
    """Exactly `count` finite numbers."""
    if code := _BINARY.get(value.vr):
        form = f"{'<' if value.little else '>'}{count}{code}"
        if len(value.data) != struct.calcsize(form):
            raise UnusableHeader(value.name)
        numbers = tuple(map(float, struct.unpack(form, value.data)))
    else:
        tokens = _tokens(value.data)
        if len(tokens) != count or not all(map(_DECIMAL.fullmatch, tokens)):
            raise UnusableHeader(value.name)
        numbers = tuple(map(float, tokens))
    if not all(map(math.isfinite, numbers)):
        raise UnusableHeader(value.name)
    return numbers
