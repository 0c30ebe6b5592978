"""Segmentations and reports come back, ours and those of highdicom and dcmqi, and nothing of another examination."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pandas as pd
import pydicom
import pytest
from export_examination import ROOT, label_at, make, points_of
from pydicom.sr.codedict import codes

from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.core.tables import read_table
from myot2.simulate.scanners.catalogue import SCANNERS

DATA = Path(__file__).parent / "data"
NAMES = {1: "vastus lateralis left", 2: "R vastus lateralis", 13: "Left_adductor-magnus", 27: "femur, left"}


@pytest.fixture(scope="module")
def made(tmp_path_factory, program):
    made = make(tmp_path_factory.mktemp("classic"), SCANNERS["siemens"])
    for identity in ("pseudonym", "keep"):
        assert program("export_dicom")(made.options(identity, identity=identity)) == 0
    return made


@pytest.fixture
def taken(made, program, tmp_path):
    """Run the program on a segmentation; the result's array, or its exit status where it is not 0."""

    def take(seg, *more, grids=("in", "echo-0"), dicom=made.dicom):
        options = ["--scan", "sub-P01", "--dicom", dicom, "--key", made.folder / "key", "--seg", seg]
        options += ["--grid", *(made.folder / f"{grid}.nii.gz" for grid in grids), "--folder", tmp_path]
        status = program("import_dicom")([*map(str, options), *more, "--label-table", str(ROOT / "config/labels.tsv")])
        path = tmp_path / "sub-P01_dseg.nii.gz"
        return array_of(read_image(path)) if status == 0 else status

    return take


def report_taken(made, program, path, out):
    options = [
        "--scan",
        "sub-P01",
        "--dicom",
        made.dicom,
        "--key",
        made.folder / "key",
        "--report",
        path,
        "--table",
        out,
    ]
    return program("import_dicom")([*map(str, options), "--label-table", str(ROOT / "config/labels.tsv")])


@pytest.mark.parametrize("identity", ["pseudonym", "keep"])
@pytest.mark.parametrize(("kind", "mask"), [("seg", "dseg"), ("seg-t2", "t2_dseg")])
def test_our_own_segmentation_comes_back_voxel_for_voxel(made, taken, kind, mask, identity):
    found = taken(made.objects(identity)[kind])
    np.testing.assert_array_equal(found, array_of(read_image(made.folder / f"{mask}.nii.gz")))


def test_a_segmentation_of_dcmqi_comes_back_by_codes_regions_and_names(made, taken):
    found = taken(DATA / "dcmqi_seg.dcm", grids=("echo-0",))
    expected = label_at(points_of(read_image(made.folder / "echo-0.nii.gz")))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_a_segmentation_of_highdicom_comes_back_by_names(made, taken, tmp_path, kind):
    sources = [one for one in made.sources() if one.SeriesNumber == 10]
    sources.sort(key=lambda one: -one.ImagePositionPatient[2])  # slices from the other end
    truth = array_of(read_image(made.folder / "t2_dseg.nii.gz"))[::-1]
    path = save_highdicom(sources, truth, tmp_path / "highdicom.dcm", kind)
    np.testing.assert_array_equal(taken(path), truth[::-1])


def save_highdicom(sources, truth, path, kind="BINARY", names=NAMES):
    numbers = list(enumerate(names, start=1))
    pixels = sum((truth == label) * number for number, label in numbers).astype(np.uint8)
    described = [
        highdicom.seg.SegmentDescription(
            number, names[label], codes.SCT.Tissue, codes.SCT.Muscle, highdicom.seg.SegmentAlgorithmTypeValues.MANUAL
        )
        for number, label in numbers
    ]
    masks = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=described,
        series_instance_uid=highdicom.UID(),
        series_number=1,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="a",
        manufacturer_model_name="b",
        software_versions="1",
        device_serial_number="1",
    )
    masks.save_as(path)
    return path


def test_a_segment_that_nothing_tells_is_named_or_left_out_by_a_person(made, taken, tmp_path, capsys):
    sources = sorted((one for one in made.sources() if one.SeriesNumber == 10), key=lambda s: s.ImagePositionPatient[2])
    truth = array_of(read_image(made.folder / "t2_dseg.nii.gz"))
    path = save_highdicom(sources, truth, tmp_path / "named.dcm", names={1: "Segment_1", 2: "3"})
    assert taken(path) == 1
    assert "segment 1 ('Segment_1'), 2 ('3')" in capsys.readouterr().err
    found = taken(path, "--segment", "1=13", "--leave-out", "2")
    np.testing.assert_array_equal(found, np.where(truth == 1, 13, 0))


