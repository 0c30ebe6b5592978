"""Rigid refinement: known motion recovered, real motion reduced, useless motion not used."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from moving_thighs import DIXON, ECHO, grid, label_map, picture

from myot2.align.coverage import resample_labels
from myot2.align.refine import Limits, refine
from myot2.core.images import array_of, image_like, read_image

ECHO_GRID = ((128, 70, 8), (3.3, 3.3, 6.0))
DIXON_GRID = ((180, 100, 8), (2.2, 2.2, 6.0))


def motion_of(shift_mm, angles=(0.0, 0.0, 0.0)):
    motion = sitk.Euler3DTransform()
    motion.SetTranslation(shift_mm)
    motion.SetRotation(*angles)
    return motion


def find(motion, *, centre=(0.0, 0.0, 0.0), direction=None, limits=None, slices=8):
    """Refine after the legs moved between the multi-echo and the Dixon series; the labels are the Dixon's."""
    echo = picture(grid((*ECHO_GRID[0][:2], slices), ECHO_GRID[1], centre, direction), ECHO, seed=1)
    dixon = grid((*DIXON_GRID[0][:2], slices), DIXON_GRID[1], centre, direction)
    labels = label_map(dixon, motion)
    placed = resample_labels(labels, echo, reference_thickness_mm=5.0).labels
    return labels, refine(echo, picture(dixon, DIXON, motion, seed=2), labels, placed, limits or Limits())


def error_mm(labels, found, motion):
    """Mean distance between where the labelled voxels are taken and where they came from."""
    index = np.argwhere(array_of(labels))[::300, ::-1]
    points = [labels.TransformIndexToPhysicalPoint(tuple(map(int, voxel))) for voxel in index]
    back, truth = found.GetInverse(), motion.GetInverse()
    return np.mean([np.subtract(back.TransformPoint(p), truth.TransformPoint(p)) for p in points], axis=0), np.mean(
        [np.linalg.norm(np.subtract(back.TransformPoint(p), truth.TransformPoint(p))) for p in points]
    )


@pytest.mark.parametrize(
    ("shift", "angles"),
    [
        ((-1.3, 4.9, 0.3), (0.0, 0.0, 0.0)),
        ((1.4, 3.7, -6.9), (0.0, 0.0, 0.0)),
        ((-6.2, 2.3, -2.1), (-0.03, 0.02, 0.04)),
    ],
    ids=["within the slices", "8 mm, mostly across the slices", "7 mm and turned by 3 degrees"],
)
def test_a_known_motion_is_recovered_within_0_7_mm(shift, angles):
    motion = motion_of(shift, angles)
    labels, result = find(motion)
    bias, distance = error_mm(labels, result.transform, motion)
    assert result.kept, result.reason
    assert distance < 0.7
    assert np.hypot(*bias[:2]) < 0.3
    before = error_mm(labels, sitk.Euler3DTransform(), motion)[1]
    assert result.displacement_mm == pytest.approx(before, abs=0.7)


def test_legs_that_did_not_move_are_left_in_place():
    motion = motion_of((0.0, 0.0, 0.0))
    labels, result = find(motion)
    assert error_mm(labels, result.transform, motion)[1] < 0.3


def test_motion_is_found_on_oblique_left_handed_grids():
    tilt = np.array([[1, 0, 0], [0, np.cos(0.2), -np.sin(0.2)], [0, np.sin(0.2), np.cos(0.2)]]) @ np.diag([1, 1, -1])
    motion = motion_of((3.0, -4.0, 1.0))
    labels, result = find(motion, direction=tilt, centre=(4.0, -3.0, 2.0))
    assert result.kept and error_mm(labels, result.transform, motion)[1] < 0.7


def test_motion_beyond_the_limits_is_told_and_not_used():
    labels, result = find(motion_of((5.0, 2.0, 0.0)), slices=5, limits=Limits(displacement_mm=2.0))
    assert not result.kept and "above the limit of 2 mm" in result.reason
    assert np.allclose(result.transform.GetMatrix(), np.eye(3).ravel()) and result.transform.GetTranslation() == (
        0,
        0,
        0,
    )
    assert result.displacement_mm == pytest.approx(np.hypot(5, 2), abs=0.7)
    assert result.information_after > result.information_before


def test_a_rotation_beyond_the_limit_is_not_used():
    _, result = find(motion_of((0.0, 0.0, 0.0), (0.0, 0.0, 0.05)), slices=5, limits=Limits(rotation_deg=1.0))
    assert not result.kept and "above the limit of 1 degrees" in result.reason
    assert result.rotation_deg == pytest.approx(np.degrees(0.05), abs=0.5)


def test_three_slices_are_too_few():
    """Of three, one is left that a shift by a slice keeps in the field."""
    _, result = find(motion_of((4.0, 0.0, 0.0)), slices=3)
    assert not result.kept and "1 slices" in result.reason and result.information_after is None


def test_two_runs_give_the_same_numbers_whatever_the_number_of_threads():
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    results = []
    try:
        for threads in (1, 2):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            results.append(find(motion_of((2.0, 1.0, 0.0)), slices=4)[1])
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    first, second = results
    assert first.transform.GetParameters() == second.transform.GetParameters()
    assert first.information_after == second.information_after


def test_real_legs_that_moved_are_brought_together(shared_data):
    """calf-t2-motion: T2 registered to the Dixon grid by FSL is the reference; 20 mm slices, 1.0 mm of motion.

    Mean absolute difference over the legs 7.5 ms by header alone and 1.5 ms with FSL's own matrix.
    """
    folder = shared_data / "calf-t2-motion"
    early, late = (array_of(read_image(folder / f"t2_te{te}ms.nii.gz")).astype(float) for te in (16, 56))
    reference = read_image(folder / "t2_te16ms.nii.gz")
    with np.errstate(all="ignore"):
        t2 = np.clip(np.nan_to_num(40 / np.log(early / late), nan=0, posinf=0, neginf=0), 0, 200)
    fsl, dixon = read_image(folder / "reference/t2_m.nii.gz"), read_image(folder / "0007-Dixon_TE_345_cf.nii.gz")
    legs = sitk.Cast(read_image(folder / "reference/mask.nii.gz"), sitk.sitkUInt16)
    result = refine(reference, dixon, legs, resample_labels(legs, reference).labels)

    def difference(transform):
        back = sitk.Resample(image_like(t2, reference), dixon, transform.GetInverse(), sitk.sitkLinear, 0.0)
        inside = (array_of(legs) > 0) & (array_of(fsl) > 0) & (array_of(fsl) < 150)
        return (array_of(back) - array_of(fsl))[inside]

    header, refined = difference(sitk.Euler3DTransform()), difference(result.transform)
    assert result.kept
    assert result.displacement_mm == pytest.approx(1.0, abs=0.5)
    assert np.abs(header).mean() == pytest.approx(7.55, abs=0.1)
    assert np.abs(refined).mean() < 3.5
    low, high = np.percentile(refined, [5, 95])
    assert low > 0.5 * np.percentile(header, 5) and high < 0.5 * np.percentile(header, 95)
