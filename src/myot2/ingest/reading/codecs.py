"""Compressed pixels: what a stream says of itself is checked against the header before it is decoded.

The decoders are those of imagecodecs (BSD-3-Clause; libjpeg-turbo, CharLS, OpenJPEG and its own PackBits). Only streams
that are lossless by their own markers are decoded, for a transfer syntax can be wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import imagecodecs
import numpy as np

_JPEG_END_OF_HEADER = (0xDA, 0xD9)
_JPEG_LOSSLESS, _JPEG_LS = 0xC3, 0xF7
_JPEG_FRAMES = {*range(0xC0, 0xD0), _JPEG_LS} - {0xC4, 0xC8, 0xCC}
_J2K_SIZE, _J2K_CODING, _J2K_TILE = 0x51, 0x52, 0x90
_J2K_REVERSIBLE = 1


class Undecodable(ValueError):
    """A stream that is damaged, not what the header says, or lossy; the text is fit for messages."""


@dataclass(frozen=True)
class Plane:
    """A decoded plane (rows, columns), with how many bits its samples have and whether those hold a sign."""

    samples: np.ndarray
    bits: int
    signed: bool


@dataclass(frozen=True)
class _Stream:
    rows: int
    columns: int
    components: int
    bits: int
    signed: bool


def decode_rle(stream: bytes, rows: int, columns: int, bits: int) -> Plane:
    """Decode an RLE frame (PS3.5 annex G) of samples of 8, 16 or 32 bits."""
    if len(stream) < 64 or struct.unpack("<L", stream[:4])[0] * 8 != bits:
        raise Undecodable("RLE pixels of another number of bytes than the header states")
    dtype = np.dtype(f"<u{bits // 8}")
    decoded = imagecodecs.dicomrle_decode(stream, dtype=dtype, out=rows * columns * dtype.itemsize)
    return Plane(np.frombuffer(decoded, dtype).reshape(rows, columns), bits, False)


def decode_jpeg(stream: bytes, rows: int, columns: int, _bits: int) -> Plane:
    """Decode lossless JPEG (ISO 10918-1, process 14)."""
    described = _jpeg(stream, _JPEG_LOSSLESS)
    return _checked(described, imagecodecs.jpeg_decode, stream, rows, columns)


def decode_jpeg_ls(stream: bytes, rows: int, columns: int, _bits: int) -> Plane:
    """Decode lossless JPEG-LS (ISO 14495-1)."""
    described = _jpeg(stream, _JPEG_LS)
    return _checked(described, imagecodecs.jpegls_decode, stream, rows, columns)


def decode_jpeg_2000(stream: bytes, rows: int, columns: int, _bits: int) -> Plane:
    """Decode reversible JPEG 2000 (ISO 15444-1)."""
    return _checked(_jpeg_2000(stream), imagecodecs.jpeg2k_decode, stream, rows, columns)


def _checked(
    described: _Stream, decode: Callable[[bytes], np.ndarray], stream: bytes, rows: int, columns: int
) -> Plane:
    if (described.rows, described.columns, described.components) != (rows, columns, 1):
        raise Undecodable("compressed pixels of another size than the header states")
    return Plane(decode(stream), described.bits, described.signed)


def _jpeg(stream: bytes, wanted: int) -> _Stream:
    """What the headers of a JPEG or JPEG-LS stream say; raise `Undecodable` where they are not lossless."""
    described = None
    for marker, segment in _segments(stream, b"\xff\xd8", _JPEG_END_OF_HEADER):
        if marker in _JPEG_FRAMES:
            if marker != wanted or described:
                raise Undecodable("a lossy compression, which changes values")
            bits, rows, columns, components = struct.unpack(">BHHB", segment[:6])
            described = _Stream(rows, columns, components, bits, False)
        elif marker == 0xDA and wanted == _JPEG_LS and segment[1 + 2 * segment[0]] != 0:
            raise Undecodable("a lossy compression, which changes values")
    if described is None:
        raise Undecodable("damaged compressed pixels")
    return described


def _jpeg_2000(stream: bytes) -> _Stream:
    """What the main header of a JPEG 2000 codestream says; raise `Undecodable` where it is not reversible."""
    described, reversible = None, False
    for marker, segment in _segments(stream, b"\xff\x4f", (_J2K_TILE,)):
        if marker == _J2K_SIZE:
            columns, rows, left, top = struct.unpack(">4L", segment[2:18])
            (components,) = struct.unpack(">H", segment[34:36])
            depth = segment[36]
            described = _Stream(rows - top, columns - left, components, (depth & 0x7F) + 1, bool(depth & 0x80))
        elif marker == _J2K_CODING:
            reversible = segment[9] == _J2K_REVERSIBLE
    if described is None:
        raise Undecodable("damaged compressed pixels")
    if not reversible:
        raise Undecodable("a lossy compression, which changes values")
    return described


def _segments(stream: bytes, start: bytes, last: tuple[int, ...]) -> Iterator[tuple[int, bytes]]:
    """The marker segments of a stream's header, to the first of `last` inclusive."""
    if stream[:2] != start:
        raise Undecodable("damaged compressed pixels")
    place = 2
    while place + 4 <= len(stream):
        fill, marker, length = struct.unpack(">BBH", stream[place : place + 4])
        segment = stream[place + 4 : place + 2 + length]
        if fill != 0xFF or len(segment) != length - 2:
            raise Undecodable("damaged compressed pixels")
        yield marker, segment
        if marker in last:
            return
        place += 2 + length
