"""Measures of regions against counts and formulas worked out by hand or by pandas."""

from __future__ import annotations

import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.core.labels import Label, LabelTable, read_labels
from myot2.core.regions import regions_of
from myot2.measure.muscles import erode_in_plane, measure_regions

SPACING = (1.5, 2.0, 6.0)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


def measure(t2, labels, regions, **options):
    rows = measure_regions(np.asarray(t2, float), np.asarray(labels), SPACING, regions, **options)
    return pd.DataFrame(rows).set_index(["region", "side"])


def test_regions_are_all_muscles_groups_and_the_thigh_on_either_side_and_both(table):
    regions = regions_of(table)
    keys = [(region.name, region.side) for region in regions]
    assert len(keys) == len(set(keys))
    # 13 muscles, 4 groups of which the sartorius is a muscle already, the thigh; three rows each
    assert len(keys) == 3 * (13 + 3 + 1)
    by_key = {(region.name, region.side): set(region.indices) for region in regions}
    assert by_key["thigh", "both"] == set(range(1, 27)), "all muscles, and not the femur"
    for name in {name for name, _ in keys}:
        assert by_key[name, "both"] == by_key[name, "left"] | by_key[name, "right"]
    quadriceps = [name for name in table.muscles if name.startswith("vastus")] + ["rectus femoris"]
    assert by_key["quadriceps", "left"] == {table.index(name, "left") for name in quadriceps}


def test_a_table_without_sides_has_no_rows_for_left_and_right():
    labels = (
        Label(1, "sphere 9", "none", "plate 5", "", "", "", ""),
        Label(2, "s10", "none", "plate 5", "", "", "", ""),
    )
    keys = {(region.name, region.side) for region in regions_of(LabelTable(labels))}
    assert keys == {(name, side) for name in ("sphere 9", "s10", "plate 5", "thigh") for side in ("none", "both")}


@pytest.mark.parametrize(("name", "group"), [("thigh", "a"), ("one", "thigh"), ("one", "two")])
def test_two_regions_under_one_name_are_refused(name, group):
    def label(index, name, side, group):
        return Label(index, name, side, group, "", "", "", "")

    others = [label(3, "two", "left", "b"), label(4, "three", "left", "b")]
    with pytest.raises(MyoT2Error, match="two different regions"):
        regions_of(LabelTable((label(1, name, "left", group), *others)))


def test_the_thigh_is_weighted_by_voxels_and_not_by_muscles(table):
    labels = np.zeros((1, 4, 10), int)
    labels[0, 0, :8] = table.index("vastus lateralis", "left")
    labels[0, 2, :2] = table.index("gracilis", "right")
    t2 = np.where(labels == table.index("gracilis", "right"), 60.0, 35.0)
    rows = measure(t2, labels, regions_of(table))
    assert rows.loc[("thigh", "both"), "t2_mean_ms"] == pytest.approx((8 * 35 + 2 * 60) / 10)
    assert rows.loc[("thigh", "right"), "t2_mean_ms"] == 60
    assert rows.loc[("adductors", "both"), "voxels"] == 2
    assert rows.loc[("thigh", "both"), "volume_ml"] == pytest.approx(10 * 1.5 * 2.0 * 6.0 / 1000)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), erosion_mm=st.sampled_from([0.0, 2.0]))
def test_a_labelled_femur_changes_no_measure(table, seed, erosion_mm):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 29, (2, 6, 6)).repeat(4, axis=1).repeat(4, axis=2)
    labels[:, 8:12, 8:12] = table.bone_indices()[0]
    bone = np.isin(labels, table.bone_indices())
    t2 = np.where(bone, 299.0, rng.uniform(20, 80, labels.shape))
    beside = {"status": rng.integers(0, 3, labels.shape), "fat_fraction": np.where(bone, 1.0, 0.1)}
    with_bone, without = (
        measure(t2, chosen, regions_of(table), erosion_mm=erosion_mm, **beside)
        for chosen in (labels, np.where(bone, 0, labels))
    )
    pd.testing.assert_frame_equal(with_bone, without)
    assert with_bone.loc[("thigh", "both"), "volume_ml"] == pytest.approx(
        np.sum((labels > 0) & ~bone) * 1.5 * 2.0 * 6.0 / 1000
    )


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(5, 200), min_size=2, max_size=40))
def test_statistics_are_those_of_the_standard_library(values):
    table = LabelTable((Label(1, "m", "left", "g", "", "", "", ""),))
    row = measure([[values]], [[[1] * len(values)]], regions_of(table)).loc[("m", "left")]
    assert row["t2_mean_ms"] == pytest.approx(statistics.fmean(values))
    assert row["t2_median_ms"] == pytest.approx(statistics.median(values))
    assert row["t2_sd_ms"] == pytest.approx(statistics.stdev(values), abs=1e-9)
    deciles = statistics.quantiles(values, n=10, method="inclusive")
    assert (row["t2_p10_ms"], row["t2_p90_ms"]) == (pytest.approx(deciles[0]), pytest.approx(deciles[-1]))


