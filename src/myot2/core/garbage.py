"""How often Python looks for garbage that reference counts do not find: seldom, for our objects are many and stay.

Programs import hundreds of thousands of objects with torch or pandas, and the plan of a large cohort holds millions: to
go through them again and again took 0.2 CPU seconds of a program and an eighth of the planning of 2,000 scans. At its
end, the interpreter goes through all of them once more (0.4 CPU seconds of torch's, 0.1 of pandas'), and finds nothing.
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 100_000
"""New objects after which the youngest are looked at; Python's own figure is 700."""

atexit.register(gc.freeze)


def collect_seldom() -> None:
    """Look for garbage seldom from now on."""
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Look for garbage seldom for a while."""
    before = gc.get_threshold()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
