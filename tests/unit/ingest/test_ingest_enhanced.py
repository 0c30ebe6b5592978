"""Enhanced multi-frame objects give what the same classic images give; scaling is that of each frame."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from ingest_dicom_builder import enhanced, mese_plan, write, write_plans

from myot2.core.images import array_of, read_image, read_sidecar
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import read_volume, signal
from myot2.ingest.stacking.series import split_stacks
from myot2.ingest.stage import Order, ingest


def order(folder):
    return Order(folder / "series.tsv", echoes=[folder / f"{number}.nii.gz" for number in range(1, 6)])


def test_an_enhanced_object_gives_what_the_classic_series_gives(tmp_path):
    write_plans(tmp_path / "classic", mese_plan(7))
    write(tmp_path / "enhanced", [enhanced(mese_plan(7), np.ones((5, 4)))])
    for name in ("classic", "enhanced"):
        ingest(tmp_path / name, order(tmp_path / "out" / name))
    for path in order(tmp_path / "out" / "classic").echoes:
        other = tmp_path / "out" / "enhanced" / path.name
        assert path.read_bytes() == other.read_bytes()
        assert read_sidecar(path)["EchoTime"] == read_sidecar(other)["EchoTime"]


def test_each_frame_has_its_own_rescale_slope(tmp_path):
    """One slope for all frames gives a wrong map: the known trap of enhanced Philips objects."""
    slopes = 1 + 0.01 * np.arange(20).reshape(5, 4)
    plan = mese_plan(7)
    write(tmp_path / "dicom", [enhanced(plan, slopes)])
    ingest(tmp_path / "dicom", order(tmp_path))
    for path, pixels, slope in zip(order(tmp_path).echoes, plan.pixels, slopes, strict=True):
        np.testing.assert_allclose(array_of(read_image(path)), pixels * slope[:, None, None], rtol=1e-6)


@pytest.mark.parametrize("volume", [0, 1, 2, 3])
def test_siemens_xa10_equals_its_reference_nifti(shared_data, volume):
    """Four repeated volumes of six slices; the reference was made by another converter (RAS, rows from the bottom)."""
    folder = shared_data / "dicom-edge-cases" / "siemens-xa10-enhanced"
    reference = nibabel.load(next(folder.glob("*.nii")))
    stacks = split_stacks(read_index(folder).frames)
    assert len(stacks) == 4
    image = read_volume(stacks[volume].slices, signal, "series")
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ reference.affine
    for corner in np.ndindex(2, 2, 2):
        index = np.array(corner) * (np.array(reference.shape[:3]) - 1)
        place = (affine @ [*index, 1])[:3]
        found = image.TransformPhysicalPointToContinuousIndex(place.tolist())
        np.testing.assert_allclose(found, np.round(found), atol=1e-3)
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint([round(one) for one in found]), place, atol=1e-3)
    values = sitk.GetArrayFromImage(image)
    expected = np.asarray(reference.dataobj)[..., volume].T[:, ::-1]
    assert np.array_equal(values, expected)


def test_a_philips_enhanced_object_is_scaled_by_its_own_private_scale(shared_data):
    folder = shared_data / "dicom-edge-cases" / "dicom2nifti" / "philips_enhanced_anatomical"
    (stack,) = split_stacks(read_index(folder).frames)
    image = read_volume(stack.slices, signal, stack.name)
    assert image.GetSize() == (256, 256, 8)
    np.testing.assert_allclose(image.GetSpacing(), (1, 1, 1.2), atol=1e-5)
    assert [frame.scale_slope for frame in stack.frames] == pytest.approx([0.0002765719] * 8)
    assert stack.first.echo_time == 3.133
    assert stack.first.repetition_time == pytest.approx(6.7702)
