"""Cleaning of label maps."""

from __future__ import annotations

import numpy as np

from myot2.segment.cleaning import clean

BODY = np.ones((4, 40, 40), bool)
SPACING = (5.0, 2.0, 2.0)


def block(label: int, rows: slice, columns: slice, slices: slice = slice(None)) -> np.ndarray:
    labels = np.zeros((4, 40, 40), np.uint8)
    labels[slices, rows, columns] = label
    return labels


def test_an_island_goes_and_a_severed_part_stays():
    muscle = block(3, slice(5, 15), slice(5, 15))
    severed = block(3, slice(25, 30), slice(25, 35))
    island = block(3, slice(35, 37), slice(2, 4), slice(0, 1))
    np.testing.assert_array_equal(clean(muscle + severed + island, BODY, SPACING), muscle + severed)


def test_a_hole_is_filled_and_another_muscle_in_it_stays():
    ring = block(3, slice(5, 20), slice(5, 20))
    ring[:, 8:10, 8:10] = 0
    ring[:, 14:18, 14:18] = 4
    cleaned = clean(ring, BODY, SPACING)
    assert (cleaned[:, 8:10, 8:10] == 3).all()
    assert (cleaned[:, 14:18, 14:18] == 4).all()


def test_a_bone_that_a_muscle_encloses_is_no_hole():
    ring = block(3, slice(5, 30), slice(5, 30))
    ring[:, 12:22, 12:22] = 0
    np.testing.assert_array_equal(clean(ring, BODY, SPACING), ring)


def test_nothing_is_labelled_outside_the_body():
    body = BODY.copy()
    body[:, :10] = False
    cleaned = clean(block(5, slice(5, 20), slice(5, 20)), body, SPACING)
    assert not cleaned[:, :10].any()
    assert (cleaned[:, 10:20, 5:20] == 5).all()


def test_a_muscle_too_small_to_be_one_goes():
    assert not clean(block(7, slice(5, 6), slice(5, 6)), BODY, SPACING).any()


def test_cleaning_twice_changes_nothing_more():
    noisy = (np.random.default_rng(1).random((4, 40, 40)) * 4).astype(np.uint8)
    once = clean(noisy, BODY, SPACING)
    np.testing.assert_array_equal(clean(once, BODY, SPACING), once)
