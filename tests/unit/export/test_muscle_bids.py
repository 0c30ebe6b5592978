"""The Muscle-BIDS form, read back with another library: values, order, times in ms, the keys of the specification."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.images import write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note

SIDECAR = {"RepetitionTime": 3.0, "FlipAngle": 150.0, "SliceThickness": 5.0, "Manufacturer": "Siemens"}


def volume(values: np.ndarray) -> sitk.Image:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((1.5, 2.0, 6.0))
    image.SetOrigin((-50.0, -40.0, 10.0))
    return image


def echo(number: int) -> np.ndarray:
    return (np.arange(3 * 6 * 5).reshape(3, 6, 5) + 100 * number).astype(np.int16)


@pytest.fixture
def folder(tmp_path):
    for number in range(1, 4):
        write_image(volume(echo(number)), tmp_path / f"echo-{number}.nii.gz")
        write_sidecar(tmp_path / f"echo-{number}.nii.gz", {"EchoTime": 0.0124 * number, **SIDECAR})
    write_image(volume(echo(7)), tmp_path / "dixonin.nii.gz")
    write_sidecar(tmp_path / "dixonin.nii.gz", {"EchoTime": 0.051, "Manufacturer": "Philips", "FlipAngle": 90.0})
    write_image(volume(np.full((3, 6, 5), 35.25, np.float32)), tmp_path / "T2map.nii.gz")
    write_sidecar(tmp_path / "T2map.nii.gz", {"Units": "ms", "SliceThickness": 5.0})
    return tmp_path


@pytest.fixture
def run(program, folder):
    def main(*more):
        words = [
            "--dixon",
            "dixonin.nii.gz",
            "out/anat/s_dixonin.nii.gz",
            "--t2",
            "T2map.nii.gz",
            "out/quant/s_t2.nii.gz",
        ]
        words += ["--echoes", *(f"echo-{number}.nii.gz" for number in range(1, 4)), "--mese", "out/anat/s_mese.nii.gz"]
        paths = [str(folder / word) if "." in word else word for word in words]
        return program("export_muscle_bids")([*paths, *more])

    return main


def test_the_echoes_stand_in_one_file_in_the_order_of_their_times(run, folder):
    assert run() == 0
    series = nib.load(folder / "out/anat/s_mese.nii.gz")
    assert series.shape == (5, 6, 3, 3)
    for number in range(1, 4):
        np.testing.assert_array_equal(np.asanyarray(series.dataobj)[..., number - 1].T, echo(number))
    np.testing.assert_allclose(series.affine, nib.load(folder / "echo-1.nii.gz").affine, atol=1e-6)


def test_the_header_has_the_keys_of_the_specification_and_times_in_ms(run, folder):
    assert run() == 0
    assert json.loads((folder / "out/anat/s_mese.json").read_text()) == {
        "PulseSequenceType": "Multi-echo Spin Echo",
        "RepetitionTime": 3000.0,
        "RefocusingFlipAngle": 150.0,
        "AcquisitionVoxelSize": [1.5, 2.0, 5.0],
        "Manufacturer": "Siemens",
        "FourthDimension": "EchoTime",
        "EchoTime": [12.4, 24.8, 37.2],
    }
    assert json.loads((folder / "out/anat/s_dixonin.json").read_text()) == {
        "PulseSequenceType": "Dixon",
        "FlipAngle": 90.0,
        "Manufacturer": "Philips",
        "EchoTime": 51.0,
    }


def test_the_map_lies_in_quant_in_ms(run, folder):
    assert run() == 0
    np.testing.assert_array_equal(np.asanyarray(nib.load(folder / "out/quant/s_t2.nii.gz").dataobj), np.float32(35.25))
    assert json.loads((folder / "out/quant/s_t2.json").read_text())["Units"] == "ms"
    assert json.loads((folder / "out/quant/s_t2_extra.json").read_text()) == {"meta": {}, "extra": {}}


def test_a_scan_that_stopped_before_stays_stopped(run, folder):
    note = StopNote("ingest", "a", "b", "c", "d")
    note.write(folder / "echo-2.nii.gz")
    assert run("--leave-stop-notes") == 0
    files = [path for path in (folder / "out").rglob("*") if path.is_file()]
    assert len(files) == 9 and all(read_stop_note(path) == note for path in files)
