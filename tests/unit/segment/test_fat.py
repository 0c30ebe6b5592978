"""Fat inside muscle labels: told by a Dixon scan or a map, counted, cut on request only."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.segment.fat import cut_fat, fraction_of_water_fat, given_fraction

SPACING = (2.0, 2.0, 5.0)


def image(values: np.ndarray, spacing=SPACING) -> sitk.Image:
    result = sitk.GetImageFromArray(values)
    result.SetSpacing(spacing)
    return result


@pytest.fixture
def dixon(tmp_path):
    """Water 80, fat 20 in the left half, 30 and 70 in the right; nothing at the border."""
    water, fat = np.zeros((3, 20, 20), np.float32), np.zeros((3, 20, 20), np.float32)
    water[:, 2:-2, 2:10], fat[:, 2:-2, 2:10] = 80, 20
    water[:, 2:-2, 10:18], fat[:, 2:-2, 10:18] = 30, 70
    for name, values in (("water", water), ("fat", fat)):
        sitk.WriteImage(image(values), str(tmp_path / f"{name}.nii.gz"))
    return tmp_path / "water.nii.gz", tmp_path / "fat.nii.gz", image(water + fat)


def test_water_and_fat_images_give_the_fraction_and_air_has_none(dixon):
    water, fat, in_phase = dixon
    fraction = fraction_of_water_fat(water, fat, in_phase)
    assert fraction[:, 5, 5] == pytest.approx(0.2) and fraction[:, 5, 15] == pytest.approx(0.7)
    assert np.isnan(fraction[:, 0]).all()


def test_an_image_of_another_scale_is_no_in_phase_image(dixon):
    water, fat, in_phase = dixon
    fraction = fraction_of_water_fat(water, fat, in_phase * 3.0)
    assert fraction[:, 5, 15] == pytest.approx(0.7)


def test_images_on_another_grid_than_the_labelled_one_are_refused(dixon):
    water, fat, in_phase = dixon
    in_phase.SetOrigin((5.0, 0.0, 0.0))
    with pytest.raises(MyoT2Error, match="on one grid"):
        fraction_of_water_fat(water, fat, in_phase)


def test_a_given_map_on_a_finer_grid_is_interpolated_and_unknown_stays_unknown(tmp_path):
    fine = np.tile(np.linspace(0, 1, 41, dtype=np.float32), (5, 41, 1))
    fine[:, :, :4] = np.nan
    path = tmp_path / "ff.nii.gz"
    affine = np.diag([-1.0, -1.0, 5.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(fine.T, affine), path)
    grid = image(np.zeros((5, 20, 20), np.float32))
    fraction, interpolated = given_fraction(path, grid)
    assert interpolated
    np.testing.assert_allclose(fraction[2, 3, 2:], np.arange(2, 20) * 2 / 40, atol=1e-5)
    assert np.isnan(fraction[:, :, :2]).all()


def test_a_given_map_on_the_same_grid_is_taken_as_it_is(tmp_path):
    values = np.random.default_rng(1).random((3, 10, 10), np.float32)
    sitk.WriteImage(image(values), str(tmp_path / "ff.nii.gz"))
    fraction, interpolated = given_fraction(tmp_path / "ff.nii.gz", image(values))
    assert not interpolated
    np.testing.assert_array_equal(fraction, values)


def test_per_cent_are_refused(tmp_path):
    sitk.WriteImage(image(np.full((3, 10, 10), 35.0, np.float32)), str(tmp_path / "ff.nii.gz"))
    with pytest.raises(MyoT2Error, match="from 0 to 1"):
        given_fraction(tmp_path / "ff.nii.gz", image(np.zeros((3, 10, 10), np.float32)))


def test_cutting_takes_fat_from_muscles_and_leaves_bone_and_what_is_unknown():
    labels = np.array([[[1, 1, 1, 27, 0]]], np.uint8)
    fraction = np.array([[[0.9, 0.5, np.nan, 0.9, 0.9]]], np.float32)
    assert cut_fat(labels, fraction, [1, 2], 0.5).tolist() == [[[0, 1, 1, 27, 0]]]
