"""The map from k-space becomes the run's: values as they are, voxels with too much fat marked."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.images import array_of, read_image, read_map, read_sidecar, write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.voxel_status import Status


@pytest.fixture(scope="module")
def main(program):
    return program("take_reconstruction")


@pytest.fixture
def words(tmp_path):
    """Four voxels: ok, ok with fat, ok with unknown fat, and low signal with fat."""
    maps = {
        "t2": np.float32([[[40, 50, 60, np.nan]]]),
        "status": np.uint8([[[Status.OK, Status.OK, Status.OK, Status.LOW_SIGNAL]]]),
        "fat": np.float32([[[0.1, 0.4, np.nan, 0.5]]]),
    }
    for name, values in maps.items():
        write_image(sitk.GetImageFromArray(values), tmp_path / f"{name}.nii.gz")
    write_sidecar(tmp_path / "t2.nii.gz", {"Units": "ms", "ReducedChiSquare": 0.88})
    write_sidecar(tmp_path / "status.nii.gz", {"Manual": False})
    given = ["--t2-in", str(tmp_path / "t2.nii.gz"), "--status-in", str(tmp_path / "status.nii.gz")]
    return [*given, "--t2", str(tmp_path / "out_t2.nii.gz"), "--status", str(tmp_path / "out_status.nii.gz")]


def test_voxels_above_the_limit_of_fat_are_marked_among_those_that_were_ok(main, words, tmp_path):
    assert main([*words, "--fat-fraction", str(tmp_path / "fat.nii.gz"), "--fat-limit", "0.3"]) == 0
    status = array_of(read_image(tmp_path / "out_status.nii.gz")).ravel().tolist()
    assert status == [Status.OK, Status.FAT_ABOVE_LIMIT, Status.OK, Status.LOW_SIGNAL]
    np.testing.assert_array_equal(read_map(tmp_path / "out_t2.nii.gz")[1].ravel(), [40, 50, 60, np.nan])
    sidecar = read_sidecar(tmp_path / "out_t2.nii.gz")
    assert sidecar["ReducedChiSquare"] == 0.88 and sidecar["FatLimit"] == 0.3
    assert sidecar["Voxels"]["fat above limit"] == 1


def test_without_a_fat_fraction_both_maps_are_taken_as_they_are(main, words, tmp_path):
    assert main(words) == 0
    for name in ("t2", "status"):
        mine, theirs = (read_map(tmp_path / f"{which}{name}.nii.gz")[1] for which in ("out_", ""))
        np.testing.assert_array_equal(mine, theirs)


def test_a_reconstruction_that_stopped_is_handed_on(main, words, tmp_path):
    StopNote("reconstruct", "a file", "none", "raw.h5", "Look.").write(tmp_path / "t2.nii.gz")
    assert main([*words, "--leave-stop-notes"]) == 0
    assert read_stop_note(tmp_path / "out_t2.nii.gz").stage == "reconstruct"
    assert read_stop_note(tmp_path / "out_status.nii.gz").stage == "reconstruct"
