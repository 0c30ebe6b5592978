"""Label maps that were made elsewhere: as one map, as DAFNE's map with its legend, as a folder of masks."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, read_sidecar, same_grid, write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import read_stop_note
from myot2.segment.backends.labels import take_labels as taken


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


def numbers(result):
    return array_of(result.labels).ravel().tolist()


def test_a_label_map_is_taken_with_its_grid_and_values(tmp_path, root, take_labels):
    given = write_map(tmp_path / "given.nii.gz", [0, 1, 2, 26])
    out = tmp_path / "out" / "sub-01_dseg.nii.gz"
    table = str(root / "config/labels.tsv")
    assert take_labels(["--given", str(tmp_path / "given.nii.gz"), "--labels", str(out), "--label-table", table]) == 0
    image = read_image(out)
    assert same_grid(image, given)
    assert array_of(image).ravel().tolist() == [0, 1, 2, 26]
    assert read_sidecar(out)["Backend"] == "labels"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 99, 0], r"1 others: '99'"),
        ([0, 0.5, 1, 0], r"found 0\.5"),
        ([0, -1, 1, 0], r"found -1"),
        ([0, 0, 0, 0], "no label at all"),
        ([0, 27, 28, 0], "only bone"),
    ],
)
def test_a_map_of_another_numbering_is_refused(tmp_path, table, values, message):
    write_map(tmp_path / "given.nii.gz", values)
    with pytest.raises(MyoT2Error, match=message):
        taken(tmp_path / "given.nii.gz", table)


def test_a_missing_map_stops_that_participant_with_the_reason(tmp_path, root, take_labels):
    out = tmp_path / "sub-01_dseg.nii.gz"
    arguments = ["--given", str(tmp_path / "none.nii.gz"), "--labels", str(out), "--leave-stop-notes"]
    assert take_labels([*arguments, "--label-table", str(root / "config/labels.tsv")]) == 0
    assert read_stop_note(out).found == "no such file"


def test_numbers_of_another_tool_are_translated_by_their_column(tmp_path, table):
    write_map(tmp_path / "given.nii.gz", [0, 7101, 7222, 6121])
    with pytest.raises(MyoT2Error, match="1 others: '6121'"):
        taken(tmp_path / "given.nii.gz", table, numbering="musclemap")
    result = taken(tmp_path / "given.nii.gz", table, numbering="musclemap", ignore=["6121"])
    assert numbers(result) == [0, 1, 18, 0]
    assert result.record["IgnoredVoxels"] == {"6121": 1}
    assert "left sartorius" in result.record["NotGiven"] and "left vastus lateralis" not in result.record["NotGiven"]
    assert result.sides == ("left", "right")


def test_a_published_label_map_of_musclemap_keeps_every_thigh_muscle_on_its_side(shared_data, table):
    path = shared_data / "pelvis-to-knee-label-map" / "dseg.nii.gz"
    source = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    known = {int(label.musclemap): label for label in table.labels if label.musclemap != "n/a"}
    foreign = [str(value) for value in np.unique(source) if value and value not in known]
    with pytest.raises(MyoT2Error, match=f"{len(foreign)} others"):
        taken(path, table, numbering="musclemap")
    result = taken(path, table, numbering="musclemap", ignore=foreign)
    values = array_of(result.labels)
    volumes = {label.index: int((source == number).sum()) for number, label in known.items()}
    assert {index: int((values == index).sum()) for index in volumes} == volumes
    assert min(volumes.values()) > 0
    assert (values > 0).sum() + sum(result.record["IgnoredVoxels"].values()) == (source > 0).sum()
    for name in table.muscles:
        x = {side: _mean_x(result.labels, values == table.index(name, side)) for side in ("left", "right")}
        assert x["left"] > x["right"] + 50, name


def _mean_x(image, mask):
    slices, rows, columns = np.nonzero(mask)
    centre = [float(axis.mean()) for axis in (columns, rows, slices)]
    return image.TransformContinuousIndexToPhysicalPoint(centre)[0]


def dafne_compact(folder, values, names, *, line_ends=True):
    """What DAFNE's 'compact NIfTI' export writes: numbers in the order of the ROIs, and a legend."""
    write_map(folder / "rois.nii.gz", values)
    lines = ["Value,Label", *(f"{number},{name}" for number, name in enumerate(names, start=1))]
    (folder / "rois.nii.gz.csv").write_text("".join(line + "\n" * line_ends for line in lines))
    return folder / "rois.nii.gz"


