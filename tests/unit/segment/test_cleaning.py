"""Cleaning of label maps, and the figures about them."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.labels import read_labels
from myot2.segment.cleaning import clean
from myot2.segment.quality import describe

BODY = np.ones((4, 40, 40), bool)
SPACING = (5.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


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


def test_volume_confidence_and_asymmetry_are_what_was_drawn(table):
    left, right = table.index("gracilis", "left"), table.index("gracilis", "right")
    labels = block(left, slice(0, 10), slice(0, 10)) + block(right, slice(0, 10), slice(20, 25))
    confidence = np.where(labels == left, 0.9, 0.5)
    figures = describe(labels, confidence, table, ("right", "left"), voxel_mm3=50.0)
    by_muscle = {(row["name"], row["side"]): row for row in figures["Muscles"]}
    assert by_muscle["gracilis", "left"]["volume_ml"] == pytest.approx(4 * 100 * 50 / 1000)
    assert by_muscle["gracilis", "right"]["mean_confidence"] == pytest.approx(0.5)
    assert figures["Asymmetry"]["gracilis"] == pytest.approx(200 / 300, abs=1e-4)
    assert figures["MeanConfidence"] == pytest.approx((400 * 0.9 + 200 * 0.5) / 600, abs=1e-4)


def test_flags_name_what_is_empty_unsure_or_one_sided(table):
    left, right = table.index("gracilis", "left"), table.index("gracilis", "right")
    labels = block(left, slice(0, 10), slice(0, 10)) + block(right, slice(0, 10), slice(20, 25))
    flags = describe(labels, np.where(labels == right, 0.4, 0.9), table, ("right", "left"), 50.0)["Flags"]
    assert "sartorius, left: no voxel (outside the field, or missed)" in flags
    assert "gracilis, right: mean confidence 0.40, below 0.6" in flags
    assert "gracilis: left and right differ by 67%, more than 35%" in flags
    assert not any(flag.startswith("gracilis, left") for flag in flags)


def test_only_legs_in_the_field_are_judged(table):
    figures = describe(np.zeros((2, 4, 4), np.uint8), np.ones((2, 4, 4)), table, ("left",), 50.0)
    assert {row["side"] for row in figures["Muscles"]} == {"left"}
    assert set(figures["Asymmetry"].values()) == {None}
    assert figures["MeanConfidence"] is None


def test_the_femur_is_neither_listed_nor_judged(table):
    left, right = table.index("gracilis", "left"), table.index("gracilis", "right")
    muscle = block(left, slice(0, 10), slice(0, 10)) + block(right, slice(0, 10), slice(20, 30))
    femur = block(table.index("femur", "left"), slice(20, 30), slice(0, 10))
    confidence = np.where(femur > 0, 0.1, 0.9)
    sides = ("right", "left")
    assert describe(muscle + femur, confidence, table, sides, 50.0) == describe(muscle, confidence, table, sides, 50.0)
    assert len(describe(muscle + femur, confidence, table, sides, 50.0)["Muscles"]) == 26
