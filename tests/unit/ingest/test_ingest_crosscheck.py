"""The cross-check agrees with dcm2niix on what is right, and stops at every planted difference."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from signal import SIG_DFL, SIGHUP, SIGINT, SIGTERM
from signal import signal as set_handler

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from ingest_dicom_builder import AXIAL, CORONAL, SAGITTAL, dixon_plan, enhanced, mese_plan, planes, t2_map_plan, write
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, read_image, write_image
from myot2.core.stopnote import StopNote, Stopped
from myot2.core.tables import read_table
from myot2.ingest.checking import secondreader
from myot2.ingest.checking.crosscheck import COLUMNS, Written, compare, cross_check, signal_of_displayed
from myot2.ingest.checking.secondreader import Ended, NotReadable, read_again
from myot2.ingest.choosing.selection import select
from myot2.ingest.reading.headers import read_index
from myot2.ingest.reading.volumes import read_volume, signal
from myot2.ingest.stacking.joining import find_stacks
from myot2.ingest.stacking.series import split_stacks
from myot2.ingest.stage import Order, ingest

OBLIQUE = (0.8, 0.36, -0.48, -0.6, 0.48, -0.64)


def order_of(folder, dixon=True, echoes=5, t2_map=True):
    return Order(
        folder / "series.tsv",
        dixon={"dixon-in": folder / "in.nii.gz"} if dixon else {},
        echoes=[folder / f"echo-{number}.nii.gz" for number in range(1, echoes + 1)],
        t2_map=folder / "t2.nii.gz" if t2_map else None,
    )


def check(dicom, order):
    rows = cross_check(select(find_stacks(read_index(dicom).frames), order.wanted), order)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def ingested(folder, datasets, **wanted):
    """An order that ingest has carried out on some objects."""
    write(folder / "dicom", datasets)
    order = order_of(folder, **wanted)
    ingest(folder / "dicom", order)
    return order


@pytest.fixture
def examined(tmp_path):
    return ingested(tmp_path, planes(dixon_plan("dixon-in", 2)) + planes(mese_plan(7)) + planes(t2_map_plan(8)))


def test_dixon_echoes_and_map_are_the_same_to_both_readers(tmp_path, examined):
    table = check(tmp_path / "dicom", examined)
    assert list(table["image"]) == ["in.nii.gz", *(f"echo-{n}.nii.gz" for n in range(1, 6)), "t2.nii.gz"]
    assert set(table["compared"]) == {"yes"}
    assert table["position_mm"].max() < 1e-4
    assert table["relative"].max() < 1e-12


@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE])
@pytest.mark.parametrize("distance", [6.0, -6.0])
def test_both_readers_agree_in_every_orientation_and_direction_of_the_slices(tmp_path, orientation, distance):
    plan = mese_plan(7, orientation=orientation, distance=distance, origin=(-113.4, 77.7, 251.1))
    order = ingested(tmp_path, planes(plan), dixon=False, t2_map=False)
    assert set(check(tmp_path / "dicom", order)["compared"]) == {"yes"}


def change_voxel(path):
    """One voxel by one stored unit."""
    image = read_image(path)
    image[3, 5, 1] = image[3, 5, 1] + 1
    write_image(image, path)


def move(path):
    image = read_image(path)
    image.SetOrigin([place + step for place, step in zip(image.GetOrigin(), (0, 0.002, 0), strict=True)])
    write_image(image, path)


def turn(path):
    """The voxels turned by half a turn in their plane, the geometry kept."""
    image = read_image(path)
    write_image(image_like(array_of(image)[:, ::-1, ::-1].copy(), image), path)


def tilt(path):
    image = read_image(path)
    image.SetDirection((1, 0, 0, 0, np.cos(0.2), -np.sin(0.2), 0, np.sin(0.2), np.cos(0.2)))
    write_image(image, path)


def crop(path):
    write_image(read_image(path)[:-1], path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_voxel, "values that differ by"),
        (move, "voxels 0.002 mm away"),
        (turn, "values that differ by"),
        (tilt, "another orientation"),
        (crop, "another size"),
    ],
)
@pytest.mark.parametrize(
    ("name", "where"), [("in", "series 2"), ("echo-3", "series 7, echo of 30 ms"), ("t2", "series 8")]
)
def test_every_planted_difference_is_found_and_named(tmp_path, examined, change, words, name, where):
    change(tmp_path / f"{name}.nii.gz")
    with pytest.raises(MyoT2Error) as caught:
        check(tmp_path / "dicom", examined)
    assert words in caught.value.found
    assert caught.value.where == where


def test_two_echoes_exchanged_are_found(tmp_path, examined):
    first, second = examined.echoes[1:3]
    exchanged = first.read_bytes(), second.read_bytes()
    second.write_bytes(exchanged[0])
    first.write_bytes(exchanged[1])
    with pytest.raises(MyoT2Error, match="series 7, echo of 20 ms: .* values that differ"):
        check(tmp_path / "dicom", examined)


def stations_side_by_side():
    """Left and right as two series: the second begins where the columns of the first end (14 of 1.5 mm)."""
    right = mese_plan(7)
    left = mese_plan(8, origin=(right.origin[0] + 14 * 1.5, *right.origin[1:]), pixels=right.pixels + np.uint16(50))
    return planes(right) + planes(left)


def test_stations_side_by_side_are_compared_each_with_its_own_files(tmp_path):
    order = ingested(tmp_path, stations_side_by_side(), dixon=False, t2_map=False)
    assert read_image(order.echoes[0]).GetSize() == (28, 12, 4)
    assert list(check(tmp_path / "dicom", order)["compared"]) == ["yes"] * 5
    image = read_image(order.echoes[1])
    image[20, 5, 1] = image[20, 5, 1] + 1
    write_image(image, order.echoes[1])
    with pytest.raises(MyoT2Error, match=r"series 7\+8, echo of 20 ms: .* values that differ"):
        check(tmp_path / "dicom", order)


def test_an_echo_time_that_only_one_reader_finds_is_a_difference(tmp_path, examined):
    (stack,) = [one for one in split_stacks(read_index(tmp_path / "dicom").frames) if len(one.echo_times) == 5]
    times = (10.0, 20.0, 30.0, 40.0, 55.0)
    images = zip(examined.echoes, stack.echoes, times, strict=True)
    with pytest.raises(MyoT2Error, match="echo of 55 ms: .* an echo time that dcm2niix does not find"):
        compare(stack.name, [Written(*image, signal_of_displayed) for image in images])


def philips(datasets, slopes, scale_slopes):
    for number, dataset in enumerate(datasets):
        dataset.Manufacturer = "Philips Medical Systems"
        dataset.RescaleSlope, dataset.RescaleIntercept = f"{slopes[number]:.10g}", 0
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", float(scale_slopes[number]))
    return datasets


@pytest.mark.parametrize("slopes", [np.full(4, 3.7), 1 + 0.1 * np.arange(4)])
def test_philips_scale_slopes_are_applied_alike(tmp_path, slopes):
    """With one slope dcm2niix gives the precise signal; with several it leaves RS out: the displayed one is used."""
    datasets = philips(planes(dixon_plan("dixon-in", 2)), slopes, np.full(4, 0.0037))
    order = ingested(tmp_path, datasets, echoes=0, t2_map=False)
    assert list(check(tmp_path / "dicom", order)["compared"]) == ["yes"]
    stored = dixon_plan("dixon-in", 2).pixels[0]
    np.testing.assert_allclose(array_of(read_image(tmp_path / "in.nii.gz")), stored / np.float32(0.0037), rtol=1e-6)


def with_dimensions(dataset, echoes):
    """The dimension index (PS3.3 C.7.6.17) by which dcm2niix sorts the frames of an enhanced Philips object."""
    pointers = [("StackID", "FrameContentSequence"), ("InStackPositionNumber", "FrameContentSequence")]
    indices = []
    for keyword, group in [*pointers, ("EffectiveEchoTime", "MREchoSequence")]:
        index = Dataset()
        index.DimensionIndexPointer, index.FunctionalGroupPointer = Tag(keyword), Tag(group)
        indices.append(index)
    dataset.DimensionIndexSequence = indices
    for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        content = Dataset()
        content.StackID, content.InStackPositionNumber = "1", number // echoes + 1
        content.DimensionIndexValues = [1, number // echoes + 1, number % echoes + 1]
        groups.FrameContentSequence = [content]
    return dataset


def test_the_slopes_of_each_frame_of_an_enhanced_philips_object_are_applied_alike(tmp_path):
    dataset = with_dimensions(enhanced(mese_plan(7), 1 + 0.01 * np.arange(20).reshape(5, 4)), 5)
    dataset.Manufacturer, dataset.Modality = "Philips Medical Systems", "MR"
    order = ingested(tmp_path, [dataset], dixon=False, t2_map=False)
    assert list(check(tmp_path / "dicom", order)["compared"]) == ["yes"] * 5


def test_echoes_that_dcm2niix_leaves_in_one_image_are_not_compared(tmp_path):
    """Of an enhanced object without dimension index it makes one image of 20 slices; that is no fault of ingest's."""
    order = ingested(tmp_path, [enhanced(mese_plan(7), np.ones((5, 4)))], dixon=False, t2_map=False)
    table = check(tmp_path / "dicom", order)
    assert set(table["compared"]) == {"no"}
    assert set(table["reason"]) == {"dcm2niix makes 1 images of what ingest makes 5 of"}
    assert table[["position_mm", "value", "relative"]].isna().all(axis=None)


