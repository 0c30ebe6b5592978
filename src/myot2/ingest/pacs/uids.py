"""Unique identifiers, checked wherever one comes in: a UID of any other form never reaches a path or a request."""

from __future__ import annotations

import re

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*", re.ASCII)
_MAX_LENGTH = 64


def is_uid(text: object) -> bool:
    """Whether a text is a UID: numbers without leading zeros, joined by dots, at most 64 characters (PS3.5 9.1)."""
    return isinstance(text, str) and len(text) <= _MAX_LENGTH and _UID.fullmatch(text) is not None
