"""What a reader of the simulated DICOM meets: headers, geometry, pixels, invented identities."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from myot2.core.images import read_image
from myot2.simulate.dicom import write_examination
from myot2.simulate.folder import atomic_folder
from myot2.simulate.identity import invent_identity
from myot2.simulate.truth import write_truth


@pytest.fixture(scope="module")
def folder(small_examination, tmp_path_factory) -> Path:
    series, _, identity = small_examination
    path = tmp_path_factory.mktemp("dicom")
    write_examination(path, series, identity, "small/1/P01")
    return path


@pytest.fixture(scope="module")
def by_series(folder) -> dict[int, list[pydicom.FileDataset]]:
    found: dict[int, list[pydicom.FileDataset]] = {}
    for path in sorted(folder.rglob("IM*")):
        dataset = pydicom.dcmread(path)
        found.setdefault(int(dataset.SeriesNumber), []).append(dataset)
    return found


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_examination_holds_the_protocol_and_what_lies_beside_it(by_series):
    found = {number: (len(files), files[0].SeriesDescription) for number, files in by_series.items()}
    assert found == {
        1: (9, "localizer"),
        2: (16, "t1_vibe_cor"),
        3: (3, "t2_tse_dixon_tra_in"),
        5: (3, "t2_tse_dixon_tra_in"),
        6: (3, "t2_tse_dixon_tra_opp"),
        7: (3, "t2_tse_dixon_tra_fat"),
        8: (3, "t2_tse_dixon_tra_water"),
        9: (30, "t2_mese_tra_fs"),
        10: (3, "T2_map"),
    }


def test_dixon_series_are_told_apart_by_image_type_and_carry_the_studys_timing(by_series):
    kinds = {number: list(by_series[number][0].ImageType) for number in (5, 6, 7, 8)}
    assert [kind[2:] for kind in kinds.values()] == [
        ["DIXON", "IN_PHASE"],
        ["DIXON", "OPP_PHASE"],
        ["DIXON", "FAT"],
        ["DIXON", "WATER"],
    ]
    for number in kinds:
        for file in by_series[number]:
            assert (file.RepetitionTime, file.EchoTime) == (5330, 51)
            assert (file.SliceThickness, file.SpacingBetweenSlices) == (5, 6)
            assert (file.Manufacturer, file.MagneticFieldStrength) == ("SIEMENS", 3)


def test_spoiled_in_phase_series_comes_first_and_is_noisier(by_series):
    first, last = by_series[3][0], by_series[5][0]
    assert float(first.AcquisitionTime) < float(last.AcquisitionTime)
    assert list(first.ImageType) == list(last.ImageType)
    corner = {number: np.stack([file.pixel_array[:5, :5] for file in by_series[number]]).mean() for number in (3, 5)}
    assert corner[3] > 1.5 * corner[5]


def test_multi_echo_series_has_ten_echoes_of_every_slice(by_series):
    positions: dict[float, set[float]] = {}
    for file in by_series[9]:
        assert file.EchoNumbers == round(file.EchoTime / 10)
        assert file.RepetitionTime == 6690
        positions.setdefault(float(file.EchoTime), set()).add(float(file.ImagePositionPatient[2]))
    assert sorted(positions) == [10.0 * echo for echo in range(1, 11)]
    assert len({tuple(sorted(found)) for found in positions.values()}) == 1
    file = by_series[9][0]
    extent = np.array(file.PixelSpacing, dtype=float) * [file.Rows, file.Columns]
    assert extent == pytest.approx([231, 420], abs=1e-4)


def test_t2_map_is_in_whole_ms_without_rescaling(by_series, small_examination):
    _, truth, _ = small_examination
    files = sorted(by_series[10], key=lambda file: float(file.SliceLocation))
    assert all("RescaleSlope" not in file for file in files)
    assert list(files[0].ImageType) == ["DERIVED", "PRIMARY", "T2 MAP", "ND"]
    value = np.stack([file.pixel_array for file in files])
    assert value[truth.t2_labels > 0].mean() == pytest.approx(truth.mean_t2_ms, abs=0.5)


def test_itk_reads_the_same_grid_as_the_truth(folder, small_examination, tmp_path, label_table):
    series, truth, identity = small_examination
    write_truth(tmp_path, "P01", truth, identity, label_table, {"seed": 1})
    expected = read_image(tmp_path / "sub-P01_space-dixon_dseg.nii.gz")
    for place in sorted(path for path in folder.glob("*/S*") if path.is_dir()):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(place)))
        first = pydicom.dcmread(next(place.iterdir()))
        if first.SeriesNumber != 8:
            continue
        image = reader.Execute()
        assert image.GetSize() == expected.GetSize()
        assert image.GetSpacing() == pytest.approx(expected.GetSpacing(), abs=1e-4)
        assert image.GetOrigin() == pytest.approx(expected.GetOrigin(), abs=1e-4)
        assert image.GetDirection() == pytest.approx(expected.GetDirection(), abs=1e-6)
        water = sitk.GetArrayFromImage(image)
        assert np.array_equal(water, series[6].stacks[0][1][0])
        return
    pytest.fail("the water series was not found")


def test_subjects_left_has_the_larger_x(small_examination):
    _, truth, _ = small_examination
    image = truth.dixon_grid.image(truth.dixon_labels)
    left, right = (np.argwhere(truth.dixon_labels == label).mean(axis=0)[::-1] for label in (1, 2))
    assert image.TransformContinuousIndexToPhysicalPoint(left.tolist())[0] > 0
    assert image.TransformContinuousIndexToPhysicalPoint(right.tolist())[0] < 0


def test_every_file_carries_the_invented_identity_also_in_private_tags(folder, small_examination):
    _, _, identity = small_examination
    for path in folder.rglob("IM*"):
        file = pydicom.dcmread(path)
        assert file.PatientName == identity.patient_name
        assert file[0x0091, 0x1001].value == identity.patient_name.replace("^", " ")
        content = path.read_bytes()
        assert [name for name, value in identity.strings.items() if value.encode() not in content] == []


def test_identity_fits_the_row_of_the_table():
    for seed in range(30):
        identity = invent_identity(np.random.default_rng(seed), sex="M", age=47)
        years = int(identity.study_date[:4]) - int(identity.birth_date[:4])
        assert years == 47
        assert identity.study_date[4:] > identity.birth_date[4:]
        assert identity.patient_name.split("^")[1] in {"Albrecht", "Benedikt", "Clemens", "Diethelm"}


def test_identifiers_are_unique_and_share_study_and_frame_of_reference(by_series):
    files = [file for members in by_series.values() for file in members]
    images = [file.SOPInstanceUID for file in files]
    assert len(set(images)) == len(images)
    assert all(re.fullmatch(r"2\.25\.[1-9]\d{0,38}", identifier) for identifier in images)
    assert len({file.StudyInstanceUID for file in files}) == 1
    assert len({file.FrameOfReferenceUID for file in files}) == 1
    assert len({file.SeriesInstanceUID for file in files}) == len(by_series)


def test_paths_tell_nothing_about_the_series(folder):
    for path in folder.rglob("*"):
        assert re.fullmatch(r"(A\d{8}|A\d{8}/S\d{8}|A\d{8}/S\d{8}/IM\d{6})", str(path.relative_to(folder)))


def test_files_pass_pydicoms_strict_reading(folder):
    previous = pydicom.config.settings.reading_validation_mode
    pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
    try:
        for path in folder.rglob("IM*"):
            for element in pydicom.dcmread(path).iterall():
                assert element.value is not None
    finally:
        pydicom.config.settings.reading_validation_mode = previous


@pytest.fixture(scope="module")
def script(program):
    return program("simulate_participant")


def test_script_simulates_a_person_of_the_demo_cohort_twice_to_the_same_bytes(script, tmp_path, label_table):
    options = ["--preset", "demo", "--seed", "20230", "--participant", "P06", "--refocusing", "ideal"]
    for run in ("first", "second"):
        places = ["--dicom", str(tmp_path / run / "dicom"), "--truth", str(tmp_path / run / "truth")]
        assert script([*options, *places]) == 0
    assert digests(tmp_path / "first") == digests(tmp_path / "second")
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == ["dicom", "truth"]

    truth = json.loads((tmp_path / "first" / "truth" / "truth.json").read_text())
    assert truth["t2_mean_ms"] == pytest.approx(truth["target_t2_ms"], abs=0.1)
    assert sum(muscle["voxels"] for muscle in truth["muscles"]) == truth["voxels"]
    assert {muscle["muscle"] for muscle in truth["muscles"]} == set(label_table.muscles)
    assert truth["settings"]["people"] == "held-out"
    identity = json.loads((tmp_path / "first" / "truth" / "identity.json").read_text())
    assert identity["patient_name"] in str(pydicom.dcmread(next((tmp_path / "first" / "dicom").rglob("IM*"))))


def test_folder_is_replaced_whole_and_kept_when_its_writer_fails(tmp_path):
    place = tmp_path / "truth"
    for text in ("first", "second"):
        with atomic_folder(place) as folder:
            (folder / f"{text}.txt").write_text(text)
    with pytest.raises(RuntimeError, match="killed"), atomic_folder(place) as folder:
        (folder / "third.txt").write_text("half")
        raise RuntimeError("killed")
    assert [path.name for path in place.iterdir()] == ["second.txt"]
    assert list(tmp_path.iterdir()) == [place]


def test_nothing_whole_is_left_when_a_simulation_fails(script, tmp_path):
    places = ["--dicom", str(tmp_path / "dicom"), "--truth", str(tmp_path / "truth")]
    with pytest.raises(KeyError, match="P99"):
        script(["--preset", "demo", "--seed", "1", "--participant", "P99", *places])
    assert list(tmp_path.iterdir()) == []
