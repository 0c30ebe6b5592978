"""Pseudonyms: what stands in results where an identifier of a header would have to.

A UID can be looked up in the archive it comes from, and a plain digest of one can be guessed by whoever holds the
archive's list. A keyed digest (HMAC-SHA256, RFC 2104) can be checked by those who have the key, and by nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from myot2.core.errors import MyoT2Error

_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Pseudonyms:
    """The pseudonyms that one secret key gives."""

    key: bytes = field(repr=False)

    def of(self, identifier: str) -> str:
        """The pseudonym of an identifier: 32 hexadecimal digits."""
        return hmac.new(self.key, identifier.encode("utf-8"), hashlib.sha256).hexdigest()[:32]


def read_key(path: str | Path) -> Pseudonyms:
    """Read a secret key: 64 hexadecimal digits.

    Raises
    ------
    MyoT2Error
        The file is missing or holds anything else.
    """
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _KEY.fullmatch(text):
        raise MyoT2Error(
            expected="a secret key of 64 hexadecimal digits",
            found="something else" if Path(path).exists() else "no such file",
            where=path,
            do="Restore the site's key (results made with another cannot be linked to these); `make index` makes one.",
        )
    return Pseudonyms(bytes.fromhex(text))


def make_key(path: str | Path) -> None:
    """Write a new random key that only its owner can read; a key that is there already stays."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")


def hide_header_text() -> None:
    """Let an uncaught error of this program show its kind and its place, and not what it says.

    A defect ends a job with a traceback in its log; the words of a parser's or a decoder's error may quote a header.
    What the operating system refuses (a full disk, a file that may not be read) is told by its number alone.
    """
    sys.excepthook = _show_place


def _show_place(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    link: BaseException | None = error
    while link is not None:
        told = os.strerror(link.errno) if isinstance(link, OSError) and link.errno else ""
        words = told or "what it says is left out: it may quote a header"
        print(f"{type(link).__name__} ({words}), at:", file=sys.stderr)
        traceback.print_tb(link.__traceback__)
        link = link.__cause__ or link.__context__
