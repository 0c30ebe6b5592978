"""Images: what is read is what was written, bytes repeat, grids are compared in space."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from myot2.core.errors import MyoT2Error
from myot2.core.images import (
    affine_of,
    array_of,
    image_like,
    read_image,
    read_sidecar,
    require_same_grid,
    same_grid,
    sidecar_path,
    write_image,
    write_sidecar,
)
from myot2.core.stopnote import StopNote, Stopped

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def make_image(angles=(0.0, 0.0, 0.0), spacing=(1.64, 1.64, 6.0), origin=(-210.0, -115.0, 30.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(np.arange(60, dtype=np.float32).reshape(3, 4, 5))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(Rotation.from_euler("xyz", angles, degrees=True).as_matrix().ravel())
    return image


@example(angles=(1.0, 3.0, 0.0), spacing=(1.0, 5.0, 1.0), origin=(0.0, 0.0, 0.0))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    angles=st.tuples(*[st.floats(-80, 80)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 10)] * 3),
    origin=st.tuples(*[st.floats(-300, 300)] * 3),
)
def test_any_oblique_image_survives_the_disk_and_agrees_with_a_peer_reader(tmp_path, angles, spacing, origin):
    image = make_image(angles, spacing, origin)
    path = tmp_path / "image.nii.gz"
    write_image(image, path)
    again = read_image(path)
    assert same_grid(image, again)
    np.testing.assert_array_equal(array_of(again), array_of(image))
    peer = nibabel.load(path)
    np.testing.assert_allclose(LPS_TO_RAS @ peer.affine, affine_of(image), atol=2e-3)
    sform, qform = peer.get_sform(coded=True), peer.get_qform(coded=True)
    assert sform[1] == qform[1] == 1
    # NIfTI keeps three parts of the quaternion as 32-bit floats; the fourth is the root of 1 - b^2 - c^2 - d^2. Each
    # square is known to 2^-23, so near zero the root is lost below sqrt(3 x 2^-23): an angle of twice that.
    np.testing.assert_allclose(sform[0], qform[0], atol=2 * np.sqrt(3 * 2.0**-23) * max(spacing))


@pytest.mark.parametrize("name", ["image.nii.gz", "image.nii"])
def test_a_file_holds_neither_time_nor_name_and_leaves_nothing_beside_it(tmp_path, name):
    """RFC 1952: four bytes of time from the fifth on, flags in the fourth."""
    path = tmp_path / name
    write_image(make_image(), path)
    raw = path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]
    if path.suffix == ".gz":
        assert (raw[3], raw[4:8]) == (0, bytes(4))
        raw = gzip.decompress(raw)
    np.testing.assert_array_equal(nibabel.Nifti1Image.from_bytes(raw).get_fdata().T, array_of(make_image()))


def test_equal_images_give_equal_bytes(tmp_path):
    write_image(make_image(), tmp_path / "a.nii.gz")
    write_image(make_image(), tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"\x1f\x8b truncated", "unreadable content"), (b"", "unreadable content")],
)
def test_an_unreadable_image_is_an_error_that_names_the_file(tmp_path, content, message):
    path = tmp_path / "image.nii.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MyoT2Error, match=message) as error:
        read_image(path)
    assert error.value.where == str(path)


def test_a_truncated_image_is_refused(tmp_path):
    path = tmp_path / "image.nii.gz"
    noise = np.random.default_rng(0).normal(size=(8, 64, 64)).astype(np.float32)
    write_image(sitk.GetImageFromArray(noise), path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(MyoT2Error, match="unreadable content"):
        read_image(path)


def test_a_stop_note_is_not_taken_for_an_image(tmp_path):
    path = tmp_path / "image.nii.gz"
    StopNote("ingest", "ten echoes", "nine", "series 5", "Export again.").write(path)
    with pytest.raises(Stopped, match="ten echoes"):
        read_image(path)


@pytest.mark.parametrize(
    "change", [{"origin": (-210.0, -115.0, 30.02)}, {"spacing": (1.65, 1.64, 6.0)}, {"angles": (0, 0, 1)}]
)
def test_another_grid_is_refused_and_described(change):
    assert same_grid(make_image(), make_image())
    with pytest.raises(MyoT2Error, match="T2 map and labels on one grid"):
        require_same_grid(make_image(), make_image(**change), where="sub-01", what="T2 map and labels")


def test_image_like_puts_an_array_on_the_grid_of_another_image():
    image = make_image(angles=(10, 20, 30))
    mask = image_like((array_of(image) > 10).astype(np.uint8), image)
    assert same_grid(mask, image)
    assert array_of(mask).sum() == 49


def test_the_sidecar_has_the_name_of_its_image(tmp_path):
    image = tmp_path / "sub-01_T2map.nii.gz"
    assert sidecar_path(image).name == "sub-01_T2map.json"
    assert read_sidecar(image) == {}
    write_sidecar(image, {"units": "ms"})
    assert read_sidecar(image) == {"units": "ms"}
