"""B1 by the double angle method: its formula, its limits, and a map that others made of real images."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.fit.b1 import double_angle_b1


@given(b1=st.floats(0.2, 1.49), angle=st.floats(30, 60), m0=st.floats(1e-3, 1e6))
def test_b1_is_recovered_from_the_sines_of_the_two_angles(b1, angle, m0):
    single, double = (m0 * np.sin(np.deg2rad(factor * angle * b1)) for factor in (1, 2))
    assert double_angle_b1(np.array([single]), np.array([double]), angle)[0] == pytest.approx(b1, rel=1e-6)


def test_above_ninety_degrees_the_magnitude_folds_b1_back():
    single, double = np.abs(np.sin(np.deg2rad(np.array([100.0, 200.0]))))
    assert double_angle_b1(np.array([single]), np.array([double]))[0] == pytest.approx(80 / 60)


@pytest.mark.parametrize(
    ("single", "double"), [(0.0, 0.0), (0.0, 5.0), (10.0, 21.0), (np.nan, 1.0), (10.0, np.nan), (10.0, -1.0)]
)
def test_what_no_angle_explains_is_nan_and_leaves_its_neighbour_alone(single, double):
    with np.errstate(all="raise"):
        found = double_angle_b1(np.array([single, 10.0]), np.array([double, 10.0]))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1.0)


def test_whole_numbers_do_not_overflow():
    assert double_angle_b1(np.array([30000], np.int16), np.array([30000], np.int16))[0] == pytest.approx(1.0)


@pytest.mark.parametrize("angle", [0, 90, -60])
def test_nominal_angles_that_cannot_be_are_refused(angle):
    with pytest.raises(ValueError, match="angle"):
        double_angle_b1(np.ones(2), np.ones(2), angle)


def test_images_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="grid"):
        double_angle_b1(np.ones((2, 3)), np.ones((3, 2)))


def test_the_b1_map_of_real_thighs_is_reproduced_from_its_two_images(shared_data):
    single, double, mask, reference = (
        np.asanyarray(nib.load(shared_data / "thigh-b1" / name).dataobj)
        for name in ("se_fa060.nii.gz", "se_fa120.nii.gz", "mask.nii.gz", "reference/b1_m.nii.gz")
    )
    found = double_angle_b1(single, double)
    # The reference writes 0 where there is no solution.
    solved = (mask > 0) & (reference > 0)
    np.testing.assert_allclose(found[solved], reference[solved], atol=1e-12)
    assert not np.any(found[(mask > 0) & (reference == 0)] > 0)
    assert np.median(found[solved]) == pytest.approx(1.0, abs=0.005)
    np.testing.assert_allclose(np.percentile(found[solved], [5, 95]), [0.67, 1.24], atol=0.03)
