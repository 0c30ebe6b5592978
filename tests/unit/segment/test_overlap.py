"""Dice, volumes and regions of two label maps, counted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from myot2.core.labels import Label, LabelTable, read_labels
from myot2.core.regions import other_regions_of, regions_of
from myot2.segment.overlap import COLUMNS, compare_regions, dice, dice_by_muscle, in_plane_mm

SPACING = (5.0, 2.0, 1.0)
VOXEL_ML = 0.01


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def with_bone(table):
    """The muscles of the label table and a femur, whatever the table has beside muscle."""
    muscles = [label for label in table.labels if label.name != "femur"]
    sides = enumerate(("left", "right"), start=91)
    return LabelTable((*muscles, *(Label(index, "femur", side, "bone", "", "", "", "") for index, side in sides)))


def compare(first, second, table, tolerance_mm=1.0, spacing=SPACING):
    regions = [*regions_of(table), *other_regions_of(table)]
    rows = compare_regions(first, second, spacing, regions, tolerance_mm=tolerance_mm)
    return rows.set_index(["region", "side"])


def test_dice_is_twice_the_overlap_over_the_sum_of_sizes(table):
    first, second = np.zeros((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    first[:, :4], second[:, 2:8] = True, True
    assert dice(first, second) == pytest.approx(2 * 40 / (80 + 120))
    assert dice(first, first) == 1
    assert dice(first & False, second & False) is None
    index = table.index("gracilis", "left")
    scores = dice_by_muscle(first * index, second * index, table)
    assert scores["gracilis", "left"] == pytest.approx(0.4)
    assert scores["gracilis", "right"] is None


@pytest.mark.parametrize("spacing", itertools.permutations((20.0, 0.8, 0.9)))
def test_an_in_plane_voxel_is_its_longer_edge_within_the_slice_whichever_axis_is_which(spacing):
    assert in_plane_mm(spacing) == 0.9


def test_volumes_dice_and_distances_of_one_muscle_are_those_counted_by_hand(table):
    index = table.index("gracilis", "left")
    first, second = np.zeros((4, 12, 12), np.uint8), np.zeros((4, 12, 12), np.uint8)
    first[:, 2:8, 3:9], second[:, 3:8, 3:9] = index, index
    row = compare(first, second, table).loc[("gracilis", "left")]
    assert row["dice"] == pytest.approx(2 * 30 / (36 + 30))
    assert (row["volume_a_ml"], row["volume_b_ml"]) == (pytest.approx(144 * VOXEL_ML), pytest.approx(120 * VOXEL_ML))
    assert row["volume_difference_ml"] == pytest.approx(24 * VOXEL_ML)
    assert row["volume_difference_percent"] == pytest.approx(20)
    # the 6 faces of one end are 2 mm off, a twentieth of the area or more
    assert row["hd95_mm"] == pytest.approx(2)
    # per slice: ends have 12 faces of 5 mm2, sides 12 of 10 mm2 in A and 10 in B; one end and the sides of B are
    # shared, what is left is no nearer than half a row and half a column, 1.1 mm.
    shared = 6 * 5 + 10 * 10
    assert row["nsd"] == pytest.approx(2 * shared / (12 * 5 + 12 * 10 + 12 * 5 + 10 * 10))


def test_a_region_that_one_map_lacks_has_dice_and_nsd_0_and_no_hd95_and_none_has_nothing(table):
    index = table.index("sartorius", "right")
    some, none = np.zeros((3, 9, 9), np.uint8), np.zeros((3, 9, 9), np.uint8)
    some[:, 3:6, 3:6] = index
    more, less = (compare(*pair, table).loc[("sartorius", "right")] for pair in ((some, none), (none, some)))
    for row, sign, percent in ((more, 1, None), (less, -1, -100)):
        assert (row["dice"], row["nsd"]) == (0, 0)
        assert np.isnan(row["hd95_mm"])
        assert row["volume_difference_ml"] == pytest.approx(sign * 27 * VOXEL_ML)
        assert row["volume_difference_percent"] == percent or np.isnan(row["volume_difference_percent"])
    rows = compare(some, none, table)
    absent = rows.loc[("gracilis", "left")]
    assert absent[["dice", "hd95_mm", "nsd", "volume_difference_percent"]].isna().all()
    assert (absent[["volume_a_ml", "volume_b_ml", "volume_difference_ml"]] == 0).all()
    assert compare(none, none, table)["dice"].isna().all()


def test_muscles_that_are_taken_for_each_other_agree_as_a_group_only(table):
    first, second = np.zeros((3, 12, 12), np.uint8), np.zeros((3, 12, 12), np.uint8)
    names = ("semitendinosus", "semimembranosus")
    for labels, order in ((first, names), (second, names[::-1])):
        labels[:, 2:5, 2:9], labels[:, 5:8, 2:9] = (table.index(name, "left") for name in order)
    rows = compare(first, second, table)
    assert (rows.loc[[(name, "left") for name in names], "dice"] == 0).all()
    for region in ("hamstrings", "thigh"):
        for side in ("left", "both"):
            assert tuple(rows.loc[(region, side), ["dice", "hd95_mm", "nsd"]]) == (1, 0, 1)
        assert np.isnan(rows.loc[(region, "right"), "dice"])


def test_swapped_sides_agree_as_both_only(table):
    left, right = (table.index("rectus femoris", side) for side in ("left", "right"))
    first = np.zeros((3, 12, 20), np.uint8)
    first[:, 2:7, 2:7], first[:, 2:7, 12:17] = right, left
    swapped = np.zeros(256, np.uint8)
    swapped[[left, right]] = right, left
    rows = compare(first, swapped[first], table)
    assert rows.loc[("rectus femoris", "left"), "dice"] == rows.loc[("rectus femoris", "right"), "dice"] == 0
    assert rows.loc[("rectus femoris", "both"), "dice"] == 1


def test_bone_is_compared_for_itself_and_belongs_to_no_muscle(with_bone):
    first = np.zeros((3, 12, 12), np.uint8)
    first[:, 2:5, 2:9] = with_bone.index("vastus lateralis", "left")
    second = first.copy()
    second[:, 6:9, 2:9] = with_bone.index("femur", "left")
    rows = compare(first, second, with_bone)
    assert rows.loc[("femur", "left"), "dice"] == rows.loc[("femur", "both"), "dice"] == 0
    assert np.isnan(rows.loc[("femur", "right"), "dice"])
    assert not rows.index.duplicated().any()
    muscle = {label.index for label in with_bone.labels if label.name in with_bone.muscles}
    thigh = next(region for region in regions_of(with_bone) if (region.name, region.side) == ("thigh", "both"))
    assert set(thigh.indices) == muscle


LABEL_MAPS = arrays(np.uint8, (2, 5, 6), elements=st.integers(0, 4))


@settings(max_examples=40, deadline=None)
@given(first=LABEL_MAPS, second=LABEL_MAPS)
def test_agreement_is_symmetric_and_between_0_and_1_and_differences_change_their_sign(first, second):
    labels = [Label(1, "a", "left", "g", *4 * [""]), Label(2, "a", "right", "g", *4 * [""])]
    labels += [Label(3, "b", "left", "h", *4 * [""]), Label(4, "c", "right", "h", *4 * [""])]
    table = LabelTable(tuple(labels))
    forth, back = compare(first, second, table), compare(second, first, table)
    for column in ("dice", "hd95_mm", "nsd"):
        np.testing.assert_allclose(forth[column].astype(float), back[column].astype(float))
    np.testing.assert_allclose(forth["volume_difference_ml"], -back["volume_difference_ml"])
    for column in ("dice", "nsd"):
        assert forth[column].dropna().between(0, 1).all()
    same = compare(first, first, table)
    assert (same["dice"].dropna() == 1).all() and (same["nsd"].dropna() == 1).all()
    assert (same["hd95_mm"].dropna() == 0).all() and (same["volume_difference_ml"] == 0).all()
    assert list(forth.columns) == list(COLUMNS)[2:]
