"""Corrected label maps of other programs: taken where no voxel has to be moved, refused else."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from review_boxes import box, grid

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of
from myot2.review.masks import read_corrected, without_muscles

LABELLED = grid(box())
T2 = grid(np.zeros((2, 6, 5), np.float32), spacing=(4.0, 4.0, 12.0))


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_any_number_type_is_taken(tmp_path, table, kind):
    sitk.WriteImage(grid(box().astype(kind)), str(tmp_path / "mask.nii.gz"))
    image, on = read_corrected(tmp_path / "mask.nii.gz", table, LABELLED, T2)
    assert on == "labelled" and np.array_equal(array_of(image), box())


@pytest.mark.parametrize("axes", ["RAS", "LPI", "SPL", "ARI"])
def test_turned_axes_are_turned_back_voxel_by_voxel(tmp_path, table, axes):
    # nibabel, not ITK, turns: the truth shares no code with what is tested
    sitk.WriteImage(grid(box()), str(tmp_path / "plain.nii"))
    plain = nibabel.load(tmp_path / "plain.nii")
    wanted = nibabel.orientations.axcodes2ornt(axes)
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(plain.affine), wanted)
    nibabel.save(plain.as_reoriented(turn), tmp_path / "mask.nii.gz")
    image, on = read_corrected(tmp_path / "mask.nii.gz", table, LABELLED, T2)
    assert on == "labelled" and np.array_equal(array_of(image), box())


def test_a_mask_on_the_t2_grid_is_taken_as_such(tmp_path, table):
    drawn = np.ones((2, 6, 5), np.uint8)
    sitk.WriteImage(grid(drawn, spacing=(4.0, 4.0, 12.0)), str(tmp_path / "mask.nii.gz"))
    image, on = read_corrected(tmp_path / "mask.nii.gz", table, LABELLED, T2)
    assert on == "T2" and image.GetSize() == T2.GetSize()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (grid(box(), origin=(-10.0, -12.0, 3.5)), "3.5"),
        (grid(box()[:, 1:]), "10 x 11 x 4"),
        (grid(box() + np.uint16(98)), "99"),
        (grid(box() + np.float32(0.5)), "0.5"),
        (grid(np.zeros_like(box())), "none"),
        (grid(np.where(box() == 1, 99, 0).astype(np.uint8)), "99"),
    ],
)
def test_another_grid_a_foreign_number_and_an_empty_map_are_refused(tmp_path, table, image, found):
    sitk.WriteImage(image, str(tmp_path / "mask.nii.gz"))
    with pytest.raises(MyoT2Error) as refused:
        read_corrected(tmp_path / "mask.nii.gz", table, LABELLED, T2)
    assert found in refused.value.found


def test_rejected_muscles_are_taken_out_and_unknown_ones_refused(table):
    left = array_of(without_muscles(LABELLED, ["left vastus lateralis"], table, "row"))
    assert set(np.unique(left)) == {0, 2} and np.array_equal(left == 2, box() == 2)
    with pytest.raises(MyoT2Error, match="vastus"):
        without_muscles(LABELLED, ["vastus"], table, "row")
