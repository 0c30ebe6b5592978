"""Programs look for garbage seldom while they work, and not at all at their end."""

from __future__ import annotations

import gc
import subprocess
import sys

from myot2.core.garbage import SELDOM, collecting_seldom


def test_the_threshold_is_raised_for_a_while():
    before = gc.get_threshold()
    with collecting_seldom():
        assert gc.get_threshold() == (SELDOM, *before[1:])
    assert gc.get_threshold() == before


def test_a_program_that_tells_its_usage_ends_with_everything_put_aside():
    asked = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); import myot2.core.usage"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert told.stdout == "True\n", told.stderr
