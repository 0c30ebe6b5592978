"""Images of simple bodies, whose signal can be written down."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.core.labels import LabelTable
from myot2.simulate import scan
from myot2.simulate.anatomy import Tissue
from myot2.simulate.body import TISSUES, Pose, Slab
from myot2.simulate.fields import B1_RANGE, RandomField, TransmitField
from myot2.simulate.grid import VoxelAverage, axial_grid, coronal_grid, sagittal_grid
from myot2.simulate.participant import examine, muscle_pairs
from myot2.simulate.protocol import Conditions
from myot2.simulate.signal import FAT_T1_MS, FAT_T2_MS, saturation_recovery

TIMES = np.arange(10.0, 101, 10)


def slab_of(tissue, labels=None, t2=34.0, fat_fraction=0.0, b1=1.0) -> Slab:
    """A slab of given tissues (depth, rows, columns); its muscle is uniform unless `t2` has one value for each."""
    tissue = np.asarray(tissue, dtype=np.uint8)
    muscle = np.flatnonzero(tissue == Tissue.MUSCLE)

    def value(number):
        return np.broadcast_to(np.asarray(number, dtype=np.float32), muscle.shape)

    labels = tissue * 0 if labels is None else np.asarray(labels, dtype=np.uint8)
    return Slab(labels, tissue, muscle, value(t2), value(0.0), value(fat_fraction), value(b1))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**31))
def test_voxel_average_keeps_constants_and_the_overall_mean(rows, columns, more_rows, more_columns, seed):
    fine = (rows + more_rows, columns + more_columns)
    average = VoxelAverage(fine, (rows, columns))
    values = np.random.default_rng(seed).random((*fine, 2)).astype(np.float32)
    assert average(np.ones(fine, dtype=np.float32)) == pytest.approx(np.ones((rows, columns)), abs=1e-5)
    assert average(values).mean(axis=(0, 1)) == pytest.approx(values.mean(axis=(0, 1)), abs=1e-5)


def test_voxel_average_weights_by_overlap():
    assert VoxelAverage((3, 1), (2, 1))(np.array([[3.0], [6.0], [9.0]]))[:, 0] == pytest.approx([4.0, 8.0])


@pytest.mark.parametrize(
    "grid",
    [
        axial_grid((40, 22), 4, np.array([1.0, -2.0, 30.0])),
        coronal_grid((10, 12), 3, (2.5, 6.0), np.zeros(3)),
        sagittal_grid((8, 12), 3, (3.0, 80.0), np.zeros(3)),
    ],
    ids=["axial", "coronal", "sagittal"],
)
def test_image_of_a_grid_lies_where_its_points_are(grid):
    image = grid.image(np.zeros(grid.shape, dtype=np.uint8))
    for slice_index, row, column in [(0, 0, 0), (1, 3, 5), (2, 7, 2)]:
        expected = grid.points(slice_index)[row, column]
        assert image.TransformIndexToPhysicalPoint((column, row, slice_index)) == pytest.approx(expected, abs=1e-9)


def test_sub_voxels_fill_the_field_of_view_and_leave_the_gap_empty():
    grid = axial_grid((40, 22), 2, np.zeros(3))
    points = np.concatenate([grid.sub_points(k, (66, 120), 3).reshape(-1, 3) for k in range(2)])
    assert np.abs(points[:, 0]).max() == pytest.approx(210 - 420 / 120 / 2)
    assert np.abs(points[:, 1]).max() == pytest.approx(231 / 2 - 231 / 66 / 2)
    assert np.abs(points[:, 2]).min() > 0.5
    assert np.abs(points[:, 2]).max() < 5.5


def test_voxel_belongs_to_the_label_that_fills_half_of_it():
    labels = np.array([[[1, 1, 0, 0, 2, 0], [1, 1, 0, 0, 0, 0]], [[1, 1, 1, 0, 2, 2], [1, 1, 0, 0, 2, 0]]])
    slab = slab_of(np.where(labels > 0, Tissue.MUSCLE, Tissue.INTERMUSCULAR_FAT), labels)
    assert scan.label_map(slab, VoxelAverage((2, 6), (1, 3))).tolist() == [[1, 0, 2]]


def test_label_that_fills_three_eighths_is_left_out():
    labels = np.array([[[1, 1], [1, 0]], [[0, 0], [0, 0]]])
    slab = slab_of(np.where(labels > 0, Tissue.MUSCLE, Tissue.INTERMUSCULAR_FAT), labels)
    assert scan.label_map(slab, VoxelAverage((2, 2), (1, 1))).tolist() == [[0]]


@pytest.fixture(scope="module")
def ideal() -> scan.MultiEcho:
    return scan.MultiEcho.of("ideal")


def test_echoes_of_a_voxel_are_the_mean_of_what_is_in_it(ideal):
    """Half muscle of 30 ms, a quarter muscle of 60 ms, a quarter subcutaneous fat of which 4 % survives."""
    tissue = [[[Tissue.MUSCLE, Tissue.MUSCLE], [Tissue.MUSCLE, Tissue.SUBCUTANEOUS_FAT]]]
    slab = slab_of(tissue, t2=[30.0, 30.0, 60.0])
    echoes = scan.multi_echo(
        slab,
        VoxelAverage((2, 2), (1, 1)),
        ideal,
        oedema_gain_ms=0.0,
        b1=np.ones((1, 1)),
        residual_fat=np.full((1, 1), 0.04),
    )[0, 0]
    muscle, fat = TISSUES[Tissue.MUSCLE], TISSUES[Tissue.SUBCUTANEOUS_FAT]
    expected = (
        muscle.water
        * saturation_recovery(muscle.t1_ms, 6690)
        * (0.5 * np.exp(-TIMES / 30) + 0.25 * np.exp(-TIMES / 60))
        + 0.25 * fat.water * saturation_recovery(fat.t1_ms, 6690) * np.exp(-TIMES / fat.t2_ms)
        + 0.25 * fat.fat * 0.04 * saturation_recovery(FAT_T1_MS, 6690) * np.exp(-TIMES / FAT_T2_MS)
    )
    assert echoes == pytest.approx(expected, abs=2e-4)


def test_fat_fraction_of_muscle_is_that_of_its_proton_densities():
    slab = slab_of(np.full((2, 4, 4), Tissue.MUSCLE), fat_fraction=0.3)
    water, fat = scan.proton_densities(slab, VoxelAverage((4, 4), (2, 2)))
    assert fat / (water + fat) == pytest.approx(np.full((2, 2), 0.3), abs=1e-6)


def test_noise_free_dixon_images_keep_water_and_fat_apart():
    water, fat = np.array([[0.2, 0.05, 0.1]]), np.array([[0.0, 0.6, 0.1]])
    images = scan.dixon_images(water, fat, np.full((1, 3), 1.5), 0.0, np.random.default_rng(0))
    assert images["water"] == pytest.approx(1.5 * water)
    assert images["fat"] == pytest.approx(1.5 * fat)
    assert images["in"] == pytest.approx(1.5 * (water + fat))
    assert images["opp"] == pytest.approx(1.5 * np.abs(water - fat))


@given(st.floats(10, 150), st.floats(0.01, 100))
def test_apparent_t2_of_one_exponential_is_its_t2(t2, amplitude):
    echoes = amplitude * np.exp(-TIMES / t2)
    assert scan.apparent_t2(echoes, TIMES) == pytest.approx(t2, rel=1e-6)


def test_vendor_map_is_the_true_t2_in_whole_ms_with_the_set_noise_and_nothing_outside(ideal):
    shape = (120, 120)
    muscle = ideal.muscle_signal * np.exp(-(TIMES - 10) / 34.0)
    echoes = np.broadcast_to(muscle, (*shape, 10)).astype(np.float32).copy()
    inside = np.arange(120)[:, None] < np.full(shape, 100)
    echoes[~inside] = 0
    value = scan.vendor_map(
        echoes, ideal, sensitivity=np.ones(shape), inside=inside, sd_ms=1.0, snr=50, rng=np.random.default_rng(0)
    )
    assert value.dtype == np.uint16
    assert value[inside].mean() == pytest.approx(34.0, abs=0.05)
    assert value[inside].std() == pytest.approx(np.hypot(1.0, 1 / np.sqrt(12)), abs=0.03)
    assert not value[~inside].any()


def test_image_of_a_body_at_rest_has_no_ghosts_and_a_common_shift_only_moves_it():
    image = np.random.default_rng(0).random((26, 5))
    assert scan.ghosted(image, [0.0] * 2, 13) == pytest.approx(image)
    assert scan.ghosted(image, [3.0] * 2, 13) == pytest.approx(np.roll(image, 3, axis=0))
    assert not np.allclose(scan.ghosted(image, [0.0, 3.0], 13), image, atol=0.05)


@given(st.integers(0, 2**31), st.floats(0, 8))
def test_undoing_a_motion_gives_back_every_point(seed, motion_mm):
    rng = np.random.default_rng(seed)
    pose = Pose.draw(rng, motion_mm, pivot=np.array([1.0, 2.0, 3.0]))
    points = rng.uniform(-200, 200, (5, 3))
    moved = points @ pose.matrix[:3, :3].T + pose.matrix[:3, 3]
    assert pose.undo(moved) == pytest.approx(points, abs=1e-9)
    pivot = pose.matrix @ [1, 2, 3, 1]
    assert np.linalg.norm(pivot[:3] - [1, 2, 3]) == pytest.approx(motion_mm)


def test_random_field_has_unit_variance_and_the_set_correlation_length():
    field = RandomField.draw(np.random.default_rng(0), (10.0, 10.0, 10.0))
    points = np.random.default_rng(1).uniform(-120, 120, (20_000, 3))
    here, there = field.at(points), field.at(points + [0, 0, 20.0])
    assert here.std() == pytest.approx(1, abs=0.15)
    # White noise smoothed by a Gaussian of width s correlates as exp(-d^2 / 4 s^2).
    assert np.corrcoef(here, there)[0, 1] == pytest.approx(np.exp(-1), abs=0.12)


def test_b1_of_many_people_spreads_as_measured_in_thighs_at_3_t():
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-160, 160, 400), rng.uniform(-80, 80, 400), rng.uniform(-60, 60, 400)], axis=1)
    b1 = np.concatenate([TransmitField.draw(rng).at(points) for _ in range(12)])
    assert b1.min() >= B1_RANGE[0]
    assert b1.max() <= B1_RANGE[1]
    assert np.median(b1) == pytest.approx(1.0, abs=0.07)
    assert 0.6 < np.percentile(b1, 5) < 0.9
    assert 1.1 < np.percentile(b1, 95) < 1.3


@pytest.mark.parametrize("target, chronicity", [(33.1, 0.0), (34.7, 0.2), (47.4, 0.5), (80.0, 0.8)])
def test_mean_t2_over_all_muscles_is_the_target(cylinder_body, small_preset, target, chronicity):
    body = cylinder_body(seed=7, target_t2_ms=target, chronicity=chronicity)
    _, truth = examine(body, small_preset, Conditions(refocusing="ideal"), target, np.random.default_rng(0))
    assert truth.mean_t2_ms == pytest.approx(target, abs=0.01)
    assert truth.water_t2_ms[truth.t2_labels > 0].min() > 20


def test_oedema_is_patchy_and_differs_between_muscles(small_examination):
    _, truth, _ = small_examination
    muscles = [truth.water_t2_ms[truth.t2_labels == label] for label in (1, 2, 3, 4)]
    assert np.ptp([muscle.mean() for muscle in muscles]) > 2
    assert np.median([muscle.std() for muscle in muscles]) > 1.5


def test_vendor_map_gives_the_true_mean_t2(small_examination):
    series, truth, _ = small_examination
    vendor = next(one for one in series if one.description == "T2_map").stacks[0][1][0]
    assert vendor[truth.t2_labels > 0].mean() == pytest.approx(truth.mean_t2_ms, abs=0.5)


def test_first_echo_of_healthy_muscle_has_the_set_snr(cylinder_body, small_preset):
    body = cylinder_body(seed=5, target_t2_ms=34.0, chronicity=0.0)
    conditions = Conditions(refocusing="ideal", snr=40)
    series, truth = examine(body, small_preset, conditions, 34.0, np.random.default_rng(0))
    echoes = next(one for one in series if one.echo_times_ms == tuple(TIMES)).stacks[0][1]
    signal = echoes[0][truth.t2_labels > 0].mean()
    # The corners hold no body: there the magnitude of noise has the mean sigma sqrt(pi / 2).
    sigma = echoes[0][:, :6, :6].mean() / np.sqrt(np.pi / 2)
    assert signal / sigma == pytest.approx(40, rel=0.2)


def test_moved_legs_are_found_where_the_motion_says(cylinder_body, small_preset):
    body = cylinder_body(seed=3)
    conditions = Conditions(refocusing="ideal", motion_mm=8)
    _, moved = examine(body, small_preset, conditions, 45.0, np.random.default_rng(4))
    _, still = examine(body, small_preset, Conditions(refocusing="ideal"), 45.0, np.random.default_rng(4))

    def middle(truth, leg):
        slices, rows, columns = np.nonzero(np.isin(truth.t2_labels, leg))
        return np.mean([truth.t2_grid.points(k)[i, j] for k, i, j in zip(slices, rows, columns, strict=True)], axis=0)

    for leg in ((1, 3), (2, 4)):
        expected = moved.motion.matrix @ [*middle(still, leg), 1]
        # The cylinders look the same at every height, so only the axial part can be seen.
        assert middle(moved, leg)[:2] == pytest.approx(expected[:2], abs=0.8)
    assert np.array_equal(moved.dixon_labels, still.dixon_labels)


@pytest.mark.parametrize("wrong", [{"refocusing": "perfect"}, {"motion_mm": 9}, {"motion_mm": -1}, {"snr": 0}])
def test_conditions_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError):
        Conditions(**wrong)


def test_bone_in_the_label_table_draws_no_other_lesions(label_table):
    assert label_table.bone_indices()
    pairs, without = muscle_pairs(label_table), muscle_pairs(LabelTable(label_table.muscle_labels))
    assert pairs.tolist() == without.tolist()
    assert pairs[label_table.index("gracilis", "left")] == pairs[label_table.index("gracilis", "right")] > 0
