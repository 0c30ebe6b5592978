"""Making the dotted keys of statistics.json."""

from __future__ import annotations

import re


def key_of(name: str) -> str:
    """A region's or a diagnosis's name as part of a key: 'biceps femoris long head' -> 'biceps_femoris_long_head'."""
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
