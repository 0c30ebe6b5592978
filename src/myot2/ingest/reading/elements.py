"""The elements of a DICOM file up to its pixels: found by pydicom, their values left as bytes.

Reading is bounded: values longer than `MAX_VALUE` are passed over, and a header may ask for `MAX_READS` reads in all (a
frame of an enhanced object takes about 300), for nested items cost pydicom far more than their bytes: a file of a few
megabytes can hold a million empty ones.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

from pydicom import config as pydicom_config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import data_element_generator, read_sequence
from pydicom.valuerep import VR

from myot2.ingest.reading.files import DicomFile

MAX_VALUE = 1 << 16
MAX_READS = 1_000_000

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

Elements = dict[int, RawDataElement | DataElement]
"""Elements by tag as one number (group x 65536 + element), values still bytes; a `DataElement` is a sequence."""

_TRANSFER_SYNTAX = 0x00020010
_META_CLASS = 0x00020002
_PIXELS = 0x7FE00010
_PIXEL_TAGS = {_PIXELS, 0x7FE00009, 0x7FE00008}
_GROUP_SEQUENCES = (0x52009229, 0x52009230)
_REPRESENTATIONS = {*VR, None}
_ITEM = {True: b"\xfe\xff\x00\xe0", False: b"\xff\xfe\xe0\x00"}
_UNDEFINED = 0xFFFFFFFF


class UnusableHeader(ValueError):
    """A header holds a value that is not of its kind (not a number, infinite, wrong count), or too many of them."""


@dataclass(frozen=True)
class PixelElement:
    """Where Pixel Data (7FE0,0010) stands: the place of its value in the file, and its length (None: encapsulated)."""

    offset: int
    length: int | None


class DeflatedHeader(UnusableHeader):
    """A header that would have to be inflated before anything in it can be checked."""


class Allowance:
    """How many reads are left for one header."""

    def __init__(self) -> None:
        self.left = MAX_READS


class BrokenHeader(Exception):
    """Reading a header ended before its pixels; `elements` are those that were read until then."""

    def __init__(self, elements: Elements):
        self.elements = elements
        super().__init__("a damaged header")


@dataclass(frozen=True)
class Header:
    """What stands before the pixels. `sop_class` is that of the file's preface, empty where it has none.

    `pixels` is None where the file has no pixels, or pixels that are no whole numbers.
    """

    elements: Elements
    transfer_syntax: str
    sop_class: str
    pixels: PixelElement | None
    allowance: Allowance


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep pydicom from printing: its warnings quote header values, which may hold a name."""
    logger = logging.getLogger("pydicom")
    disabled, mode = logger.disabled, pydicom_config.settings.reading_validation_mode
    logger.disabled, pydicom_config.settings.reading_validation_mode = True, pydicom_config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled, pydicom_config.settings.reading_validation_mode = disabled, mode


def read_header(file: DicomFile) -> Header:
    """Read the elements of a file up to its pixels.

    Raises
    ------
    BrokenHeader
        The bytes are no DICOM, or more than is read of any header; its cause is what pydicom raised.
    """
    allowance, elements = Allowance(), {}
    with open(file.path, "rb") as handle:
        reader = _Reader(handle, file.size, allowance)
        try:
            reader.seek(132 if file.preamble else 0)
            meta = dict(_read_elements(reader, implicit=False, little=True, stop=_behind_meta))
            syntax = _uid(meta, _TRANSFER_SYNTAX)
            if meta and not (syntax and {element.VR for element in meta.values()} <= _REPRESENTATIONS):
                raise UnusableHeader("file meta information")
            if syntax == DEFLATED:
                raise DeflatedHeader
            implicit, little = _is_implicit(reader), syntax != EXPLICIT_BIG
            elements.update(_read_elements(reader, implicit=implicit, little=little, stop=_at_pixels))
            pixels = _pixel_element(reader, implicit, little)
            elements.update({tag: _whole(elements[tag], reader) for tag in _GROUP_SEQUENCES if tag in elements})
            sop_class = _uid(meta, _META_CLASS)
        except Exception as error:  # a damaged header can raise anything inside the parser
            raise BrokenHeader(elements) from error
    return Header(elements, syntax or (IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE), sop_class, pixels, allowance)


def is_sequence(element: RawDataElement | DataElement) -> bool:
    """Whether an element holds items; told by the items themselves, for implicit VR does not say it of private ones."""
    if isinstance(element, DataElement):
        return element.VR == "SQ"
    found = bool(element.value) and element.value[:4] == _ITEM[element.is_little_endian]
    if element.VR == "SQ" and element.length and not found:
        raise UnusableHeader("a sequence without items")
    return found


def items_of(element: RawDataElement | DataElement, allowance: Allowance) -> list[Elements]:
    """The items of a sequence."""
    if isinstance(element, DataElement):
        return [dict(item.items()) for item in element.value]
    reader = _Reader(BytesIO(element.value), len(element.value), allowance)
    items = read_sequence(reader, element.is_implicit_VR, element.is_little_endian, len(element.value), "iso8859")
    return [dict(item.items()) for item in items]


class _Reader:
    """A binary file of which no read takes more than there is, and which counts the reads."""

    def __init__(self, handle: BinaryIO, size: int, allowance: Allowance):
        self._read, self._size, self._allowance = handle.read, size, allowance
        self.seek, self.tell = handle.seek, handle.tell

    def read(self, count: int) -> bytes:
        allowance = self._allowance
        allowance.left -= 1
        if allowance.left < 0:
            raise UnusableHeader("more elements than any image has")
        return self._read(count if count < self._size else self._size)


def _behind_meta(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 2


def _at_pixels(tag: int, _vr: str | None, _length: int) -> bool:
    return tag in _PIXEL_TAGS


def _uid(meta: Elements, tag: int) -> str:
    """A UID of the file's preface, empty where it has none."""
    if tag not in meta:
        return ""
    if meta[tag].VR not in ("UI", None) or not meta[tag].value:
        raise UnusableHeader("file meta information")
    return meta[tag].value.decode("ascii", "replace").rstrip(" \0")


def _read_elements(
    reader: _Reader, *, implicit: bool, little: bool, stop: Callable[[int, str | None, int], bool]
) -> Iterator[tuple[int, RawDataElement | DataElement]]:
    elements = data_element_generator(reader, implicit, little, stop_when=stop, defer_size=MAX_VALUE)
    return ((int(element.tag), element) for element in elements)


def _is_implicit(reader: _Reader) -> bool:
    """Whether the elements have no value representation, by the first of them: some files are not as they say."""
    start = reader.tell()
    first = reader.read(6)
    reader.seek(start)
    return not (first[4:6].isalpha() and first[4:6].isupper())


def _pixel_element(reader: _Reader, implicit: bool, little: bool) -> PixelElement | None:
    """The element at which reading stopped, where it is Pixel Data (PS3.5 section 7.1)."""
    order = "<" if little else ">"
    head = reader.read(8 if implicit else 12)
    if len(head) != (8 if implicit else 12):
        return None
    group, number = struct.unpack(f"{order}HH", head[:4])
    if (group << 16 | number) != _PIXELS or not (implicit or head[4:6] in (b"OW", b"OB")):
        return None
    (length,) = struct.unpack(f"{order}L", head[-4:])
    return PixelElement(reader.tell(), None if length == _UNDEFINED else length)


def _whole(element: RawDataElement | DataElement, reader: _Reader) -> RawDataElement | DataElement:
    """The element with its value, where that was passed over for its length."""
    if isinstance(element, DataElement) or element.value is not None:
        return element
    reader.seek(element.value_tell)
    return element._replace(value=reader.read(element.length))
