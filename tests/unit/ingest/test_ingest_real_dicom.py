"""Real DICOM of several makers: ../shared/data/nist-phantom and ../shared/data/dicom-edge-cases."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar
from myot2.core.tables import read_table
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import read_volume, signal
from myot2.ingest.stacking.geometry import order_slices
from myot2.ingest.stacking.series import split_stacks
from myot2.ingest.stage import Order, ingest


def edge_case(shared_data, name):
    return shared_data / "dicom-edge-cases" / "dicom2nifti" / name


def only_stack(folder):
    (stack,) = split_stacks(read_index(folder).frames)
    return stack


@pytest.mark.parametrize(
    ("plate", "first_ms", "maker", "field"),
    [
        ("philips-ingenia-1.5T/plate4", 5.0, "Philips", 1.5),
        ("philips-ingenia-1.5T/plate5", 5.0, "Philips", 1.5),
        ("siemens-aera-1.5T/plate4", 12.7, "Siemens", 1.5),
    ],
)
def test_the_phantoms_32_echoes_come_out_in_order(shared_data, tmp_path, plate, first_ms, maker, field):
    order = Order(tmp_path / "series.tsv", echoes=[tmp_path / f"echo-{n:02d}.nii.gz" for n in range(1, 33)])
    folder = shared_data / "nist-phantom" / plate
    ingest(folder, order)
    sidecars = [read_sidecar(path) for path in order.echoes]
    np.testing.assert_allclose([one["EchoTime"] for one in sidecars], first_ms / 1000 * np.arange(1, 33), rtol=1e-3)
    assert (sidecars[0]["Manufacturer"], sidecars[0]["MagneticFieldStrength"]) == (maker, field)
    assert list(read_table(order.series_table)["taken"]) == ["yes"]
    stored = {round(float(one.EchoTime), 6): one for one in map(pydicom.dcmread, sorted(folder.iterdir()))}
    for path, sidecar in zip(order.echoes, sidecars, strict=True):
        pixels = stored[round(1000 * sidecar["EchoTime"], 6)].pixel_array
        voxels = array_of(read_image(path))[0]
        ratio = voxels[pixels > 0] / pixels[pixels > 0]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)


def test_the_phantoms_template_of_two_series_is_no_echo_train(shared_data, tmp_path):
    order = Order(tmp_path / "series.tsv", echoes=[tmp_path / f"{n}.nii.gz" for n in range(2)])
    with pytest.raises(MyoT2Error, match="a series for mese") as caught:
        ingest(shared_data / "nist-phantom" / "template", order)
    assert "series 110001: other" in caught.value.found


@pytest.mark.parametrize(
    "name", ["siemens_anatomical", "ge_anatomical_001_implicit", "hitachi_anatomical", "generic_compressed_rle"]
)
def test_every_voxel_of_a_real_series_lies_where_its_header_says(shared_data, name):
    folder = edge_case(shared_data, name)
    image = read_volume(only_stack(folder).slices, signal, name)
    assert image.GetSize()[2] == 4
    for dataset in map(pydicom.dcmread, sorted(folder.iterdir())):
        row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
        for i, j in ((0, 0), (dataset.Columns - 1, 0), (17, dataset.Rows - 1)):
            place = np.array(dataset.ImagePositionPatient, float)
            place += i * dataset.PixelSpacing[1] * row + j * dataset.PixelSpacing[0] * column
            index = image.TransformPhysicalPointToIndex(place.tolist())
            assert image[index] == dataset.pixel_array[j, i]
            # Headers hold six digits; over 256 columns their rounding grows to some micrometres.
            np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), place, atol=5e-3)


def test_a_series_of_two_orientations_is_never_one_stack(shared_data):
    frames = read_index(edge_case(shared_data, "failing_sliceorientation")).frames
    assert [stack.orientation for stack in split_stacks(frames)] == ["sagittal", "axial"]
    with pytest.raises(MyoT2Error, match="mixed orientations: this image is tilted by"):
        order_slices(frames, "series 202")


def test_two_neighbouring_slices_are_read_as_what_they_are(shared_data):
    """dicom2nifti refuses fewer than four slices; these two are 1 mm apart and nothing in the headers says more."""
    stack = only_stack(edge_case(shared_data, "failing_slicecount"))
    assert stack.slice_count == 2
    np.testing.assert_allclose(stack.slices.spacing, (1, 1, 1), atol=1e-9)


@pytest.mark.parametrize("name", ["failing_slicecount", "failing_sliceorientation", "siemens_anatomical"])
def test_a_folder_without_the_wanted_series_is_refused_with_what_it_holds(shared_data, tmp_path, name):
    order = Order(tmp_path / "series.tsv", dixon={"dixon-in": tmp_path / "in.nii.gz"})
    with pytest.raises(MyoT2Error, match="a series for dixon-in") as caught:
        ingest(edge_case(shared_data, name), order)
    assert "other (" in caught.value.found
    assert not list(tmp_path.iterdir())