def test_a_segmentation_on_another_grid_is_refused(made, taken, capsys):
    assert taken(made.objects("keep")["seg"], grids=("echo-0",)) == 1
    assert "on the grid of the image" in capsys.readouterr().err


def test_segments_that_overlap_are_refused(made, taken, tmp_path, capsys):
    masks = pydicom.dcmread(made.objects("keep")["seg-t2"])
    frames = masks.PerFrameFunctionalGroupsSequence
    frames[-1].PlanePositionSequence = frames[0].PlanePositionSequence
    planes = masks.pixel_array.copy()
    planes[-1] |= planes[0]
    masks.PixelData = np.packbits(planes.ravel(), bitorder="little").tobytes()
    masks.save_as(tmp_path / "overlap.dcm")
    assert taken(tmp_path / "overlap.dcm", grids=("echo-0",)) == 1
    assert "do not overlap" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("keyword", "said"),
    [("PatientID", "patient identifier"), ("StudyInstanceUID", "study"), ("FrameOfReferenceUID", "frame of reference")],
)
def test_a_segmentation_of_another_examination_is_refused_and_not_quoted(made, taken, tmp_path, capsys, keyword, said):
    masks = pydicom.dcmread(made.objects("keep")["seg-t2"])
    setattr(masks, keyword, "1.2.3.99")
    masks.save_as(tmp_path / "other.dcm")
    assert taken(tmp_path / "other.dcm") == 1
    message = capsys.readouterr().err
    assert f"of the {said} of the source images; found another" in message
    assert "1.2.3.99" not in message


def test_what_is_no_segmentation_is_refused(made, taken, tmp_path, capsys):
    assert taken(made.objects("keep")["t2"]) == 1
    assert "BINARY or LABELMAP" in capsys.readouterr().err
    (tmp_path / "text.dcm").write_text("no DICOM")
    assert taken(tmp_path / "text.dcm") == 1
    assert "a DICOM file; found something else" in capsys.readouterr().err


def test_a_corrected_mask_that_is_there_stays_unless_it_is_to_be_replaced(made, taken, tmp_path, capsys):
    labels = read_image(made.folder / "t2_dseg.nii.gz")
    write_image(image_like(np.full_like(array_of(labels), 2), labels), tmp_path / "sub-P01_dseg.nii.gz")
    assert taken(made.objects("keep")["seg"]) == 1
    assert "no corrected mask of this scan yet" in capsys.readouterr().err
    assert set(np.unique(array_of(read_image(tmp_path / "sub-P01_dseg.nii.gz")))) == {2}
    assert 27 in taken(made.objects("keep")["seg"], "--replace")


@pytest.mark.parametrize("identity", ["pseudonym", "keep"])
def test_our_own_report_comes_back_with_the_numbers_of_the_table(made, program, tmp_path, identity):
    assert report_taken(made, program, made.objects(identity)["measures"], tmp_path / "back.tsv") == 0
    back = pd.read_csv(tmp_path / "back.tsv", sep="\t")
    given = pd.read_csv(made.folder / "muscles.tsv", sep="\t").set_index(["region", "side"])
    assert len(back) == 9
    columns = {("T2", "Mean"): "t2_mean_ms", ("T2", "Standard Deviation"): "t2_sd_ms", ("Volume", "n/a"): "volume_ml"}
    for row in back.fillna("n/a").itertuples():
        assert given.loc[(row.region, row.side), columns[row.quantity, row.derivation]] == row.value


def test_a_report_of_dcmqi_comes_back_by_site_and_side_and_by_name(made, program, tmp_path):
    assert report_taken(made, program, DATA / "dcmqi_sr.dcm", tmp_path / "back.tsv") == 0
    back = read_table(tmp_path / "back.tsv").fillna("n/a")
    rows = [tuple(row) for row in back[["region", "side", "quantity", "derivation", "value", "unit"]].to_numpy()]
    assert rows == [
        ("vastus lateralis", "left", "T2", "Mean", "37.375", "ms"),
        ("vastus lateralis", "left", "Volume", "n/a", "118.5", "ml"),
        ("vastus lateralis", "right", "T2", "Mean", "41.25", "ms"),
        ("n/a", "n/a", "Volume", "n/a", "1.5", "ml"),
    ]


def test_an_object_without_measurements_is_refused_as_a_report(made, program, tmp_path, capsys):
    assert report_taken(made, program, made.objects("keep")["seg"], tmp_path / "back.tsv") == 1
    assert "TID 1500" in capsys.readouterr().err
