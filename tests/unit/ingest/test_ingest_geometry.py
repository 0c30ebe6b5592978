"""Where the voxels lie: against the formula of DICOM PS3.3 C.7.6.2.1.1, whatever the orientation and the order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_dicom_builder import Plan, axial_volume, planes, write
from scipy.spatial.transform import Rotation

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import read_volume, signal
from myot2.ingest.stacking.geometry import order_slices
from myot2.ingest.stacking.series import split_stacks


def image_of(folder):
    (stack,) = split_stacks(read_index(folder).frames)
    return read_volume(stack.slices, signal, stack.name)


def refusal_of(folder, datasets):
    write(folder, datasets)
    (stack,) = split_stacks(read_index(folder).frames)
    with pytest.raises(MyoT2Error) as caught:
        _ = stack.slices
    return caught.value


@settings(max_examples=25, deadline=None)
@given(
    rotation=st.integers(0, 2**32 - 1),
    seed=st.integers(0, 1000),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
    distance=st.floats(0.5, 40),
    spacing=st.tuples(st.floats(0.3, 4), st.floats(0.3, 4)),
)
def test_every_voxel_lies_where_the_header_formula_puts_it(tmp_path_factory, rotation, seed, origin, distance, spacing):
    turn = Rotation.random(random_state=rotation).as_matrix()
    row, column, normal = turn.T
    plan = Plan(
        3,
        axial_volume(slices=3, rows=4, columns=5),
        origin=origin,
        orientation=(*row, *column),
        pixel_spacing=spacing,
        distance=distance,
    )
    folder = tmp_path_factory.mktemp("oblique")
    write(folder, planes(plan), seed=seed)
    image = image_of(folder)
    for k, j, i in np.ndindex(3, 4, 5):
        place = np.array(origin) + i * spacing[1] * row + j * spacing[0] * column + k * distance * normal
        index = image.TransformPhysicalPointToIndex(place.tolist())
        assert image[index] == plan.pixels[0, k, j, i]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), place, atol=1e-3)


def test_reversed_slice_numbering_gives_the_same_image(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    write(tmp_path / "forth", datasets)
    for number, dataset in enumerate(reversed(datasets), start=1):
        dataset.InstanceNumber = number
    write(tmp_path / "back", datasets)
    forth, back = image_of(tmp_path / "forth"), image_of(tmp_path / "back")
    assert np.array_equal(sitk.GetArrayViewFromImage(forth), sitk.GetArrayViewFromImage(back))
    assert forth.GetOrigin() == back.GetOrigin()


def test_a_missing_slice_is_named(tmp_path):
    datasets = planes(Plan(3, axial_volume(slices=6)))
    del datasets[2]
    error = refusal_of(tmp_path, datasets)
    assert error.where == "series 3, slice 2"
    assert "12.00 mm to the next slice (1 missing between them)" in error.found


def test_a_missing_slice_among_four_is_named(tmp_path):
    datasets = planes(Plan(3, axial_volume(slices=4)))
    del datasets[1]
    error = refusal_of(tmp_path, datasets)
    assert error.where == "series 3, slice 1"
    assert "1 missing" in error.found


def test_every_second_slice_left_out_is_refused(tmp_path):
    datasets = planes(Plan(3, axial_volume(slices=6), facts={"SpacingBetweenSlices": 6}))[::2]
    assert "12.00 mm to the next slice, all along" in refusal_of(tmp_path, datasets).found


def test_a_gap_in_place_of_the_distance_in_the_header_is_no_missing_slice(tmp_path):
    write(tmp_path, planes(Plan(3, axial_volume(), facts={"SpacingBetweenSlices": 1})))
    assert image_of(tmp_path).GetSpacing() == (1.5, 2.0, 6.0)


def test_a_slice_that_is_there_twice_is_named(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    datasets[3].ImagePositionPatient = datasets[2].ImagePositionPatient
    error = refusal_of(tmp_path, datasets)
    assert error.where == "series 3, slice 4"
    assert "twice" in error.found


def test_a_slice_off_the_even_grid_is_refused_and_header_rounding_is_not(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    datasets[1].ImagePositionPatient = [-50, -40, 16.3]
    assert refusal_of(tmp_path / "off", datasets).where.startswith("series 3, slice")
    datasets[1].ImagePositionPatient = [-50, -40, 16.003]
    write(tmp_path / "rounded", datasets)
    assert image_of(tmp_path / "rounded").GetSize() == (14, 12, 4)


def test_a_tilted_slice_is_named(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    datasets[2].ImageOrientationPatient = [1, 0, 0, 0, np.cos(0.05).round(8), np.sin(0.05).round(8)]
    error = refusal_of(tmp_path, datasets)
    assert error.where == "series 3, image 3"
    assert "mixed orientations: this image is tilted by 2.9 degrees" in error.found


def test_a_slice_shifted_within_its_plane_is_named(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    datasets[2].ImagePositionPatient = [-47, -40, 22]
    error = refusal_of(tmp_path, datasets)
    assert error.where == "series 3, slice 3"
    assert "3.00 mm aside" in error.found


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("RepetitionTime", 3000, "one repetition time"),
        ("PixelSpacing", [2.5, 2.5], "one pixel size"),
        ("FlipAngle", 120, "one flip angle"),
        ("FrameOfReferenceUID", "1.2.3", "one frame of reference"),
        ("PatientID", "4712", "one patient identifier"),
    ],
)
def test_images_of_another_protocol_in_the_series_are_refused(tmp_path, keyword, value, words):
    datasets = planes(Plan(3, axial_volume()))
    setattr(datasets[1], keyword, value)
    error = refusal_of(tmp_path, datasets)
    assert words in error.expected
    assert error.where == "series 3, image 2"


def test_a_slice_of_another_matrix_is_refused_and_not_left_out(tmp_path):
    datasets = planes(Plan(3, axial_volume()))
    datasets[3].Rows, datasets[3].PixelData = 6, datasets[3].PixelData[: 6 * 14 * 2]
    error = refusal_of(tmp_path, datasets)
    assert (error.where, error.expected) == ("series 3, image 4", "one matrix in the whole series")


def test_a_single_slice_is_as_thick_as_its_header_says(tmp_path):
    write(tmp_path, planes(Plan(3, axial_volume(slices=1), facts={"SpacingBetweenSlices": 40})))
    assert image_of(tmp_path).GetSpacing()[2] == 5.0


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_an_image_without_place_or_size_is_refused(tmp_path, keyword):
    datasets = planes(Plan(3, axial_volume()))
    for dataset in datasets:
        delattr(dataset, keyword)
    assert "position, orientation" in refusal_of(tmp_path, datasets).expected


def test_a_localiser_of_three_orientations_makes_three_stacks(tmp_path):
    three = [(1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)]
    for orientation in three:
        write(tmp_path, planes(replace(Plan(1, axial_volume(slices=2)), orientation=orientation)))
    stacks = split_stacks(read_index(tmp_path).frames)
    assert sorted(stack.orientation for stack in stacks) == ["axial", "coronal", "sagittal"]
    assert {stack.name for stack in stacks} == {"series 1 (stack 1)", "series 1 (stack 2)", "series 1 (stack 3)"}


def test_repeated_volumes_of_a_series_are_told_apart_by_acquisition_number(tmp_path):
    for number in (1, 2, 3):
        write(tmp_path, planes(Plan(6, axial_volume(), facts={"AcquisitionNumber": number})))
    stacks = split_stacks(read_index(tmp_path).frames)
    assert [(len(stack.frames), len(stack.slices.frames)) for stack in stacks] == [(4, 4)] * 3


def test_mixed_orientations_handed_over_as_one_stack_are_refused(tmp_path):
    write(tmp_path, planes(Plan(1, axial_volume())) + planes(Plan(1, axial_volume(), orientation=(1, 0, 0, 0, 0, -1))))
    with pytest.raises(MyoT2Error, match="mixed orientations: this image is tilted by 90.0 degrees"):
        order_slices(read_index(tmp_path).frames, "series 1")