@pytest.mark.parametrize("maker", ["SIEMENS", "Philips Medical Systems"])
def test_a_map_with_a_real_world_mapping_is_the_same_to_both(tmp_path, maker):
    datasets = planes(t2_map_plan(8, value=400))
    for dataset in datasets:
        unit, mapping = Dataset(), Dataset()
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "ms", "UCUM", "millisecond"
        mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 0.1, 0.0
        mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = 0, 4095
        mapping.MeasurementUnitsCodeSequence = [unit]
        dataset.RealWorldValueMappingSequence, dataset.Manufacturer = [mapping], maker
    order = ingested(tmp_path, datasets, dixon=False, echoes=0)
    assert list(check(tmp_path / "dicom", order)["compared"]) == ["yes"]


@pytest.mark.parametrize(("given", "stored"), [(None, 40), (0.1, 400), (1000.0, 1)])
def test_the_unit_of_a_map_is_taken_from_what_ingest_decided(tmp_path, given, stored):
    write(tmp_path / "dicom", planes(t2_map_plan(8, value=stored)))
    order = replace(order_of(tmp_path, dixon=False, echoes=0), t2_map_scale=given)
    ingest(tmp_path / "dicom", order)
    assert list(check(tmp_path / "dicom", order)["compared"]) == ["yes"]


