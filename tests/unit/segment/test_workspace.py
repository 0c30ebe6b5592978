"""The grid on which the network sees an image."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.errors import MyoT2Error
from myot2.segment.workspace import normalise, orient, to_workspace

IDENTITY = np.eye(3)


def ramp(spacing: tuple[float, float, float], direction: np.ndarray = IDENTITY) -> tuple[sitk.Image, np.ndarray]:
    """An image whose value is a linear function of world position, and that function's weights."""
    weights = np.array([0.7, -1.3, 2.1])
    image = sitk.Image([40, 36, 9], sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetDirection(np.ravel(direction).tolist())
    image.SetOrigin((12.0, -7.0, 31.0))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in image.GetSize()), indexing="ij"), axis=-1)
    world = index * spacing @ np.asarray(direction).T + image.GetOrigin()
    values = np.transpose(world @ weights, (2, 1, 0)).astype(np.float32)
    result = sitk.GetImageFromArray(values)
    result.CopyInformation(image)
    return result, weights


@settings(max_examples=20, deadline=None)
# Angles of a header's precision: ITK's inverse of a direction fails where a cosine is subnormal.
@given(
    pixel=st.floats(0.5, 3.4),
    slice_distance=st.floats(1.0, 20.0),
    angle=st.floats(-0.5, 0.5).map(lambda angle: round(angle, 12)),
)
def test_resampling_to_the_workspace_keeps_positions(pixel, slice_distance, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    image, weights = ramp((pixel, pixel, slice_distance), turn)
    workspace = to_workspace(image, 1.7)
    assert workspace.GetSpacing() == pytest.approx((1.7, 1.7, max(slice_distance, 3.0)))
    values = sitk.GetArrayFromImage(workspace)
    middle = [int(n) // 2 for n in workspace.GetSize()]
    world = np.array(workspace.TransformIndexToPhysicalPoint(middle))
    assert values[middle[2], middle[1], middle[0]] == pytest.approx(world @ weights, abs=0.05)


@pytest.mark.parametrize("code", ["LPS", "RAS", "RPI", "PIL", "SLA"])
def test_any_order_and_direction_of_axes_gives_the_same_oriented_image(code):
    image, _ = ramp((1.5, 1.5, 3.5))
    oriented = orient(sitk.DICOMOrient(image, code), where="test")
    assert oriented.GetOrigin() == pytest.approx(image.GetOrigin())
    np.testing.assert_array_equal(sitk.GetArrayFromImage(oriented), sitk.GetArrayFromImage(image))


def test_a_thick_coronal_series_is_refused():
    image = sitk.Image([20, 20, 20], sitk.sitkFloat32)
    image.SetSpacing((1.0, 6.0, 1.0))
    with pytest.raises(MyoT2Error, match="axial"):
        orient(image, where="test")


def test_a_series_of_volumes_is_refused():
    with pytest.raises(MyoT2Error, match="4 dimensions"):
        orient(sitk.Image([5, 5, 5, 2], sitk.sitkFloat32), where="test")


@given(scale=st.floats(1e-3, 1e5), offset=st.floats(0, 10))
def test_normalisation_forgets_the_unit_of_the_image(scale, offset):
    values = np.random.default_rng(5).gamma(3.0, size=(4, 20, 20))
    body = values > 1
    first = normalise(values, body)
    np.testing.assert_allclose(normalise((values + offset) * scale, body), first, atol=2e-3)
    core = first[body]
    assert abs(np.median(core)) < 1
    assert core.std() == pytest.approx(1, abs=0.15)


def test_normalisation_of_a_flat_image_is_finite():
    assert np.isfinite(normalise(np.full((2, 4, 4), 7.0), np.ones((2, 4, 4), bool))).all()
    assert np.isfinite(normalise(np.zeros((2, 4, 4)), np.zeros((2, 4, 4), bool))).all()
