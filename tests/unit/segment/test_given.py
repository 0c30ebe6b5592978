"""Given label maps: taken as they are, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar, same_grid, write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import read_stop_note
from myot2.segment.given import read_given_labels


@pytest.fixture
def table(root):
    return read_labels(root / "config/labels.tsv")


@pytest.fixture
def take_labels(program):
    return program("take_labels")


def write_map(path, values):
    image = sitk.GetImageFromArray(np.asarray(values, dtype=np.float32).reshape(1, 2, -1))
    image.SetSpacing((1.5, 1.5, 6.0))
    write_image(image, path)
    return image


def test_a_label_map_is_taken_with_its_grid_and_values(tmp_path, root, take_labels):
    given = write_map(tmp_path / "given.nii.gz", [0, 1, 2, 28])
    out = tmp_path / "out" / "sub-01_dseg.nii.gz"
    table = str(root / "config/labels.tsv")
    assert take_labels(["--given", str(tmp_path / "given.nii.gz"), "--labels", str(out), "--label-table", table]) == 0
    taken = read_image(out)
    assert same_grid(taken, given)
    assert array_of(taken).ravel().tolist() == [0, 1, 2, 28]
    assert read_sidecar(out)["Source"] == "given"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 99, 0], r"1 other values \(99\)"),
        ([0, 0.5, 1, 0], r"\(0.5\)"),
        ([0, 0, 0, 0], "no label at all"),
        ([0, 27, 28, 0], "only bone"),
    ],
)
def test_a_map_of_another_numbering_is_refused(tmp_path, table, values, message):
    write_map(tmp_path / "given.nii.gz", values)
    with pytest.raises(MyoT2Error, match=message):
        read_given_labels(tmp_path / "given.nii.gz", table)


def test_a_missing_map_stops_that_participant_with_the_reason(tmp_path, root, take_labels):
    out = tmp_path / "sub-01_dseg.nii.gz"
    arguments = ["--given", str(tmp_path / "none.nii.gz"), "--labels", str(out), "--leave-stop-notes"]
    assert take_labels([*arguments, "--label-table", str(root / "config/labels.tsv")]) == 0
    assert read_stop_note(out).found == "no such file"
