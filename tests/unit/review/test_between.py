"""Filling between slices, in the browser that draws it, against distances that scipy computes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from myot2.review import page as review_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZE = (24, 18, 7)  # columns, rows, slices
SPACING = (1.5, 2.0)


@pytest.fixture(scope="module")
def between():
    """Call a function of between.js with its arguments."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with api.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page()
        page.add_script_tag(path=Path(review_page.STATIC) / "between.js")
        yield lambda code, *given: page.evaluate(f"given => {code}", list(given))
        chromium.close()


def ellipse(across: float, down: float, wide: float, high: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    return ((columns - across) / wide) ** 2 + ((rows - down) / high) ** 2 <= 1


def signed(mask: np.ndarray) -> np.ndarray:
    sampling = SPACING[::-1]
    return distance_transform_edt(mask, sampling=sampling) - distance_transform_edt(~mask, sampling=sampling)


FIRST, SECOND = ellipse(7, 8, 5, 4), ellipse(15, 9, 6, 7)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_the_shape_between_is_where_the_weighted_signed_distances_are_inside(between, share):
    masks = "Uint8Array.from(given[0]), Uint8Array.from(given[1])"
    code = f"Array.from(maskBetween({masks}, given[2], {SIZE[0]}, {SIZE[1]}, ...given[3]))"
    found = between(code, FIRST.ravel().astype(int).tolist(), SECOND.ravel().astype(int).tolist(), share, SPACING)
    expected = signed(FIRST) * (1 - share) + signed(SECOND) * share
    clear = np.abs(expected) > 1e-9  # ties of rounding
    assert np.array_equal(np.array(found).reshape(FIRST.shape)[clear].astype(bool), (expected >= 0)[clear])
    assert (expected >= 0).any()


def fill(between, volume: np.ndarray, label: int, low: int, high: int) -> np.ndarray:
    code = (
        "(() => { const volume = Uint8Array.from(given[0]); fillBetween(volume, given[1], given[2], ...given[3]);"
        "return Array.from(volume); })()"
    )
    found = between(code, volume.ravel().tolist(), SIZE, SPACING, [label, low, high])
    return np.array(found, np.uint8).reshape(volume.shape)


def test_one_muscle_is_filled_and_nothing_else_is_touched(between):
    volume = np.zeros(SIZE[::-1], np.uint8)
    volume[:, 2:6, 1:4] = 2  # another muscle, on all slices
    volume[1][FIRST], volume[5][SECOND] = 1, 1
    volume[1][volume[1] == 0][:1] = 0
    volume[3, 0, 0] = 1  # what was there of the muscle between them is made anew
    found = fill(between, volume, 1, 1, 5)
    other = (volume > 1) & (found != 1)
    assert np.array_equal(found[other], volume[other])
    assert np.array_equal(found[2:5] == 2, volume[2:5] == 2), "no other muscle gives way"
    for slice_ in (0, 1, 5, 6):
        assert np.array_equal(found[slice_], volume[slice_])
    assert found[3, 0, 0] == 0
    sizes = [(found[slice_] == 1).sum() for slice_ in range(2, 5)]
    assert min(sizes) > 0 and sizes == sorted(sizes), "from the small outline to the large one"


@pytest.mark.parametrize(
    ("shown", "has", "changed", "expected"),
    [
        (3, [1, 1, 0, 0, 0, 1, 1], [0] * 7, {"low": 1, "high": 5}),  # a gap: the nearest slices that have the muscle
        (3, [1] * 7, [0, 1, 0, 0, 0, 1, 0], {"low": 1, "high": 5}),  # no gap: the nearest that were drawn on
        (5, [1] * 7, [0, 1, 0, 0, 0, 1, 0], {"low": 1, "high": 5}),  # one of both is shown
        (1, [1] * 7, [0, 1, 0, 0, 0, 1, 0], {"low": 1, "high": 5}),
        (3, [1] * 7, [0] * 7, None),  # nothing was drawn
        (3, [1] * 7, [0, 1, 0, 0, 0, 0, 0], None),
        (3, [0, 0, 0, 0, 0, 1, 1], [0] * 7, None),
        (3, [1] * 7, [0, 0, 1, 1, 0, 0, 0], None),  # neighbours have nothing between them
    ],
)
def test_the_slices_to_fill_between(between, shown, has, changed, expected):
    flags = [[bool(one) for one in flags] for flags in (has, changed)]
    assert between("slicesAround(...given)", shown, *flags) == expected
