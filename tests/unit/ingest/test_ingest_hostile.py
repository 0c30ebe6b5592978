"""Files that are damaged, foreign or out to harm: left out and counted, or refused by name; never a traceback."""

from __future__ import annotations

import os
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_dicom_builder import Plan, axial_volume, enhanced, mese_plan, planes, t2_map_plan, write, write_plans
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, MediaStorageDirectoryStorage

from myot2.core.errors import MyoT2Error
from myot2.ingest.reading import elements
from myot2.ingest.reading.files import find_dicom_files
from myot2.ingest.reading.headers import read_index
from myot2.ingest.stage import Order, ingest


def t2_order(folder):
    return Order(folder / "series.tsv", t2_map=folder / "t2.nii.gz")


def test_what_is_no_dicom_is_passed_over(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    (tmp_path / "README.txt").write_text("not DICOM")
    (tmp_path / "zeros").write_bytes(bytes(500))
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


def test_deflated_objects_are_counted_unread(tmp_path):
    (bomb,) = planes(Plan(1, axial_volume(slices=1)))
    bomb.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    write(tmp_path, [bomb])
    assert (read_index(tmp_path).unreadable, read_index(tmp_path).frames) == (1, ())


def test_objects_without_image_are_counted(tmp_path):
    (report,) = planes(Plan(1, axial_volume(slices=1)))
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    report.SOPClassUID = ComprehensiveSRStorage
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


def test_a_whole_archive_is_refused(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    with pytest.raises(MyoT2Error, match="at most 3 files"):
        list(find_dicom_files(tmp_path, limit=3))


def test_a_link_to_the_folder_itself_does_not_hang(tmp_path):
    write_plans(tmp_path, t2_map_plan(8))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(read_index(tmp_path).frames) == 4


@pytest.mark.parametrize("content", [b"", bytes(100)])
def test_what_a_broken_copy_leaves_of_an_image_keeps_its_folder_from_being_used(tmp_path, content):
    """Without it a stack that lacks its first or last slice would be taken for whole."""
    paths = write(tmp_path / "dicom", planes(t2_map_plan(8)))
    paths[3].write_bytes(content)
    assert read_index(tmp_path / "dicom").unreadable == 1
    with pytest.raises(MyoT2Error, match="a damaged or deflated file in its series"):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


def test_a_damaged_file_elsewhere_does_not_matter(tmp_path):
    write_plans(tmp_path / "dicom" / "map", t2_map_plan(8))
    paths = write(tmp_path / "dicom" / "other", planes(Plan(3, axial_volume())))
    paths[0].write_bytes(paths[0].read_bytes()[:200])
    assert "taken: 1; left out: objects without image: 0, unreadable: 1" in ingest(
        tmp_path / "dicom", t2_order(tmp_path)
    )


def test_the_outermost_slice_is_missed_where_its_header_is_damaged(tmp_path):
    paths = write(tmp_path / "dicom", planes(t2_map_plan(8)))
    paths[3].write_bytes(paths[3].read_bytes().replace(b"2.0\\1.5", b"2.0\\nan"))
    with pytest.raises(MyoT2Error, match="a damaged or deflated file in its series"):
        ingest(tmp_path / "dicom", t2_order(tmp_path))


def test_a_preamble_whose_magic_word_is_damaged_is_still_one(tmp_path):
    paths = write(tmp_path, planes(t2_map_plan(8)))
    paths[3].write_bytes(paths[3].read_bytes().replace(b"DICM", b"DICN", 1))
    assert (len(read_index(tmp_path).frames), read_index(tmp_path).unreadable) == (4, 0)


def damaged_by(folder, old, new):
    """Whether a header is unusable once its first bytes `old` are `new`."""
    paths = write(folder, planes(t2_map_plan(8)))
    raw = paths[1].read_bytes()
    assert raw.count(old)
    paths[1].write_bytes(raw.replace(old, new, 1))
    return read_index(folder).unreadable == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"DS\x06\x006000.0", b"DS\x06\x00\x00\x00000."),
        (b"DS\x06\x006000.0", b"LO\x06\x006000.0"),
        (b"DS\x06\x006000.0", b"ZZ\x06\x006000.0"),
        (b"DS\x06\x006000.0", b"DS\x06\x006_00.0"),
        (b"DS\x06\x006000.0", b"DS\x06\x00-600.0"),
        (b"DS\x06\x006000.0", b"DS\x06\x009e9999"),
        (b"DS\x06\x006000.0", b"DS\x06\x006\\00.0"),
        (b"\x02\x00\x10\x00UI", b"\x02\x00\x10\x00UK"),
        (b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
        (b"\x02\x00\x00\x00UL", b"\x02\x00\x00\x00U\x12"),
        (b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x10\x00SS\x02\x00"),
        (b"\x28\x00\x10\x00US\x02\x00", b"\x28\x00\x10\x00US\xff\xff"),
    ],
)
def test_a_value_that_is_not_of_its_kind_makes_the_header_unusable(tmp_path, old, new):
    assert damaged_by(tmp_path, old, new)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", (8 * 100_000).to_bytes(4, "little")])
def test_items_by_the_hundred_thousand_are_not_waited_for(tmp_path, monkeypatch, length):
    """Only the series of the object is lost: it is known from before the items."""
    monkeypatch.setattr(elements, "MAX_READS", 10_000)
    write_plans(tmp_path, t2_map_plan(8))
    (path,) = write(tmp_path, [enhanced(mese_plan(7), np.ones((5, 4)))])
    raw = path.read_bytes()
    groups = raw.index(b"\x00\x52\x30\x92SQ")
    items = b"\x00\x52\x30\x92SQ\x00\x00" + length + b"\xfe\xff\x00\xe0\x00\x00\x00\x00" * 100_000
    path.write_bytes(raw[:groups] + items + raw[raw.rindex(b"\xe0\x7f\x10\x00OW") :])
    start = time.process_time()
    index = read_index(tmp_path)
    assert time.process_time() - start < 2
    assert (index.unreadable, [frame.fault for frame in index.frames]) == (1, [""] * 4)


def test_sequences_nested_without_end_are_a_damaged_header(tmp_path):
    (dataset,) = planes(Plan(1, axial_volume(slices=1)))
    (path,) = write(tmp_path, [dataset])
    raw = path.read_bytes()
    pixels = raw.rindex(b"\xe0\x7f\x10\x00OW")
    level = b"\x40\x00\x75\x02SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    path.write_bytes(raw[:pixels] + level * 20_000 + raw[pixels:])
    assert read_index(tmp_path).unreadable == 1


def test_a_length_of_four_gigabytes_allocates_nothing(tmp_path):
    (dataset,) = planes(Plan(1, axial_volume(slices=1)))
    (path,) = write(tmp_path, [dataset])
    raw = path.read_bytes()
    pixels = raw.rindex(b"\xe0\x7f\x10\x00OW")
    path.write_bytes(raw[:pixels] + b"\x40\x00\x75\x02SQ\x00\x00\xfe\xff\xff\xff" + raw[pixels:])
    tracemalloc.start()
    read_index(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def fault_of(folder, **facts):
    (dataset,) = planes(Plan(3, axial_volume(slices=1)))
    for keyword, value in facts.items():
        setattr(dataset, keyword, value)
    write(folder, [dataset])
    (frame,) = read_index(folder).frames
    return frame.fault


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"Rows": 11}, "another number of pixels"),
        ({"Rows": 24}, "ends before its pixels"),
        ({"NumberOfFrames": 2}, "ends before its pixels"),
        ({"NumberOfFrames": 2, "Rows": 6}, "several pictures in one object"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "a colour picture"),
        ({"SamplesPerPixel": 3}, "a colour picture"),
        ({"ModalityLUTSequence": [Dataset()]}, "a look-up table"),
        ({"LossyImageCompression": "01"}, "lossy"),
        ({"BitsAllocated": 12}, "a form of numbers"),
        ({"BitsStored": 17}, "a form of numbers"),
        ({"HighBit": 16}, "a form of numbers"),
        ({"PixelRepresentation": 2}, "a form of numbers"),
    ],
)
def test_pixels_that_cannot_be_what_the_header_says_are_a_fault(tmp_path, facts, fault):
    assert fault in fault_of(tmp_path, **facts)


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
