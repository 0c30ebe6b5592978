"""The thigh atlas: splines, distances, and the shapes it tells against the label maps it was made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from myot2.core.images import affine_of, array_of, read_image
from myot2.core.labels import read_labels
from myot2.simulate.atlas import FEMUR, ControlGrid, Field, Thigh, load_atlas, smooth_distance, spline_matrix
from myot2.simulate.atlas_fit import SHARED

ATLAS = load_atlas()


@given(controls=st.integers(4, 12), nodes=st.integers(2, 40))
def test_spline_matrix_equals_scipys_uniform_cubic_b_spline(controls, nodes):
    knots = np.arange(-3, controls + 1, dtype=float)
    design = BSpline(knots, np.eye(controls), 3)(np.linspace(0, controls - 3, nodes))
    np.testing.assert_allclose(spline_matrix(controls, nodes), design, atol=1e-12)


def test_tabulated_spline_of_linear_control_points_is_linear():
    grid = ControlGrid((0.0, 0.0, 0.0), (40.0, 80.0, 160.0), (6, 7, 8))
    controls = np.broadcast_to(np.arange(8.0)[:, None, None], (3, 8, 7, 6))
    table = grid.tabulate(controls)
    np.testing.assert_allclose(table[0, :, 0, 0], 1 + np.linspace(0, 5, grid.dense_counts[2]), atol=1e-12)


def test_node_coordinates_are_clamped_to_the_box():
    grid = ControlGrid((0.0, 0.0, 0.0), (40.0, 80.0, 160.0), (6, 7, 8))
    found = grid.node_coordinates(np.array([[20.0, 40.0, 1000.0], [-5.0, 0.0, 80.0]]))
    np.testing.assert_allclose(found.T, [[20, 5, 2.5], [10, 0, 0]])


def testsmooth_distance_of_a_ball_is_the_distance_to_its_surface():
    axis = np.arange(-20, 21) * 1.5
    radius = np.sqrt(np.sum(np.stack(np.meshgrid(axis, axis, axis)) ** 2, axis=0))
    field = Field(smooth_distance(radius < 18, 1.5, 1.2), np.full(3, axis[0]), 1.5)
    directions = np.random.default_rng(1).normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    # The border is true to half a voxel; away from it the distance between voxel centres is a little short.
    for depth, tolerance in ((-6.0, 1.0), (0.0, 0.75), (6.0, 1.0)):
        np.testing.assert_allclose(field.sample(directions * (18 + depth)), depth, atol=tolerance)


def test_affine_thigh_without_displacement_is_pulled_back_by_its_matrix():
    plain = replace(ATLAS, mean=np.zeros_like(ATLAS.mean))
    matrix = np.array([[1.1, 0.1, 0], [0, 0.9, 0.2], [0, 0, 1.3]])
    points = np.random.default_rng(2).uniform(-80, 80, (50, 3))
    found = plain.pull_back(Thigh(matrix, np.zeros(len(ATLAS.modes))), points)
    np.testing.assert_allclose(found, points @ matrix.T, atol=1e-4)


def test_held_out_people_are_every_fifth_and_no_training_people():
    everyone = sorted(set(ATLAS.people))
    assert list(ATLAS.people_of("held-out")) == everyone[4::5]
    assert not set(ATLAS.people_of("held-out")) & set(ATLAS.people_of("training"))
    with pytest.raises(ValueError, match="held-out"):
        ATLAS.people_of("all")


def test_training_coefficients_have_mean_zero_and_unit_deviation():
    values = ATLAS.coefficients[np.array(ATLAS.training)]
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.01)
    np.testing.assert_allclose(values.std(axis=0, ddof=1), 1, atol=0.01)


@settings(max_examples=8, deadline=None)
@given(index=st.integers(0, len(ATLAS.people) - 1))
def test_pull_back_of_every_fitted_thigh_does_not_fold(index):
    thigh = Thigh(ATLAS.matrices[index], ATLAS.coefficients[index])
    axis = np.arange(-60.0, 61.0, 8.0)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    image = ATLAS.pull_back(thigh, grid.reshape(-1, 3)).reshape(grid.shape)
    jacobian = np.stack(np.gradient(image, 8.0, axis=(0, 1, 2)), axis=-1)
    assert np.mean(np.linalg.det(jacobian) <= 0) < 0.002


def test_atlas_has_the_muscles_of_the_label_table_in_its_order(root):
    assert ATLAS.muscles == read_labels(root / "config" / "labels.tsv").muscles


@settings(max_examples=10, deadline=None)
@given(fraction=st.floats(0, 0.9), muscle=st.sampled_from(ATLAS.muscles))
def test_erosion_depth_takes_the_asked_fraction_of_the_volume(fraction, muscle):
    values = ATLAS.fields[muscle].values
    left = np.mean(values[values < 0] < -ATLAS.erosion_depth(muscle, fraction))
    assert left == pytest.approx(1 - fraction, abs=0.01)


def test_femur_shaft_of_the_template_is_as_wide_as_a_femur():
    """Outer diameter of an adult shaft: 24-34 mm."""
    field = ATLAS.fields[FEMUR]
    plane = field.values[round((0 - field.origin[2]) / field.spacing)]
    diameter = 2 * np.sqrt(np.sum(plane < 0) * field.spacing**2 / np.pi)
    assert 24 < diameter < 34


def test_artery_and_vein_run_between_the_muscles_on_nearly_their_whole_course():
    middle = np.abs(ATLAS.artery[:, 2]) < 150
    for line, least in ((ATLAS.artery[middle], 0.9), (ATLAS.vein[middle], 0.75)):
        index = np.round((line - ATLAS.origin) / ATLAS.spacing).astype(int)
        codes = ATLAS.template[index[:, 2], index[:, 1], index[:, 0]]
        assert np.mean(codes == len(ATLAS.regions)) > least


@pytest.mark.parametrize(
    ("name", "person", "least"),
    [("THIGH_014_0001_water", "THIGH_014", 0.75), ("THIGH_018_0002_t1", "THIGH_018", 0.65)],
)
def test_shape_of_a_real_thigh_overlaps_its_label_map(shared_data, name, person, least):
    """Mean Dice of 11 muscles; the atlas keeps no position in the scanner, so the best shift along z is sought."""
    image = read_image(shared_data / "thigh-label-maps" / f"{name}.nii.gz")
    points, truth = _right_thigh(image)
    thigh = ATLAS.thigh(person, "right")
    best = max(_mean_dice(thigh, points + [0, 0, shift], truth) for shift in np.arange(-48.0, 49.0, 8.0))
    assert best > least


def _right_thigh(image):
    labels = array_of(image)
    affine = affine_of(image)
    index = np.argwhere(np.ones_like(labels[:, ::6, ::6])) * [1, 6, 6]
    points = index[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
    truth = labels[tuple(index.T)]
    mine = points[:, 0] < points[truth > 0, 0].mean()
    points, truth = points[mine], truth[mine]
    area = np.bincount(index[mine][truth > 0, 0], minlength=len(labels))
    full = np.isin(index[mine][:, 0], np.nonzero(area > 0.5 * area.max())[0])
    points, truth = points[full], truth[full]
    return points - points[truth > 0].mean(axis=0), truth


def _mean_dice(thigh, points, truth):
    """Mean Dice after the centres of all muscles together were brought over each other in plane."""
    found = _muscles_at(ATLAS.pull_back(thigh, points))
    away = points[found > 0].mean(axis=0) * [1, 1, 0]
    found = _muscles_at(ATLAS.pull_back(thigh, points + away))
    pairs = [(found == number, truth == number) for number in range(1, 12)]
    return np.mean([2 * np.sum(a & b) / (np.sum(a) + np.sum(b)) for a, b in pairs])


def _muscles_at(points):
    found, nearest = np.zeros(len(points), dtype=int), np.zeros(len(points))
    for number, name in enumerate(SHARED, 1):
        distance = np.where(ATLAS.fields[name].covers(points), ATLAS.fields[name].sample(points), np.inf)
        found[distance < nearest] = number
        nearest = np.minimum(nearest, distance)
    return found