def test_unknown_and_implausible_voxels_are_left_out_and_counted_but_keep_their_volume(table):
    labels = np.full((1, 1, 7), table.index("sartorius", "left"))
    t2 = [[[40.0, 42.0, np.nan, 0.0, 0.5, 301.0, 300.0]]]
    row = measure(t2, labels, regions_of(table)).loc[("sartorius", "left")]
    assert (row["voxels"], row["voxels_excluded"]) == (3, 4)
    assert row["t2_mean_ms"] == pytest.approx((40 + 42 + 300) / 3)
    assert row["volume_ml"] == pytest.approx(7 * 0.018)
    wide = measure(t2, labels, regions_of(table), plausible_ms=(0.0, 1000.0)).loc[("sartorius", "left")]
    assert (wide["voxels"], wide["voxels_excluded"]) == (5, 2)


def test_voxels_whose_fit_is_not_ok_are_left_out_and_counted_by_reason_whatever_their_t2(table):
    labels = np.full((1, 1, 9), table.index("sartorius", "left"))
    labels[0, 0, 8] = 0
    t2 = np.array([[[40.0, 50.0, 90.0, 91.0, np.nan, 30.0, 31.0, 500.0, 7.0]]])
    status = np.array([[[1, 1, 2, 2, 0, 3, 4, 1, 2]]], np.uint8)
    rows = measure(t2, labels, regions_of(table), status=status)
    for region in (("sartorius", "left"), ("thigh", "both")):
        row = rows.loc[region]
        assert (row["voxels"], row["t2_mean_ms"], row["voxels_excluded"]) == (2, 45.0, 6)
        reasons = ["not_fitted", "low_signal", "at_bound", "not_converged", "fat_above_limit", "implausible"]
        assert [row[f"voxels_{reason}"] for reason in reasons] == [1, 2, 1, 1, 0, 1]
    assert rows.loc[("gracilis", "left"), "voxels_low_signal"] == 0


def test_without_a_status_map_no_reason_is_made_up(table):
    labels = np.full((1, 1, 2), table.index("sartorius", "left"))
    row = measure([[[40.0, 500.0]]], labels, regions_of(table)).loc[("sartorius", "left")]
    assert row["voxels_low_signal"] is None
    assert (row["voxels_excluded"], row["voxels_implausible"]) == (1, 1)


def test_a_region_without_voxels_keeps_its_row_and_one_voxel_has_no_spread(table):
    labels = np.zeros((1, 1, 3), int)
    labels[0, 0, 0] = table.index("gracilis", "left")
    rows = measure(np.full((1, 1, 3), 40.0), labels, regions_of(table))
    empty = rows.loc[("gracilis", "right")]
    assert (empty["voxels"], empty["volume_ml"], empty["voxels_excluded"]) == (0, 0, 0)
    assert empty[["t2_mean_ms", "t2_median_ms", "t2_sd_ms", "t2_p10_ms", "t2_p90_ms"]].isna().all()
    single = rows.loc[("gracilis", "left")]
    assert single["t2_mean_ms"] == 40 and np.isnan(single["t2_sd_ms"])


def test_erosion_takes_the_rim_of_each_muscle_by_the_pixel_size_of_each_axis():
    labels = np.zeros((2, 9, 12), int)
    labels[:, 1:8, 1:6] = 3
    labels[:, 1:8, 6:11] = 5
    eroded = erode_in_plane(labels, SPACING, 1.5)
    expected = np.zeros_like(labels)
    # 1.5 mm: one column of 1.5 mm on either side, no row of 2 mm; neighbours count as outside
    expected[:, 1:8, 2:5] = 3
    expected[:, 1:8, 7:10] = 5
    np.testing.assert_array_equal(eroded, expected)
    expected[:, [1, 7]] = 0
    np.testing.assert_array_equal(erode_in_plane(labels, SPACING, 2.0), expected)
    assert not erode_in_plane(labels, SPACING, 30.0).any()


def test_erosion_never_looks_across_slices():
    labels = np.zeros((3, 7, 7), int)
    labels[1] = 1
    assert erode_in_plane(labels, SPACING, 2.0)[1, 1:-1, 2:-2].all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), small=st.floats(0, 6), more=st.floats(0, 6))
def test_more_erosion_leaves_a_subset_with_the_same_labels(seed, small, more):
    labels = np.random.default_rng(seed).integers(0, 3, (1, 5, 5)).repeat(4, axis=1).repeat(4, axis=2)
    less, most = erode_in_plane(labels, SPACING, small), erode_in_plane(labels, SPACING, small + more)
    assert np.all((most == 0) | (most == less))
    assert np.all((less == 0) | (less == labels))


def test_erosion_changes_t2_but_not_volume(table):
    labels = np.zeros((1, 9, 9), int)
    labels[0, 1:8, 1:8] = table.index("sartorius", "right")
    t2 = np.full(labels.shape, 90.0)
    t2[0, 2:7, 2:7] = 40
    rows = {mm: measure(t2, labels, regions_of(table), erosion_mm=mm).loc[("thigh", "both")] for mm in (0.0, 2.0)}
    assert rows[0.0]["t2_mean_ms"] == pytest.approx((25 * 40 + 24 * 90) / 49)
    assert (rows[2.0]["t2_mean_ms"], rows[2.0]["voxels"]) == (40, 25)
    assert rows[2.0]["volume_ml"] == rows[0.0]["volume_ml"] == pytest.approx(49 * 0.018)
