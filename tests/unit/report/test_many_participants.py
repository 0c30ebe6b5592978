"""The pictures of a cohort that is too large for a page."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from myot2.core.stopnote import StopNote
from myot2.report import prose


def cohort(count: int) -> SimpleNamespace:
    """As many scans, of which the last has the highest risk, the first flags alone, and the second stopped."""
    scans = [f"sub-N{number:04}" for number in range(count)]
    quality = pd.DataFrame(
        {
            "risk": [None, None, *(number / count for number in range(2, count))],
            "flags": ["a; b", *[None] * (count - 1)],
        },
        index=scans,
    )
    paths = {scan: Path(f"thumbnails/{scan}.jpg") for scan in scans}
    return SimpleNamespace(
        flow=pd.DataFrame({"scan": scans}),
        quality=quality,
        thumbnails={scan: path for scan, path in paths.items() if scan != scans[1]},
        panels={**paths, scans[1]: StopNote("ingest", "an image", "none", "a file", "Give one.")},
        pages="participants",
        group_of=lambda scan: "patient",
    )


@pytest.mark.parametrize("count", [12, prose.MOST_PICTURES])
def test_of_a_cohort_that_fits_each_has_a_picture(count):
    text = prose.participants(cohort(count))
    assert text.count("![](") == count - 1 and "Pictures are shown of" not in text


def test_of_a_larger_one_the_riskiest_and_those_that_stopped_are_shown_and_the_others_named():
    text = prose.participants(cohort(2000))
    shown, named = text.split("Pictures are shown of 200 scans")
    assert shown.count("![](") == prose.MOST_PICTURES
    assert "sub-N1999" in shown and "](participants/sub-N0001.html) (patient): stopped at ingest" in shown
    assert named.count("](participants/sub-N") == 2000 - prose.MOST_PICTURES - 1
    assert "](participants/sub-N0002.html)" in named
