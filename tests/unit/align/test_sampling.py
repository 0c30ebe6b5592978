"""Where voxels of one grid lie in another: samples, fields and boxes worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.align.sampling import (
    EDGE,
    box_around,
    field_of,
    index_map,
    indices,
    nearest_voxels,
    point_map,
    sample_offsets,
    share_outside,
)


def image(size, spacing=(1.0, 1.0, 1.0)):
    made = sitk.Image(size, sitk.sitkUInt8)
    made.SetSpacing(spacing)
    return made


def test_a_sample_lies_in_the_voxel_whose_centre_is_nearest():
    field = field_of(image((4, 3, 2)), None)
    centres = np.array([[0.0, 0.0, 0.0], [2.6, 1.4, 0.6], [3.4, 2.4, 1.4]]).T
    flat, inside = nearest_voxels(centres, np.zeros(3), (2, 3, 4), field)
    columns, rows, slices = [0, 3, 3], [0, 1, 2], [0, 1, 1]
    assert flat.tolist() == np.ravel_multi_index((slices, rows, columns), (2, 3, 4)).tolist()
    assert inside.tolist() == [True] * 3


def test_a_sample_outside_the_field_is_told_and_gets_the_nearest_voxel():
    field = field_of(image((4, 3, 2)), None)
    centres = np.array([[-0.6, 0, 0], [0, 2.6, 0], [0, 0, 1.4], [3.5, 2.5, 1.5]]).T
    flat, inside = nearest_voxels(centres, np.zeros(3), (2, 3, 4), field)
    assert flat.tolist() == [0, 8, 12, 23]
    assert inside.tolist() == [False, False, True, True]


def test_the_shift_is_added_to_every_sample():
    field = field_of(image((4, 3, 2)), None)
    flat, inside = nearest_voxels(np.zeros((3, 2)), np.array([2.0, 1.0, -1.0]), (2, 3, 4), field)
    assert flat.tolist() == [6, 6]
    assert not inside.any()


@pytest.mark.parametrize(("scale", "count"), [(1.0, 4), (2.0, 4), (3.0, 6), (8.0, 16), (20.0, 16)])
def test_there_are_two_samples_per_source_voxel_but_four_to_sixteen(scale, count):
    to_source = np.diag([scale, 1.0, 1.0, 1.0])
    assert len(sample_offsets(to_source, image((5, 5, 5)), None)) == count * 4 * 4


def test_samples_are_spread_evenly_over_the_pixel_and_the_slice_without_its_gap():
    offsets = sample_offsets(np.eye(4), image((5, 5, 5), (1.0, 1.0, 6.0)), 3.0)
    np.testing.assert_allclose(offsets.mean(axis=0), 0, atol=1e-12)
    for axis, width in enumerate((1.0, 1.0, 0.5)):
        np.testing.assert_allclose(np.unique(offsets[:, axis]), width * np.array([-0.375, -0.125, 0.125, 0.375]))


def test_the_field_ends_at_the_outer_faces_of_the_voxels():
    whole = [[-0.5, 3.5], [-0.5, 2.5], [-0.5, 1.5]]
    np.testing.assert_allclose(field_of(image((4, 3, 2)), None), whole, atol=2 * EDGE)
    thin = [[-0.5, 3.5], [-0.5, 2.5], [-0.25, 1.25]]
    np.testing.assert_allclose(field_of(image((4, 3, 2), (1.0, 1.0, 6.0)), 3.0), thin, atol=2 * EDGE)


@pytest.mark.parametrize(("shift", "share"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.25), (-2.0, 0.5), (9.0, 1.0)])
def test_the_share_outside_counts_voxel_centres(shift, share):
    matrix = np.eye(4)
    matrix[0, 3] = shift
    assert share_outside(indices((4, 3, 2)), matrix, field_of(image((4, 3, 2)), None)) == share


def test_the_box_holds_the_given_voxels_with_a_margin_and_ends_with_the_grid():
    voxels = np.array([[5, 6], [5, 5], [0, 0]])
    box = box_around(voxels, np.eye(4), (20, 20, 3))
    columns, rows, slices = ((part.min(), part.max()) for part in box)
    # the voxels end at 4.5 and 6.5, which whole numbers hold from 4 to 7, and one more on either side
    assert (columns, rows, slices) == ((3, 8), (3, 7), (0, 2))
    assert box.shape[1] == 6 * 5 * 3


def test_the_box_of_a_turned_and_scaled_grid_holds_all_voxels_that_touch():
    to_reference = np.array([[0, 0.5, 0, 10.0], [-0.5, 0, 0, 12.0], [0, 0, 1.0, 1.0], [0, 0, 0, 1]])
    box = box_around(np.array([[4, 9], [2, 6], [0, 1]]), to_reference, (40, 40, 6))
    # columns 10 + rows / 2 of 1.5 to 6.5, rows 12 - columns / 2 of 3.5 to 9.5
    assert box[0].min() <= 10.75 and box[0].max() >= 13.25
    assert box[1].min() <= 7.25 and box[1].max() >= 10.25
    assert np.ptp(box[0]) <= 7 and np.ptp(box[1]) <= 7


def test_a_matrix_stands_for_any_rigid_or_affine_transform_and_for_chains_of_them():
    rigid = sitk.Euler3DTransform((1.0, 2.0, 3.0), 0.1, -0.2, 0.3, (4.0, 5.0, -6.0))
    affine = sitk.AffineTransform((1.1, 0.1, 0, 0, 0.9, 0, 0.2, 0, 1.0), (1.0, 0.0, -2.0))
    chain = sitk.CompositeTransform([rigid, affine])
    points = np.random.default_rng(0).uniform(-50, 50, (20, 3))
    for transform in (rigid, affine, chain):
        moved = points @ point_map(transform)[:3, :3].T + point_map(transform)[:3, 3]
        np.testing.assert_allclose(moved, [transform.TransformPoint(point) for point in points.tolist()], atol=1e-10)
    np.testing.assert_array_equal(point_map(None), np.eye(4))


def test_a_transform_that_bends_is_refused():
    bent = sitk.BSplineTransform(3)
    chain = sitk.CompositeTransform([sitk.TranslationTransform(3, (1.0, 0.0, 0.0)), bent])
    for transform in (bent, chain):
        with pytest.raises(ValueError, match="rigid or affine"):
            point_map(transform)
        with pytest.raises(ValueError, match="rigid or affine"):
            index_map(image((2, 2, 2)), image((2, 2, 2)), transform)