@pytest.mark.parametrize("plate", ["philips-ingenia-1.5T/plate4", "siemens-aera-1.5T/plate4"])
def test_the_phantoms_32_echoes_are_the_same_to_both(shared_data, tmp_path, plate):
    folder = shared_data / "nist-phantom" / plate
    order = order_of(tmp_path, dixon=False, echoes=32, t2_map=False)
    ingest(folder, order)
    table = check(folder, order)
    assert list(table["compared"]) == ["yes"] * 32


def test_dcm2niix_gives_the_precise_signal_of_a_real_philips_object(shared_data, tmp_path):
    """The formula of Chenevert et al. (Transl Oncol 2014;7:65-71), carried out by both on the private scale slope."""
    folder = shared_data / "dicom-edge-cases" / "dicom2nifti" / "philips_enhanced_anatomical"
    (stack,) = split_stacks(read_index(folder).frames)
    image = read_volume(stack.slices, signal, stack.name)
    assert stack.first.scale_slope is not None
    write_image(image, tmp_path / "image.nii.gz")
    one = Written(tmp_path / "image.nii.gz", stack.slices, None, signal_of_displayed)
    assert [row["compared"] for row in compare(stack.name, [one])] == ["yes"]


def test_an_image_that_ingest_could_not_write_stays_a_stop_note(tmp_path, examined):
    for path in examined.outputs:
        StopNote("ingest", "a", "b", "c", "d").write(path)
    with pytest.raises(Stopped):
        check(tmp_path / "dicom", examined)


def test_what_is_no_dicom_is_not_compared(tmp_path):
    (tmp_path / "text").write_text("no DICOM")
    with pytest.raises(NotReadable, match="dcm2niix"):
        read_again([tmp_path / "text"], precise=False)


def test_the_second_reader_is_given_only_so_much_time_and_space(tmp_path, examined, monkeypatch):
    files = sorted((tmp_path / "dicom").iterdir())
    monkeypatch.setattr(secondreader, "MAX_VOXELS", 100)
    with pytest.raises(NotReadable, match="dcm2niix (ends with status|makes no image)|cannot be read"):
        read_again(files, precise=False)
    monkeypatch.undo()
    monkeypatch.setattr(secondreader, "TIME_LIMIT_S", 1e-4)
    with pytest.raises(NotReadable, match="takes longer"):
        read_again(files, precise=False)


