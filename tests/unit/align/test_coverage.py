"""Label maps on other grids: coverage worked out by hand, symmetries of space, thick slices, gaps and edges."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from myot2.align.coverage import resample_labels
from myot2.align.inputs import read_label_map
from myot2.core.errors import MyoT2Error
from myot2.core.images import affine_of, array_of


def image_of(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    image = sitk.GetImageFromArray(np.asarray(array, dtype=np.uint16))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if direction is not None:
        image.SetDirection(np.asarray(direction, dtype=float).ravel())
    return image


def blobs(seed, shape=(6, 14, 16)):
    """Blocks of four labels and background."""
    coarse = np.random.default_rng(seed).integers(0, 5, (shape[0], shape[1] // 2, shape[2] // 2))
    return coarse.repeat(2, axis=1).repeat(2, axis=2)


def test_the_same_grid_gives_an_exact_copy():
    labels = image_of(blobs(1), (0.8, 0.8, 6.0), (3.0, 4.0, 5.0))
    result = resample_labels(labels, labels, label_thickness_mm=5.0, reference_thickness_mm=5.0)
    np.testing.assert_array_equal(array_of(result.labels), array_of(labels))
    assert (result.labels_outside_share, result.reference_outside_share) == (0, 0)


def test_sampling_the_same_grid_gives_an_exact_copy_too():
    labels = image_of(blobs(2), (0.8, 0.8, 6.0))
    nearly = sitk.TranslationTransform(3, (1e-5, 0.0, 0.0))
    result = resample_labels(labels, labels, nearly, label_thickness_mm=5.0, reference_thickness_mm=5.0)
    np.testing.assert_array_equal(array_of(result.labels), array_of(labels))


@pytest.mark.parametrize(("covered", "label"), [(1, 0), (2, 0), (3, 1), (5, 1)])
def test_a_voxel_is_labelled_from_half_coverage_on(covered, label):
    fine = np.zeros((1, 5, 5))
    fine[0, :, :covered] = 1
    fine = np.concatenate([fine, np.ones((1, 5, 5))], axis=2)
    coarse = image_of(np.zeros((1, 1, 2)), (5.0, 5.0, 1.0), (2.0, 2.0, 0.0))
    assert array_of(resample_labels(image_of(fine), coarse).labels).tolist() == [[[label, 1]]]


def test_a_voxel_between_two_muscles_belongs_to_the_larger_share_though_neither_has_half():
    row = np.array([1, 1, 1, 2, 2, 2, 2, 0, 0, 0, *[3] * 10])
    labels = image_of(np.broadcast_to(row, (1, 10, 20)))
    coarse = image_of(np.zeros((1, 1, 2)), (10.0, 10.0, 1.0), (4.5, 4.5, 0.0))
    assert array_of(resample_labels(labels, coarse).labels).ravel().tolist() == [2, 3]
    assert array_of(resample_labels(labels, coarse, minimum_fraction=0.75).labels).ravel().tolist() == [0, 3]


def test_the_thickness_of_the_reference_slice_decides_and_not_its_spacing():
    column = np.array([1, 1, 1, 2, 1, 1, 1])[:, None, None]
    labels = image_of(np.broadcast_to(column, (7, 4, 4)), (1.0, 1.0, 2.0))
    reference = image_of(np.zeros((1, 4, 4)), (1.0, 1.0, 14.0), (0.0, 0.0, 6.0))
    assert np.all(array_of(resample_labels(labels, reference).labels) == 1)
    assert np.all(array_of(resample_labels(labels, reference, reference_thickness_mm=1.5).labels) == 2)


def test_a_gap_between_slabs_takes_the_nearest_slab():
    labels = image_of(np.array([1, 2])[:, None, None] * np.ones((2, 4, 4)), (1.0, 1.0, 10.0))
    reference = image_of(np.zeros((2, 4, 4)), (1.0, 1.0, 2.0), (0.0, 0.0, 4.0))
    result = resample_labels(labels, reference, label_thickness_mm=2.0, reference_thickness_mm=0.5)
    assert array_of(result.labels)[:, 0, 0].tolist() == [1, 2]


def test_beyond_the_outer_face_of_the_last_slab_there_is_no_label_and_the_share_is_told():
    labels = image_of(np.ones((2, 4, 4)), (1.0, 1.0, 10.0))
    reference = image_of(np.zeros((8, 4, 4)), (1.0, 1.0, 2.0))
    result = resample_labels(labels, reference, label_thickness_mm=6.0)
    # slices at 0, 2 ... 14 mm against a field that ends at 10 + 3 mm
    assert array_of(result.labels)[:, 0, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 0]
    assert result.reference_outside_share == pytest.approx(1 / 8)
    narrow = image_of(np.zeros((2, 4, 2)), (1.0, 1.0, 10.0))
    assert resample_labels(labels, narrow).labels_outside_share == pytest.approx(0.5)


def test_labels_and_reference_that_share_no_space_are_refused():
    labels = image_of(np.ones((2, 4, 4)))
    with pytest.raises(MyoT2Error, match="frame of reference") as error:
        resample_labels(labels, image_of(np.ones((2, 4, 4)), origin=(50.0, 0.0, 0.0)), where="dseg.nii.gz")
    assert error.value.where == "dseg.nii.gz"


def test_an_empty_label_map_is_refused():
    with pytest.raises(MyoT2Error, match="only background"):
        resample_labels(image_of(np.zeros((2, 4, 4))), image_of(np.zeros((2, 4, 4))))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 100),
    angle=st.floats(-0.5, 0.5),
    fraction=st.sampled_from([0.2, 0.5, 0.8]),
    grid=st.sampled_from([((4, 9, 10), (1.37, 1.29, 5.0)), ((6, 14, 16), (0.83, 0.83, 4.0))]),
)
def test_muscles_are_the_same_voxels_whether_or_not_bone_is_labelled(seed, angle, fraction, grid):
    muscle_and_bone, (shape, spacing) = blobs(seed), grid
    muscle = np.where(muscle_and_bone == 3, 0, muscle_and_bone)
    reference = image_of(np.zeros(shape), spacing)
    turn = sitk.Euler3DTransform()
    turn.SetRotation(0, 0, angle)
    with_bone, without_bone = (
        resample_labels(
            image_of(labels, (0.83, 0.83, 4.0)), reference, turn, minimum_fraction=fraction, bone=[3], where="x"
        )
        for labels in (muscle_and_bone, muscle)
    )
    placed = array_of(with_bone.labels)
    np.testing.assert_array_equal(np.where(placed == 3, 0, placed), array_of(without_bone.labels))
    assert with_bone.labels_outside_share == without_bone.labels_outside_share


@pytest.mark.parametrize(
    ("row", "placed"),
    [([1, 1, 1, 3, 3, 3, 3, 2, 2, 2], 1), ([1, 1, 3, 3, 3, 0, 0, 0, 0, 0], 0), ([1, 1, 1, 1, 3, 3, 3, 3, 3, 3], 3)],
    ids=["muscles together beat bone", "bone lends muscle no share", "bone by its own share"],
)
def test_bone_takes_no_part_in_the_vote_of_the_muscles(row, placed):
    labels = image_of(np.broadcast_to(np.array([*row, *[2] * 10]), (1, 10, 20)))
    coarse = image_of(np.zeros((1, 1, 2)), (10.0, 10.0, 1.0), (4.5, 4.5, 0.0))
    assert array_of(resample_labels(labels, coarse, bone=[3]).labels).ravel().tolist() == [placed, 2]


def test_bone_alone_is_refused():
    bone = np.zeros((2, 4, 4))
    bone[0] = 3
    with pytest.raises(MyoT2Error, match="only bone"):
        resample_labels(image_of(bone), image_of(bone), bone=[3])
    beside = bone.copy()
    beside[1, 3, 3] = 1
    # of the one muscle voxel the coarse reference sees too little
    coarse = image_of(np.zeros((1, 1, 1)), (4.0, 4.0, 2.0), (1.5, 1.5, 0.5))
    with pytest.raises(MyoT2Error, match="no voxel of it with enough"):
        resample_labels(image_of(beside), coarse, bone=[3])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), axes=st.permutations([0, 1, 2]), flips=st.tuples(*[st.booleans()] * 3))
def test_flipped_and_swapped_axes_change_the_storage_and_not_the_place(seed, axes, flips):
    """Covers left-handed grids: a flip changes the sign of the determinant."""
    labels = image_of(blobs(seed), (0.8, 1.1, 6.0), (-7.0, 8.0, 9.0))
    moved = sitk.PermuteAxes(labels, axes)
    moved = sitk.Flip(moved, flips, flipAboutOrigin=False)
    back = resample_labels(moved, labels)
    np.testing.assert_array_equal(array_of(back.labels), array_of(labels))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 100),
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    shift=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_turning_labels_and_reference_together_changes_nothing(seed, angles, shift):
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    labels = image_of(blobs(seed), (0.83, 0.83, 4.0), (1.0, 2.0, 3.0))
    reference = image_of(np.zeros((4, 9, 10)), (1.37, 1.29, 5.0), (1.5, 2.1, 4.2))
    straight = resample_labels(labels, reference, reference_thickness_mm=3.0)
    for image in (labels, reference):
        image.SetOrigin(rotation @ image.GetOrigin() + shift)
        image.SetDirection((rotation @ np.reshape(image.GetDirection(), (3, 3))).ravel())
    turned = resample_labels(labels, reference, reference_thickness_mm=3.0)
    # a sample may lie on a border within rounding, hence "nearly all"
    assert np.mean(array_of(turned.labels) == array_of(straight.labels)) > 0.99
    assert turned.labels_outside_share == pytest.approx(straight.labels_outside_share, abs=0.02)


def test_a_transform_points_from_the_reference_to_the_labels():
    labels = np.zeros((3, 9, 9))
    labels[1, 4, 4] = 7
    image = image_of(labels, (2.0, 2.0, 5.0))
    forward = sitk.TranslationTransform(3, (4.0, -2.0, 5.0))
    result = array_of(resample_labels(image, image, forward).labels)
    assert np.argwhere(result).tolist() == [[0, 5, 2]]
    turn = sitk.Euler3DTransform()
    turn.SetCenter((8.0, 8.0, 5.0))
    turn.SetRotation(0, 0, np.pi / 2)
    labels[1, 4, 6] = 3
    turned = array_of(resample_labels(image_of(labels, (2.0, 2.0, 5.0)), image, turn).labels)
    # the reference voxel that the quarter turn carries to column 6 lies on row 2: (x, y) -> (-y, x)
    assert turned[1, 4, 4] == 7 and turned[1, 2, 4] == 3


def test_oblique_real_labels_keep_their_volumes_and_places_on_a_straight_grid(shared_data):
    labels = read_label_map(shared_data / "lumbar-muscles/dseg.nii.gz")
    corners = np.array([labels.TransformIndexToPhysicalPoint(corner) for corner in _corners(labels)])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = np.ceil((high - low) / 1.5).astype(int)
    reference = sitk.Image(size.tolist(), sitk.sitkUInt8)
    reference.SetSpacing((1.5, 1.5, 1.5))
    reference.SetOrigin(low)
    result = resample_labels(labels, reference)
    assert result.labels_outside_share < 0.05
    for label in range(1, 9):
        (volume, centre), (expected, place) = (_volume_and_centre(i, label) for i in (result.labels, labels))
        assert volume == pytest.approx(expected, rel=0.05)
        assert np.linalg.norm(centre - place) < 1.0


def test_real_thighs_at_clinical_slices_keep_their_volumes_on_the_grid_of_the_study(shared_data):
    labels = read_label_map(shared_data / "thigh-label-maps/THIGH_003_0002_t1.nii.gz")
    reference = sitk.Image([254, 140, 60], sitk.sitkUInt8)
    reference.SetSpacing((1.65, 1.65, 6.0))
    origin = np.array(labels.GetOrigin())
    reference.SetOrigin(origin - [10, -30, 9])
    result = resample_labels(labels, reference, reference_thickness_mm=5.0)
    assert result.labels_outside_share < 0.02
    for label in range(1, 12):
        volume, expected = (_volume_and_centre(image, label)[0] for image in (result.labels, labels))
        assert volume == pytest.approx(expected, rel=0.05)


def _corners(image):
    return [[pick * (n - 1) for pick, n in zip(c, image.GetSize(), strict=True)] for c in np.ndindex(2, 2, 2)]


def _volume_and_centre(image, label):
    index = np.argwhere(array_of(image) == label)[:, ::-1]
    centre = affine_of(image) @ [*index.mean(axis=0), 1.0]
    return len(index) * np.prod(image.GetSpacing()), centre[:3]
