"""Figures of a muscle's shape against shapes whose figures follow from a formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from myot2.segment.outline import roughness
from myot2.segment.slices import REFERENCE_MM, continuity


def squares(*columns: int, side: int = 10) -> np.ndarray:
    """A square in each slice, its first column as given; None leaves the slice empty."""
    mask = np.zeros((len(columns), 20, 60), bool)
    for plane, column in zip(mask, columns, strict=True):
        if column is not None:
            plane[5 : 5 + side, column : column + side] = True
    return mask


def ellipse(radius_px: float, stretch: float, degrees: float, spacing=(1.0, 1.0)) -> sitk.Image:
    size = int(2 * radius_px * stretch) + 9
    y, x = (np.mgrid[:size, :size] - size // 2).astype(float)
    x, y = x * spacing[0], y * spacing[1]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along, across = cosine * x + sine * y, cosine * y - sine * x
    inside = (along / stretch) ** 2 + (across * stretch) ** 2 <= radius_px**2
    image = sitk.GetImageFromArray(inside[None].astype(np.uint8))
    image.SetSpacing((*spacing, 5.0))
    return image


def test_slices_that_do_not_change_have_dice_one():
    course = continuity(squares(5, 5, 5), 8.0)
    assert (course.mean, course.lowest) == (1.0, 1.0)


def test_the_dice_of_shifted_squares_is_their_overlap():
    course = continuity(squares(5, 7, 7, 12), REFERENCE_MM)
    assert course.mean == pytest.approx((0.8 + 1.0 + 0.5) / 3)
    assert course.lowest == pytest.approx(0.5)


@given(per_mm=st.floats(0.85, 0.999), distance=st.floats(3, 26))
def test_a_muscle_that_loses_the_same_part_on_every_millimetre_has_one_figure_at_any_slice_distance(per_mm, distance):
    overlap = per_mm**distance
    pixels = 100_000
    common = round(overlap * pixels)
    mask = np.zeros((2, 1, 2 * pixels), bool)
    mask[0, 0, :pixels] = True
    mask[1, 0, pixels - common : 2 * pixels - common] = True
    assert continuity(mask, distance).mean == pytest.approx(per_mm**REFERENCE_MM, rel=2e-3)


def test_a_slice_without_the_muscle_between_others_is_a_break():
    course = continuity(squares(5, 5, None, 5, 5), 5.0)
    assert course.lowest == 0.0
    assert course.mean == pytest.approx(400 / 600)
    assert continuity(squares(5, 5, None, None, 5, 5), 5.0).mean < course.mean


def test_a_thin_end_does_not_decide_the_lowest():
    mask = np.zeros((4, 40, 40), bool)
    for plane, side in zip(mask, (2, 6, 30, 30), strict=True):
        plane[:side, :side] = True
    assert continuity(mask, 5.0).lowest == pytest.approx(2 * 36 / (36 + 900))
    # where the same two slices are all there is of the muscle, they do
    assert continuity(mask[:2], 5.0).lowest == pytest.approx(2 * 4 / (4 + 36))


def test_one_slice_has_no_neighbours():
    assert continuity(squares(None, 5, None), 5.0).mean is None
    assert continuity(np.zeros((0, 0, 0), bool), 5.0).lowest is None


@pytest.mark.parametrize("radius_px", [8, 20, 60])
def test_a_disc_is_as_smooth_as_can_be_at_any_size(radius_px):
    assert roughness(ellipse(radius_px, 1, 0))[1] == pytest.approx(1.0, abs=0.12)


@given(radius=st.integers(15, 40), degrees=st.floats(0, 180), stretch=st.floats(1, 1.6))
def test_roughness_knows_neither_size_nor_direction(radius, degrees, stretch):
    long, short = stretch, 1 / stretch
    # Ramanujan's second approximation of an ellipse's perimeter
    h = ((long - short) / (long + short)) ** 2
    perimeter = math.pi * (long + short) * (1 + 3 * h / (10 + math.sqrt(4 - 3 * h)))
    expected = perimeter**2 / (4 * math.pi * math.pi)
    assert roughness(ellipse(radius, stretch, degrees))[1] == pytest.approx(expected, rel=0.08)


def test_pixels_that_are_no_squares_count_by_their_size():
    disc = ellipse(30.0, 1, 0, spacing=(1.0, 2.0))
    assert roughness(disc)[1] == pytest.approx(1.0, abs=0.08)


def test_a_frayed_outline_is_rougher_than_a_smooth_one_of_the_same_area():
    smooth = sitk.GetArrayFromImage(ellipse(30, 1, 0))
    frayed = smooth.copy()
    rng = np.random.default_rng(1)
    rim = np.argwhere(smooth[0] != np.roll(smooth[0], 1, axis=1))
    for row, column in rim:
        reach = rng.integers(-4, 5)
        frayed[0, row, min(column, column + reach) : max(column, column + reach)] = int(reach < 0) ^ int(column > 35)
    assert roughness(sitk.GetImageFromArray(frayed))[1] > 1.3 * roughness(sitk.GetImageFromArray(smooth))[1]


def test_slices_count_by_their_area():
    large = sitk.GetArrayFromImage(ellipse(40, 1, 0))
    stripe = np.zeros_like(large)
    stripe[0, 10, 10:40] = 1
    both = np.concatenate([large, stripe])
    alone = roughness(sitk.GetImageFromArray(large))[1]
    assert roughness(sitk.GetImageFromArray(both))[1] < alone + 0.3
    assert roughness(sitk.GetImageFromArray(stripe))[1] > 5
