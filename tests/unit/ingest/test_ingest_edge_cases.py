"""Every folder of ../shared/data/dicom-edge-cases gives the reference image or the right refusal.

The reference is the NIfTI file that came with the data, else what dcm2niix reads; and the stored values are those that
pydicom finds. docs/stages/ingest.md shows the same table.
"""

from __future__ import annotations

import re

import nibabel
import numpy as np
import pydicom
import pytest

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, write_image
from myot2.ingest.checking.crosscheck import Written, compare, signal_of_displayed
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import displayed, read_volume, signal
from myot2.ingest.stacking.geometry import order_slices
from myot2.ingest.stacking.series import split_stacks
from myot2.ingest.stage import Order, ingest

SIZES = {
    "siemens-xa10-enhanced": [(64, 64, 6)] * 4,
    "dicom2nifti/failing_slicecount": [(256, 256, 2)],
    "dicom2nifti/failing_sliceorientation": [(288, 288, 2)] * 2,
    "dicom2nifti/ge_anatomical_001_implicit": [(256, 256, 4)],
    "dicom2nifti/generic_compressed_j2k": [(256, 256, 4)],
    "dicom2nifti/generic_compressed_jpeg": [(256, 256, 4)],
    "dicom2nifti/generic_compressed_jpegls": [(256, 256, 4)],
    "dicom2nifti/generic_compressed_rle": [(256, 256, 4)],
    "dicom2nifti/hitachi_anatomical": [(64, 64, 4)],
    "dicom2nifti/philips_enhanced_anatomical": [(256, 256, 8)],
    "dicom2nifti/siemens_anatomical": [(256, 256, 4)],
}
"""Of each folder the size of every image in it (columns, rows, slices)."""

COMPRESSED = [name for name in SIZES if "compressed" in name]


@pytest.fixture
def cases(shared_data):
    return shared_data / "dicom-edge-cases"


def stacks_of(folder):
    return split_stacks(read_index(folder).frames)


def test_no_folder_is_left_out_here_or_in_the_table_of_the_page(cases, root):
    folders = {path.parent.relative_to(cases).as_posix() for path in cases.rglob("*.dcm")}
    page = (root / "docs/stages/ingest.md").read_text(encoding="utf-8")
    assert folders == set(SIZES)
    assert not [folder for folder in folders if f"| {folder.rsplit('/', 1)[-1]} |" not in page]


@pytest.mark.parametrize("name", SIZES)
def test_every_image_is_the_one_that_dcm2niix_reads(cases, tmp_path, name):
    """Place to 1e-3 mm, values to the rounding of 32-bit floats; `compare` raises at any larger difference."""
    sizes = []
    for number, stack in enumerate(stacks_of(cases / name)):
        image = read_volume(stack.slices, signal, stack.name)
        write_image(image, tmp_path / f"{number}.nii.gz")
        written = Written(tmp_path / f"{number}.nii.gz", stack.slices, None, signal_of_displayed)
        (row,) = compare(stack.name, [written])
        assert row["compared"] == "yes", row["reason"]
        assert row["position_mm"] < 1e-3
        sizes.append(image.GetSize())
    assert sizes == SIZES[name]


@pytest.mark.parametrize(
    "name", ["siemens_anatomical", "ge_anatomical_001_implicit", "hitachi_anatomical", "generic_compressed_rle"]
)
def test_every_voxel_of_a_real_series_lies_where_its_header_says(cases, name):
    folder = cases / "dicom2nifti" / name
    (stack,) = stacks_of(folder)
    image = read_volume(stack.slices, signal, name)
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


@pytest.mark.parametrize("volume", range(4))
def test_each_repeat_of_siemens_xa10_is_a_volume_of_the_nifti_file_that_came_with_it(cases, volume):
    """RAS and LPS differ in the sign of the first two axes; the file counts its rows from the other end."""
    folder = cases / "siemens-xa10-enhanced"
    reference = nibabel.load(next(folder.glob("*.nii")))
    image = read_volume(stacks_of(folder)[volume].slices, signal, "series")
    size = np.array(image.GetSize())
    for corner in np.ndindex(2, 2, 2):
        theirs = np.array(corner) * (size - 1)
        ours = [int(theirs[0]), int(size[1] - 1 - theirs[1]), int(theirs[2])]
        place = np.diag([-1, -1, 1]) @ (reference.affine @ [*theirs, 1])[:3]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(ours), place, atol=1e-3)
    assert np.array_equal(array_of(image), np.asarray(reference.dataobj)[..., volume].T[:, ::-1])


