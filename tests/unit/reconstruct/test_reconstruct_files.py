"""Which files of a folder are the raw data of a scan."""

from __future__ import annotations

import pytest

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.files import raw_files


def folder_of(tmp_path, *names):
    for name in names:
        (tmp_path / name).touch()
    return tmp_path


def test_a_file_is_the_scan_itself(tmp_path):
    path = folder_of(tmp_path, "scan.h5") / "scan.h5"
    assert raw_files(path) == (path, None)


def test_a_folder_may_hold_the_noise_in_a_file_of_its_own_and_other_things(tmp_path):
    folder = folder_of(tmp_path, "meas_12.h5", "meas_11_Noise.H5", "TB1map.nii.gz", "notes.txt")
    assert raw_files(folder) == (folder / "meas_12.h5", folder / "meas_11_Noise.H5")
    (folder / "meas_11_Noise.H5").unlink()
    assert raw_files(folder) == (folder / "meas_12.h5", None)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ((), "found 0 and 0"),
        (("noise.h5",), "found 0 and 1"),
        (("a.h5", "b.mrd"), "found 2 and 0"),
        (("a.h5", "noise_1.h5", "noise_2.h5"), "found 1 and 2"),
    ],
)
def test_a_folder_that_does_not_tell_is_refused(tmp_path, names, found):
    with pytest.raises(MyoT2Error, match=found):
        raw_files(folder_of(tmp_path, *names))


def test_a_missing_file_is_refused_with_its_column(tmp_path):
    with pytest.raises(MyoT2Error, match=r"no such file or folder.*column kspace"):
        raw_files(tmp_path / "absent.h5")
