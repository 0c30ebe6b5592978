"""Images on other grids: means worked out by hand, what a straight line of intensities must give, edges and gaps."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.align.averaging import resample_means
from myot2.core.images import affine_of, array_of, read_sidecar, write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note


def image_of(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(np.asarray(array, dtype=np.float32))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def positions(image):
    """LPS position (mm) of each voxel centre, shape (3, slices, rows, columns)."""
    index = np.indices(image.GetSize()[::-1])[::-1].reshape(3, -1)
    affine = affine_of(image)
    return (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *image.GetSize()[::-1])


def test_on_the_same_grid_nothing_changes():
    image = image_of(np.random.default_rng(0).normal(size=(3, 5, 6)), (0.8, 0.8, 6.0))
    np.testing.assert_array_equal(array_of(resample_means([image], image)[0]), array_of(image))


def test_a_voxel_that_holds_four_is_their_mean():
    fine = image_of(np.arange(16).reshape(1, 4, 4))
    coarse = image_of(np.zeros((1, 2, 2)), (2.0, 2.0, 1.0), (0.5, 0.5, 0.0))
    assert array_of(resample_means([fine], coarse)[0]).tolist() == [[[2.5, 4.5], [10.5, 12.5]]]


@settings(max_examples=25, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-0.4, 0.4)] * 2),
    pixel=st.floats(1.5, 2.5),
    slope=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_a_straight_course_across_the_plane_keeps_its_value_at_every_centre(shift, pixel, slope):
    fine = image_of(np.zeros((1, 40, 40)))
    x, y, _ = positions(fine)
    fine = image_of(100 + slope[0] * x + slope[1] * y)
    coarse = image_of(np.zeros((1, 8, 8)), (pixel, pixel, 1.0), (8.0 + shift[0], 8.0 + shift[1], 0.0))
    x, y, _ = positions(coarse)
    expected = 100 + slope[0] * x + slope[1] * y
    # two samples and more in each source voxel place the mean to 0.3 of a source voxel each way at worst
    bound = (abs(slope[0]) + abs(slope[1])) * 0.3 + 1e-4
    np.testing.assert_allclose(array_of(resample_means([fine], coarse)[0]), expected, atol=bound)


def test_a_thin_slice_in_the_gap_takes_the_nearest_slab_and_a_thick_one_both():
    slabs = image_of(np.stack([np.full((4, 4), 10.0), np.full((4, 4), 30.0)]), (1.0, 1.0, 6.0))
    between = image_of(np.zeros((1, 4, 4)), (1.0, 1.0, 1.0), (0.0, 0.0, 2.0))
    thick = image_of(np.zeros((1, 4, 4)), (1.0, 1.0, 6.0), (0.0, 0.0, 3.0))
    options = {"source_thickness_mm": 5.0}
    assert np.all(array_of(resample_means([slabs], between, **options)[0]) == 10)
    np.testing.assert_allclose(array_of(resample_means([slabs], thick, **options)[0]), 20)


def test_outside_the_field_there_is_no_number():
    image = image_of(np.full((1, 4, 4), 7.0))
    wide = image_of(np.zeros((1, 4, 8)))
    found = array_of(resample_means([image], wide)[0])
    assert np.all(found[:, :, :4] == 7) and np.all(np.isnan(found[:, :, 4:]))


def test_what_is_unknown_takes_no_part_in_a_mean():
    fine = np.arange(16.0).reshape(1, 4, 4)
    fine[0, 0, 0] = np.nan
    fine[0, 2:, 2:] = np.nan
    coarse = image_of(np.zeros((1, 2, 2)), (2.0, 2.0, 1.0), (0.5, 0.5, 0.0))
    found = array_of(resample_means([image_of(fine), image_of(np.ones((1, 4, 4)))], coarse)[0])
    np.testing.assert_allclose(found, [[[10 / 3, 4.5], [10.5, np.nan]]], rtol=1e-6)


def test_a_transform_brings_the_motion_between_the_series_along():
    image = image_of(np.arange(64).reshape(1, 8, 8))
    moved = array_of(resample_means([image], image, sitk.TranslationTransform(3, (1.0, 0.0, 0.0)))[0])
    np.testing.assert_array_equal(moved[:, :, :-1], array_of(image)[:, :, 1:])


@pytest.fixture
def resample(program):
    return program("resample_images")


@pytest.fixture
def dixon(tmp_path):
    """Water and fat of 4 x 4 pixels, an echo of 2 x 2, and where the results go."""
    for name, value in (("water", 300.0), ("fat", 100.0)):
        write_image(image_of(np.full((2, 4, 4), value), (1.0, 1.0, 6.0)), tmp_path / f"{name}.nii.gz")
        write_sidecar(tmp_path / f"{name}.nii.gz", {"EchoTime": 0.051, "SliceThickness": 5.0, "Secret": "x"})
    write_image(image_of(np.zeros((2, 2, 2)), (2.0, 2.0, 6.0), (0.5, 0.5, 0.0)), tmp_path / "echo.nii.gz")
    names = ("water", "fat")
    return [
        *("--images", *(str(tmp_path / f"{name}.nii.gz") for name in names)),
        *("--reference", str(tmp_path / "echo.nii.gz")),
        *("--out", *(str(tmp_path / f"{name}_t2.nii.gz") for name in names)),
    ]


def test_the_program_writes_each_image_with_the_times_of_its_sequence(resample, dixon, tmp_path):
    assert resample(dixon) == 0
    for name, value in (("water", 300.0), ("fat", 100.0)):
        found = nibabel.load(tmp_path / f"{name}_t2.nii.gz")
        assert found.shape == (2, 2, 2) and np.all(found.get_fdata() == value)
        sidecar = read_sidecar(tmp_path / f"{name}_t2.nii.gz")
        assert sidecar["EchoTime"] == 0.051 and "Secret" not in sidecar


def test_the_program_hands_a_stop_on_and_refuses_images_on_two_grids(resample, dixon, tmp_path, capsys):
    StopNote("ingest", "a", "b", "c", "d").write(tmp_path / "fat.nii.gz")
    assert resample([*dixon, "--leave-stop-notes"]) == 0
    assert read_stop_note(tmp_path / "water_t2.nii.gz").stage == "ingest"
    write_image(image_of(np.zeros((2, 4, 4)), (1.0, 1.0, 7.0)), tmp_path / "fat.nii.gz")
    assert resample(dixon) == 1
    assert "all images on one grid" in capsys.readouterr().err


def test_a_transform_that_is_none_is_refused(resample, dixon, tmp_path, capsys):
    (tmp_path / "x.tfm").write_text("nothing")
    sitk.WriteTransform(sitk.BSplineTransform(3), str(tmp_path / "bent.tfm"))
    for name in ("x.tfm", "bent.tfm", "missing.tfm"):
        assert resample([*dixon, "--transform", str(tmp_path / name)]) == 1
        assert "a transform that scripts/resample_labels.py wrote" in capsys.readouterr().err


def test_the_program_keeps_what_is_unknown_and_refuses_images_of_elsewhere(resample, dixon, tmp_path, capsys):
    water = np.full((2, 4, 4), 300.0)
    water[0] = np.nan
    write_image(image_of(water, (1.0, 1.0, 6.0)), tmp_path / "water.nii.gz")
    assert resample(dixon) == 0
    found = nibabel.load(tmp_path / "water_t2.nii.gz").get_fdata().T
    assert np.all(np.isnan(found[0])) and np.all(found[1] == 300)
    write_image(image_of(np.zeros((2, 2, 2)), (2.0, 2.0, 6.0), (500.0, 0.0, 0.0)), tmp_path / "echo.nii.gz")
    assert resample(dixon) == 1
    assert "images that show what the reference shows" in capsys.readouterr().err