@pytest.mark.parametrize("name", [name for name in SIZES if name not in COMPRESSED])
def test_displayed_values_are_the_stored_ones_by_the_formula_of_the_header(cases, name):
    """RS x stored + RI, per frame; stored values as pydicom itself decodes them."""
    expected = []
    for path in sorted((cases / name).glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        planes = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
        expected += [plane * slope + shift for plane, (slope, shift) in zip(planes, rescale(dataset), strict=True)]
    images = [read_volume(stack.slices, displayed, stack.name) for stack in stacks_of(cases / name)]
    found = [plane for image in images for plane in array_of(image)]
    assert len(found) == len(expected)
    assert sorted(np.float32(plane).tobytes() for plane in expected) == sorted(plane.tobytes() for plane in found)


def rescale(dataset):
    """Slope and intercept of every frame."""
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return [(dataset.get("RescaleSlope", 1.0), dataset.get("RescaleIntercept", 0.0))] * int(
            dataset.get("NumberOfFrames") or 1
        )
    shared = dataset.SharedFunctionalGroupsSequence[0]
    groups = [
        (frame if "PixelValueTransformationSequence" in frame else shared).PixelValueTransformationSequence[0]
        for frame in dataset.PerFrameFunctionalGroupsSequence
    ]
    return [(group.RescaleSlope, group.RescaleIntercept) for group in groups]


@pytest.mark.parametrize("name", COMPRESSED)
def test_every_lossless_compression_gives_the_same_values(cases, name):
    """The four folders are one series; pydicom decodes RLE by itself, without any library."""
    truth = [pydicom.dcmread(path) for path in (cases / "dicom2nifti/generic_compressed_rle").iterdir()]
    truth.sort(key=lambda dataset: dataset.ImagePositionPatient[0])
    (stack,) = stacks_of(cases / name)
    found = array_of(read_volume(stack.slices, signal, name))[:: 1 if stack.slices.direction[0, 2] > 0 else -1]
    assert np.array_equal(found, [dataset.pixel_array for dataset in truth])


def test_planes_of_two_orientations_are_refused_as_one_series(cases):
    frames = read_index(cases / "dicom2nifti/failing_sliceorientation").frames
    assert [stack.orientation for stack in split_stacks(frames)] == ["sagittal", "axial"]
    with pytest.raises(MyoT2Error, match="mixed orientations: this image is tilted by"):
        order_slices(frames, "series 202")


def test_two_slices_are_read_as_two_slices(cases):
    """dicom2nifti takes fewer than four slices for a localiser; these are 1 mm apart and no header counts more."""
    (stack,) = stacks_of(cases / "dicom2nifti/failing_slicecount")
    (whole,) = stacks_of(cases / "dicom2nifti/siemens_anatomical")
    np.testing.assert_allclose(stack.slices.spacing, (1, 1, 1), atol=1e-9)
    assert [frame.slice_thickness for frame in stack.frames] == [None] * 2
    np.testing.assert_allclose(stack.slices.spacing, whole.slices.spacing, atol=1e-9)


@pytest.mark.parametrize("name", SIZES)
def test_a_folder_without_the_series_of_the_protocol_is_refused_with_what_it_holds(cases, tmp_path, name):
    order = Order(tmp_path / "series.tsv", dixon={"dixon-in": tmp_path / "in.nii.gz"}, t2_map=tmp_path / "t2.nii.gz")
    with pytest.raises(MyoT2Error, match="a series for dixon-in") as caught:
        ingest(cases / name, order)
    assert re.search(r"series \d+( \(stack \d\))?: other", caught.value.found)
    assert not list(tmp_path.iterdir())
