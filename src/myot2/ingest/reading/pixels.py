"""The stored values of image planes: where they stand, whether they can be trusted, and how they are read.

A stored value has BitsStored bits, of which the highest is HighBit, in a word of BitsAllocated (PS3.5 section 8.1.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.encaps import generate_frames

from myot2.ingest.reading.codecs import (
    Plane,
    Undecodable,
    decode_jpeg,
    decode_jpeg_2000,
    decode_jpeg_ls,
    decode_rle,
)
from myot2.ingest.reading.elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Header
from myot2.ingest.reading.facts import Facts
from myot2.ingest.reading.files import DicomFile

MAX_RATIO = 1000
"""How many times larger than the file decoded pixels may be; noise shrinks to a third losslessly, black to 1/500."""

Decoder = Callable[[bytes, int, int, int], Plane]

_NATIVE = {IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG}
_DECODERS: dict[str, Decoder] = {
    "1.2.840.10008.1.2.5": decode_rle,
    "1.2.840.10008.1.2.4.57": decode_jpeg,
    "1.2.840.10008.1.2.4.70": decode_jpeg,
    "1.2.840.10008.1.2.4.80": decode_jpeg_ls,
    "1.2.840.10008.1.2.4.90": decode_jpeg_2000,
}
LOSSLESS = frozenset(_NATIVE | set(_DECODERS))
"""The transfer syntaxes that keep every value; images in any other are refused."""

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_SHORT = "a file that ends before its pixels do"
_BITS = (8, 16, 32)


@dataclass(frozen=True)
class StoredPixels:
    """How the planes of one file are stored; `length` is None where they are encapsulated (compressed)."""

    file: DicomFile
    syntax: str
    offset: int
    length: int | None
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def plane_bytes(self) -> int:
        """Size of one decoded plane."""
        return self.rows * self.columns * self.bits_allocated // 8


def is_colour(facts: Facts) -> bool:
    """Whether a pixel is a colour: of several samples, or an index of a palette."""
    meaning = facts.text("PhotometricInterpretation")
    return (facts.whole("SamplesPerPixel") or 1) != 1 or bool(meaning and not meaning.startswith("MONOCHROME"))


def stored_pixels(file: DicomFile, header: Header, facts: Facts) -> StoredPixels | str:
    """How the pixels of a file are stored, or, in words fit for messages, why they cannot be used."""
    if is_colour(facts):
        return "a colour picture"
    if header.transfer_syntax not in LOSSLESS or facts.text("LossyImageCompression") == "01":
        return "a lossy or unknown compression, which changes values"
    if facts.holds("ModalityLUTSequence"):
        return "values stored through a look-up table"
    if header.pixels is None:
        return _SHORT
    allocated, stored = facts.whole("BitsAllocated"), facts.whole("BitsStored")
    high, signed = facts.whole("HighBit"), facts.whole("PixelRepresentation")
    high = stored - 1 if high is None and stored else high
    if allocated not in _BITS or not stored or not stored - 1 <= high < allocated or signed not in (0, 1):
        return "a form of numbers that no MR image has"
    pixels = StoredPixels(
        file,
        header.transfer_syntax,
        header.pixels.offset,
        header.pixels.length,
        facts.whole("NumberOfFrames") or 1,
        facts.whole("Rows"),
        facts.whole("Columns"),
        allocated,
        stored,
        high,
        bool(signed),
    )
    return _size_fault(pixels) or pixels


def read_planes(pixels: StoredPixels, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """The stored values (rows, columns) of the frames with these indices, as whole numbers.

    Raises
    ------
    Undecodable
        The pixels are damaged, lossy, or hold more than the header says.
    """
    planes = _native_planes if pixels.syntax in _NATIVE else _decoded_planes
    for plane in planes(pixels, indices):
        yield stored_values(plane, pixels)


def stored_values(plane: Plane, pixels: StoredPixels) -> np.ndarray:
    """The stored values in a plane's words, their sign extended.

    Raises
    ------
    Undecodable
        Bits beside the stored ones are set, which are neither zero nor copies of the sign: the header is wrong about
        the values, or an overlay is buried in them.
    """
    words, word_bits = plane.samples, plane.samples.dtype.itemsize * 8
    high, low = pixels.high_bit, pixels.high_bit + 1 - pixels.bits_stored
    if not pixels.signed:
        values = words >> low if low else words
        whole = not plane.signed and (pixels.bits_stored == word_bits or int(values.max()) >> pixels.bits_stored == 0)
        if not whole or (low and not np.array_equal(values << low, words)):
            raise Undecodable("values with bits beside those that the header says are stored")
        return values
    if plane.bits not in (pixels.bits_stored, pixels.bits_allocated):
        raise Undecodable("compressed pixels of another number of bits than the header states")
    words = words.view(f"{words.dtype.byteorder}i{words.dtype.itemsize}")
    if (up := word_bits - 1 - high) < 0:
        raise Undecodable("compressed pixels of another number of bits than the header states")
    extended = (words << up) >> up if up else words
    mask = words.dtype.type((1 << (high + 1)) - 1) if up else words.dtype.type(-1)
    padded = not up or np.array_equal(extended, words) or np.array_equal(words & mask, words)
    if not padded or (low and np.any(words & words.dtype.type((1 << low) - 1))):
        raise Undecodable("values with bits beside those that the header says are stored")
    return extended >> low if low else extended


def _size_fault(pixels: StoredPixels) -> str:
    """Why the sizes that the header states cannot be those of the file; empty where they can."""
    whole = pixels.plane_bytes * pixels.frames
    if pixels.length is None:
        if pixels.syntax in _NATIVE:
            return "encapsulated pixels in a transfer syntax without compression"
        return "pixels far larger than the file can hold" if whole > MAX_RATIO * pixels.file.size else ""
    if pixels.syntax not in _NATIVE:
        return "uncompressed pixels in a compressed transfer syntax"
    if pixels.offset + whole > pixels.file.size:
        return _SHORT
    return "" if pixels.length == whole + whole % 2 else "another number of pixels than the header states"


def _native_planes(pixels: StoredPixels, indices: Sequence[int]) -> Iterator[Plane]:
    order = ">" if pixels.syntax == EXPLICIT_BIG else "<"
    dtype = np.dtype(f"{order}u{pixels.bits_allocated // 8}")
    count = pixels.rows * pixels.columns
    for index in indices:
        words = np.fromfile(pixels.file.path, dtype, count, offset=pixels.offset + index * pixels.plane_bytes)
        if words.size != count:
            raise Undecodable(_SHORT)
        yield Plane(words.reshape(pixels.rows, pixels.columns), pixels.bits_allocated, False)


def _decoded_planes(pixels: StoredPixels, indices: Sequence[int]) -> Iterator[Plane]:
    with open(pixels.file.path, "rb") as handle:
        handle.seek(pixels.offset)
        encapsulated = handle.read()
    _require_whole(encapsulated)
    streams = list(generate_frames(encapsulated, number_of_frames=pixels.frames))
    if len(streams) != pixels.frames:
        raise Undecodable("another number of compressed frames than the header states")
    decode = _DECODERS[pixels.syntax]
    for index in indices:
        plane = decode(streams[index], pixels.rows, pixels.columns, pixels.bits_allocated)
        if plane.samples.shape != (pixels.rows, pixels.columns):
            raise Undecodable("compressed pixels of another size than the header states")
        yield plane


def _require_whole(encapsulated: bytes) -> None:
    """Raise `Undecodable` unless the items follow each other to the delimiter (PS3.5 section A.4): pydicom takes a
    stream that is cut short."""
    place = 0
    while encapsulated[place : place + 4] == _ITEM:
        place += 8 + int.from_bytes(encapsulated[place + 4 : place + 8], "little")
    if encapsulated[place : place + 4] != _DELIMITER:
        raise Undecodable(_SHORT)
