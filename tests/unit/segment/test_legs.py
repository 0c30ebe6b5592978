"""Finding the body and the legs."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.segment.legs import body_mask, find_legs

PIXEL_MM = 2.0


def discs(*legs: tuple[float, float, float], columns: int = 240) -> np.ndarray:
    """Three slices of 120 rows with a bright disc for each (row, column, radius)."""
    row, column = np.mgrid[0:120, 0:columns]
    inside = np.zeros((120, columns), bool)
    for centre_row, centre_column, radius in legs:
        inside |= np.hypot(row - centre_row, column - centre_column) < radius
    return np.repeat(inside[None] * 100.0, 3, axis=0)


def grid(values: np.ndarray, middle_x: float = 0.0) -> sitk.Image:
    """LPS grid with the middle column at x = `middle_x`."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((PIXEL_MM, PIXEL_MM, 6.0))
    image.SetOrigin((middle_x - PIXEL_MM * (values.shape[2] - 1) / 2, -120.0, 0.0))
    return image


@settings(max_examples=25, deadline=None)
@given(
    radius=st.floats(30, 50),
    gap=st.floats(0, 30),
    shift=st.floats(-10, 10),
    rows=st.tuples(st.floats(55, 65), st.floats(55, 65)),
)
def test_two_legs_are_split_between_them_even_when_they_touch(radius, gap, shift, rows):
    middle = 120 + shift
    values = discs((rows[0], middle - gap / 2 - radius, radius), (rows[1], middle + gap / 2 + radius, radius))
    right, left = find_legs(values > 0, grid(values), where="test")
    assert (right.side, left.side) == ("right", "left")
    assert right.last_column == left.first_column == pytest.approx(middle, abs=gap / 2 + 2)
    assert right.centre == pytest.approx((rows[0], middle - gap / 2 - radius), abs=1.5)
    assert left.centre == pytest.approx((rows[1], middle + gap / 2 + radius), abs=1.5)


@pytest.mark.parametrize(("middle_x", "side"), [(90.0, "left"), (-90.0, "right")])
def test_the_side_of_a_single_leg_comes_from_world_coordinates(middle_x, side):
    values = discs((60, 60, 45), columns=120)
    (leg,) = find_legs(values > 0, grid(values, middle_x), where="test")
    assert leg.side == side
    assert (leg.first_column, leg.last_column) == (0, 120)


def test_a_single_leg_on_the_midline_is_refused_unless_its_side_is_said():
    values = discs((60, 60, 45), columns=120)
    with pytest.raises(MyoT2Error, match="--side left or --side right"):
        find_legs(values > 0, grid(values), where="test")
    (leg,) = find_legs(values > 0, grid(values), where="test", side="left")
    assert leg.side == "left"


def test_an_image_without_a_leg_has_none():
    values = discs((60, 60, 8), columns=120)
    assert find_legs(values > 0, grid(values), where="test") == ()
    assert find_legs(body_mask(np.zeros((3, 50, 50))), grid(np.zeros((3, 50, 50))), where="test") == ()


@pytest.mark.parametrize("fat", [100.0, 20.0])
@pytest.mark.parametrize("noise", [1.0, 8.0])
def test_the_body_is_told_from_noise_whether_fat_is_bright_or_suppressed(fat, noise):
    truth = discs((60, 60, 48), columns=120) > 0
    muscle = discs((60, 60, 36), columns=120) > 0
    cortex = discs((60, 60, 10), columns=120) > 0
    clean = np.where(cortex, 0.0, np.where(muscle, 80.0, np.where(truth, fat, 0.0)))
    rng = np.random.default_rng(3)
    values = np.abs(clean + noise * (rng.standard_normal(clean.shape) + 1j * rng.standard_normal(clean.shape)))
    found = body_mask(values)
    # Suppressed fat drowns in strong noise; the muscle and what it encloses must be found in any case.
    expected = muscle if fat < 3 * noise else truth
    assert (found & expected).sum() / expected.sum() > 0.98
    assert (found & ~truth).sum() / truth.sum() < 0.06
