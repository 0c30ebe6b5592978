"""Files that are damaged, foreign or out to harm: left out and counted, or refused by name; never a traceback."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_dicom_builder import Plan, axial_volume, mese_plan, planes, t2_map_plan, write, write_plans
from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from myot2.core.errors import MyoT2Error
from myot2.ingest import files as ingest_files
from myot2.ingest.headers import read_index
from myot2.ingest.stage import Order, ingest


def t2_order(folder):
    return Order(folder / "series.tsv", t2_map=folder / "t2.nii.gz")


def test_what_is_no_dicom_is_passed_over(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    (tmp_path / "README.txt").write_text("not DICOM")
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(os.urandom(500).replace(b"DICM", b"----"))
    (tmp_path / ".hidden").write_bytes(next(tmp_path.glob("f0*")).read_bytes())
    index = read_index(tmp_path)
    assert (len(index.frames), index.no_image, index.unreadable) == (4, 0, 0)


def test_files_without_preamble_are_read(tmp_path):
    write(tmp_path / "bare", planes(mese_plan(7)), preamble=False)
    order = Order(tmp_path / "series.tsv", echoes=[tmp_path / f"{n}.nii.gz" for n in range(5)])
    assert ingest(tmp_path / "bare", order).startswith("images: 20, stacks: 1, taken: 1;")


def test_a_dicomdir_is_never_read(tmp_path):
    (directory,) = planes(Plan(1, axial_volume(slices=1)))
    directory.SOPClassUID = MediaStorageDirectoryStorage
    write(tmp_path, [directory])
    assert read_index(tmp_path).frames == ()


def test_deflated_objects_are_passed_over_unread(tmp_path):
    (bomb,) = planes(Plan(1, axial_volume(slices=1)))
    bomb.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    write(tmp_path, [bomb])
    assert read_index(tmp_path).frames == ()


def test_objects_without_image_are_counted(tmp_path):
    (report,) = planes(Plan(1, axial_volume(slices=1)))
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    write(tmp_path, [report])
    assert (read_index(tmp_path).no_image, read_index(tmp_path).frames) == (1, ())


def test_exact_copies_of_a_file_count_once(tmp_path):
    paths = write(tmp_path, planes(t2_map_plan(8)))
    (tmp_path / "copy").write_bytes(paths[0].read_bytes())
    index = read_index(tmp_path)
    assert (len(index.frames), index.copies) == (4, 1)


def test_two_different_images_under_one_identifier_are_both_kept_and_refused(tmp_path):
    datasets = planes(t2_map_plan(8))
    other = planes(t2_map_plan(8))[0]
    other.SOPInstanceUID, other.PixelData = datasets[0].SOPInstanceUID, bytes(len(other.PixelData))
    write(tmp_path / "dicom", [*datasets, other])
    with pytest.raises(MyoT2Error, match="there twice"):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("ImagePositionPatient", b"nan\\0\\0 "),
        ("PixelSpacing", b"inf\\2.0 "),
        ("RescaleSlope", b"one "),
        ("ImageOrientationPatient", b"1\\0\\0 "),
    ],
)
def test_a_header_with_impossible_numbers_is_counted_and_its_slice_missed(tmp_path, tag, words):
    datasets = planes(t2_map_plan(8, facts={"RescaleSlope": "1.00"}))
    paths = write(tmp_path / "dicom", datasets)
    element = datasets[1][tag]
    text = "\\".join(map(str, element.value)) if element.VM > 1 else str(element.value)
    raw = paths[1].read_bytes()
    start = raw.index(text.encode("ascii"))
    paths[1].write_bytes(raw[:start] + words[: len(text)].ljust(len(text)) + raw[start + len(text) :])
    assert read_index(tmp_path / "dicom").unreadable == 1
    with pytest.raises(MyoT2Error) as caught:
        ingest(tmp_path / "dicom", t2_order(tmp_path))
    assert "1 missing between them) (files left out for damaged headers: 1)" in caught.value.found


def test_a_truncated_image_is_named_only_where_it_is_needed(tmp_path):
    maps = write(tmp_path / "dicom", planes(t2_map_plan(8)))
    others = write(tmp_path / "dicom", planes(Plan(3, axial_volume())))
    others[0].write_bytes(others[0].read_bytes()[:-300])
    ingest(tmp_path / "dicom", t2_order(tmp_path))
    maps[2].write_bytes(maps[2].read_bytes()[:-40])
    with pytest.raises(MyoT2Error, match="series 8, slice 3"):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


@pytest.mark.parametrize(("keyword", "value"), [("Rows", 60000), ("Columns", 0), ("NumberOfFrames", 10**9)])
def test_impossible_sizes_never_allocate(tmp_path, keyword, value):
    datasets = planes(t2_map_plan(8))
    setattr(datasets[1], keyword, value)
    write(tmp_path / "dicom", datasets)
    with pytest.raises(MyoT2Error):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


def test_lossy_compression_is_refused(tmp_path):
    write_plans(tmp_path / "dicom", t2_map_plan(8, facts={"LossyImageCompression": "01"}))
    with pytest.raises(MyoT2Error, match="lossy"):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


def test_a_missing_folder_is_a_clear_error(tmp_path):
    with pytest.raises(MyoT2Error, match="no such folder"):
        ingest(tmp_path / "nowhere", t2_order(tmp_path))


def test_an_empty_folder_is_a_clear_error(tmp_path):
    with pytest.raises(MyoT2Error, match="no image at all"):
        ingest(tmp_path, t2_order(tmp_path))


def test_a_whole_archive_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest_files, "MAX_FILES", 3)
    write_plans(tmp_path, t2_map_plan(8))
    with pytest.raises(MyoT2Error, match="at most 3 files"):
        read_index(tmp_path)


def test_a_link_to_the_folder_itself_does_not_hang(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(read_index(tmp_path).frames) == 4


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutated_files_give_an_image_or_a_clear_error(tmp_path_factory, data):
    """Bytes of a header are overwritten or the file is cut; the outcome is the image or a MyoT2Error."""
    folder = tmp_path_factory.mktemp("fuzz")
    paths = write(folder / "dicom", planes(t2_map_plan(8)))
    raw = bytearray(paths[1].read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 10_000)) % (len(raw) - 340)
        raw[place : place + 2] = data.draw(st.binary(min_size=2, max_size=2))
    paths[1].write_bytes(raw[: data.draw(st.sampled_from([None, None, None, 100, 140, 700, 1000]))])
    try:
        ingest(folder / "dicom", t2_order(folder))
    except MyoT2Error as error:
        assert str(folder) not in str(error)
    else:
        assert (folder / "t2.nii.gz").exists()


def test_an_object_that_is_no_dataset_at_all_is_counted(tmp_path):
    (tmp_path / "broken").write_bytes(bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI\xff\xff" + b"x" * 50)
    index = read_index(tmp_path)
    assert len(index.frames) == 0
    assert index.no_image + index.unreadable == 1


def test_a_sequence_without_items_is_no_real_world_mapping(tmp_path):
    write_plans(tmp_path / "dicom", t2_map_plan(8, facts={"RealWorldValueMappingSequence": [Dataset()]}))
    assert "taken: 1" in ingest(tmp_path / "dicom", t2_order(tmp_path))