def test_dafne_s_numbers_mean_what_its_legend_says(tmp_path, table):
    path = dafne_compact(tmp_path, [0, 1, 2, 3], ["SAR_R", "VL_L", "ROI 1"])
    with pytest.raises(MyoT2Error, match="'ROI 1'"):
        taken(path, table, numbering="dafne")
    assert numbers(taken(path, table, numbering="dafne", ignore=["ROI*"])) == [0, 10, 1, 0]


def test_overlapping_rois_whose_numbers_dafne_added_up_are_refused(tmp_path, table):
    with pytest.raises(MyoT2Error, match="'3, which the legend lacks'"):
        taken(dafne_compact(tmp_path, [0, 1, 2, 3], ["SAR_R", "VL_L"]), table, numbering="dafne")


@pytest.mark.parametrize("legend", ["none", "old"])
def test_a_map_of_dafne_without_a_legend_that_can_be_read_is_refused(tmp_path, table, legend):
    path = dafne_compact(tmp_path, [0, 1, 2, 0], ["SAR_R", "VL_L"], line_ends=legend != "old")
    if legend == "none":
        (tmp_path / "rois.nii.gz.csv").unlink()
    with pytest.raises(MyoT2Error, match="legend beside" if legend == "none" else "a number and a name per line"):
        taken(path, table, numbering="dafne")


def test_masks_of_a_folder_are_joined_by_their_names(tmp_path, table):
    write_map(tmp_path / "VL_L.nii.gz", [1, 0, 0, 0])
    write_map(tmp_path / "sartorius_right.nii.gz", [0, 255, 0, 0])
    write_map(tmp_path / "whole thigh.nii.gz", [1, 1, 1, 0])
    with pytest.raises(MyoT2Error, match="'whole thigh'"):
        taken(tmp_path, table, numbering="dafne")
    result = taken(tmp_path, table, numbering="dafne", ignore=["whole*"])
    assert numbers(result) == [1, 10, 0, 0]
    assert result.record["IgnoredVoxels"] == {"whole thigh": 1}
    assert set(result.record["GivenSha256"]) == {"VL_L.nii.gz", "sartorius_right.nii.gz", "whole thigh.nii.gz"}


def test_masks_that_overlap_are_refused(tmp_path, table):
    write_map(tmp_path / "VL_L.nii.gz", [1, 1, 0, 0])
    write_map(tmp_path / "VI_L.nii.gz", [0, 1, 1, 0])
    with pytest.raises(MyoT2Error, match=r"1 voxels of VI_L\.nii\.gz too"):
        taken(tmp_path, table, numbering="dafne")


def test_masks_on_different_grids_are_refused(tmp_path, table):
    write_map(tmp_path / "VL_L.nii.gz", [1, 0, 0, 0])
    write_map(tmp_path / "VI_L.nii.gz", [0, 1, 0, 0, 0, 0])
    with pytest.raises(MyoT2Error, match="all masks of a folder on one grid"):
        taken(tmp_path, table, numbering="dafne")


def test_a_folder_without_masks_and_a_label_map_in_a_folder_of_masks_are_refused(tmp_path, table):
    with pytest.raises(MyoT2Error, match="NIfTI files, one per muscle"):
        taken(tmp_path, table)
    write_map(tmp_path / "sartorius left.nii.gz", [1, 2, 0, 0])
    with pytest.raises(MyoT2Error, match="one value besides 0"):
        taken(tmp_path, table)
