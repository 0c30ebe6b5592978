"""A multipart answer that holds one object, written to a file while it comes in (RFC 2046; PS3.18 section 8.6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from email.message import EmailMessage
from typing import BinaryIO

_MAX_HEAD = 2**14


class BadMultipart(Exception):
    """The answer is of another form; the text says in which way."""


class Truncated(BadMultipart):
    """The answer ends before its closing boundary."""


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type names; raises `BadMultipart` where it names none."""
    message = EmailMessage()
    try:
        message["Content-Type"] = content_type
        kind, boundary = message.get_content_type(), message.get_boundary()
    except (ValueError, LookupError):
        kind, boundary = "", None
    if kind != "multipart/related" or not boundary or len(boundary) > 70 or not boundary.isascii():
        raise BadMultipart("a web page or another kind of answer in place of DICOM objects")
    return boundary.encode("ascii")


def write_single_part(chunks: Iterable[bytes], boundary: bytes, out: BinaryIO) -> None:
    """Write the content of the only part to a file; never more than a chunk is held in memory.

    Raises
    ------
    BadMultipart
        There is no part, or more than one.
    Truncated
        The closing boundary is missing.
    """
    chunks = iter(chunks)
    delimiter = b"\r\n--" + boundary
    held = _skip_head(chunks, boundary)
    while (end := held.find(delimiter)) < 0:
        keep = len(delimiter) - 1
        out.write(held[:-keep])
        held = held[-keep:] + _next(chunks)
    out.write(held[:end])
    after = held[end + len(delimiter) :]
    while len(after) < 2:
        after += _next(chunks)
    if after[:2] != b"--":
        raise BadMultipart("more than one object where one was asked for")


def _skip_head(chunks: Iterable[bytes], boundary: bytes) -> bytes:
    """What follows the part's own header lines."""
    held = b""
    while (end := held.find(b"\r\n\r\n")) < 0:
        if len(held) > _MAX_HEAD:
            raise BadMultipart("no object in the answer")
        held += _next(chunks)
    if not held[:end].lstrip(b"\r\n").startswith(b"--" + boundary):
        raise BadMultipart("an answer without its boundary")
    return held[end + 4 :]


def _next(chunks: Iterable[bytes]) -> bytes:
    chunk = next(chunks, b"")
    if not chunk:
        raise Truncated("an answer that ends too early")
    return chunk