def test_nothing_of_the_second_reading_stays_on_disk(tmp_path, examined, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    check(tmp_path / "dicom", examined)
    assert not list(scratch.iterdir())


@pytest.fixture
def signals_as_usual():
    """No signal is ignored: a job in the background may have been started so, and what it starts would be too."""
    before = {name: set_handler(name, SIG_DFL) for name in (SIGHUP, SIGINT, SIGTERM)}
    yield
    for name, handler in before.items():
        set_handler(name, handler)


@pytest.mark.parametrize("name", ["HUP", "INT", "KILL", "TERM"])
def test_a_second_reader_that_is_ended_from_outside_has_not_found_the_files_unreadable(
    tmp_path, examined, monkeypatch, signals_as_usual, name
):
    ended = tmp_path / "ended"
    ended.write_text(f"#!/bin/sh\nkill -s {name} $$\n")
    ended.chmod(0o700)
    monkeypatch.setattr("dcm2niix.bin", str(ended))
    with pytest.raises(Ended, match="ended from outside"):
        check(tmp_path / "dicom", examined)


@pytest.fixture(scope="module")
def main(program):
    return program("cross_check")


def test_a_check_whose_second_reader_was_killed_fails_and_leaves_no_table(main, tmp_path, examined, monkeypatch):
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -s KILL $$\n")
    killed.chmod(0o700)
    monkeypatch.setattr("dcm2niix.bin", str(killed))
    with pytest.raises(SystemExit, match="Run again"):
        main(command(tmp_path, examined, "--leave-stop-notes"))
    assert not (tmp_path / "check.tsv").exists()


def test_a_check_that_a_scheduler_ends_leaves_nothing_in_the_temporary_folder(tmp_path, examined):
    scratch, started, slow = tmp_path / "scratch", tmp_path / "started", tmp_path / "slow"
    scratch.mkdir()
    slow.write_text(f"#!/bin/sh\ntouch '{started}'\nexec sleep 60\n")
    slow.chmod(0o700)
    script = Path(__file__).parents[3] / "scripts" / "cross_check.py"
    run = f"import dcm2niix, runpy; dcm2niix.bin = {str(slow)!r}; runpy.run_path({str(script)!r}, run_name='__main__')"
    running = subprocess.Popen(
        [sys.executable, "-c", run, *command(tmp_path, examined)], env={**os.environ, "TMPDIR": str(scratch)}
    )
    while not started.exists() and running.poll() is None:
        time.sleep(0.01)
    assert list(scratch.iterdir())
    running.send_signal(SIGTERM)
    assert running.wait(timeout=30) == 128 + SIGTERM
    assert not list(scratch.iterdir())
    assert not (tmp_path / "check.tsv").exists()


def command(tmp_path, order, *more):
    return [
        *("--dicom", str(tmp_path / "dicom"), "--table", str(tmp_path / "check.tsv")),
        *("--dixon-in", str(order.dixon["dixon-in"]), "--t2-map", str(order.t2_map)),
        *("--echoes", *map(str, order.echoes), *more),
    ]


def test_the_command_writes_one_row_per_image(main, tmp_path, examined):
    assert main(command(tmp_path, examined)) == 0
    table = read_table(tmp_path / "check.tsv")
    assert len(table) == 7
    assert set(table["compared"]) == {"yes"}


def test_the_command_leaves_a_stop_note_at_a_difference(main, tmp_path, examined, capfd):
    turn(tmp_path / "t2.nii.gz")
    assert main(command(tmp_path, examined)) == 1
    assert not (tmp_path / "check.tsv").exists()
    assert main(command(tmp_path, examined, "--leave-stop-notes")) == 0
    with pytest.raises(Stopped, match="dcm2niix"):
        read_table(tmp_path / "check.tsv")
    assert "series 8: expected the image that dcm2niix reads" in capfd.readouterr().err


def test_neither_table_nor_message_holds_text_of_a_header(main, tmp_path, capfd):
    marker = "ZQXMARK"
    datasets = planes(dixon_plan("dixon-in", 2)) + planes(mese_plan(7)) + planes(t2_map_plan(8))
    for dataset in datasets:
        for keyword in ("SeriesDescription", "ProtocolName", "PatientName", "InstitutionName", "ImageComments"):
            setattr(dataset, keyword, marker)
    order = ingested(tmp_path, datasets)
    assert main(command(tmp_path, order)) == 0
    turn(tmp_path / "in.nii.gz")
    assert main(command(tmp_path, order)) == 1
    captured = capfd.readouterr()
    written = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    texts = [gzip.decompress(one) if one[:2] == b"\x1f\x8b" else one for one in written]
    assert marker not in captured.out + captured.err
    assert not [text for text in texts if marker.encode() in text]


def test_the_check_itself_needs_no_writing_beside_the_dicom_files(main, tmp_path, examined):
    shutil.copytree(tmp_path / "dicom", tmp_path / "copy")
    before = sorted(path.name for path in (tmp_path / "dicom").iterdir())
    assert main(command(tmp_path, examined)) == 0
    assert sorted(path.name for path in (tmp_path / "dicom").iterdir()) == before
    for path in (tmp_path / "dicom").iterdir():
        assert path.read_bytes() == (tmp_path / "copy" / path.name).read_bytes()


def test_a_lone_slice_is_compared_whatever_thickness_either_reader_gives_it(tmp_path):
    plan = mese_plan(7, pixels=mese_plan(7).pixels[:, :1], facts={"SpacingBetweenSlices": 20})
    order = ingested(tmp_path, planes(plan), dixon=False, t2_map=False)
    assert sitk.ReadImage(str(order.echoes[0])).GetSize()[2] == 1
    assert set(check(tmp_path / "dicom", order)["compared"]) == {"yes"}
