"""The program compare_labels: table, dictionary, text, the T2 difference, and refusals."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import StopNote
from myot2.core.tables import read_table

SPACING = (0.8, 0.8, 20.0)
COLUMNS = [
    "region",
    "side",
    "dice",
    "hd95_mm",
    "nsd",
    "voxels_only_a",
    "voxels_only_b",
    "volume_a_ml",
    "volume_b_ml",
    "volume_difference_ml",
    "volume_difference_percent",
    "t2_mean_a_ms",
    "t2_mean_b_ms",
    "t2_difference_ms",
    "t2_voxels_a",
    "t2_voxels_b",
]
T2_COLUMNS = COLUMNS[-5:]


@pytest.fixture(scope="module")
def program_of(program):
    return program("compare_labels")


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config/labels.tsv")


def save(array, path, spacing=SPACING, origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    write_image(image, path)


@pytest.fixture
def pair(table, tmp_path):
    """Two label maps and a T2 map of 40 ms, 60 ms beside the muscle of B, and unknown, 0 and 900 in a voxel each.

    A has vastus medialis on 4 x 6 pixels of each of 3 slices, B on 4 x 5 of them; B alone has a gracilis.
    """
    first, second = np.zeros((3, 16, 20), np.uint8), np.zeros((3, 16, 20), np.uint8)
    muscle = table.index("vastus medialis", "left")
    first[:, 4:8, 4:10], second[:, 4:8, 4:9] = muscle, muscle
    second[:, 11:14, 13:17] = table.index("gracilis", "right")
    t2 = np.full(first.shape, 40, np.float32)
    t2[:, :, 9:] = 60
    t2[0, 4, 4:7] = np.nan, 0, 900
    for array, name in ((first, "a"), (second, "b"), (t2, "t2")):
        save(array, tmp_path / f"{name}.nii.gz")
    return first, second, t2


@pytest.fixture
def words(root, tmp_path):
    """The command's words for that pair."""
    return [*(str(tmp_path / f"{name}.nii.gz") for name in "ab"), "--label-table", str(root / "config/labels.tsv")]


def rows_of(path):
    rows = read_table(path).set_index(["region", "side"])
    return rows.drop(columns=["participant_id", "session"], errors="ignore").astype(float)


def test_the_table_has_the_promised_columns_and_the_dictionary_explains_each(program_of, pair, words, tmp_path, capsys):
    out = tmp_path / "out" / "comparison.tsv"
    assert program_of([*words, "--table", str(out)]) == 0
    assert list(read_table(out).columns) == COLUMNS
    row = rows_of(out).loc[("vastus medialis", "left")]
    assert row["dice"] == pytest.approx(2 * 60 / (72 + 60))
    assert row["hd95_mm"] == pytest.approx(0.8)
    assert row["nsd"] == 1
    assert (row["voxels_only_a"], row["voxels_only_b"]) == (12, 0)
    assert row["volume_difference_ml"] == pytest.approx(12 * 0.0128)
    assert row["volume_difference_percent"] == pytest.approx(20)
    assert row[T2_COLUMNS].isna().all()
    dictionary = json.loads(out.with_suffix(".json").read_text())
    made = dictionary.pop("GeneratedWith")
    assert set(dictionary) == set(COLUMNS)
    assert dictionary["hd95_mm"]["Units"] == "mm" and dictionary["volume_difference_percent"]["Units"] == "%"
    assert made["tolerance_mm"] == pytest.approx(0.8) and set(made) == {"tolerance_mm", "a_sha256", "b_sha256"}
    text = capsys.readouterr().out
    assert "NSD at 0.8 mm" in text and "T2" not in text
    (line,) = [line for line in text.splitlines() if line.split()[:3] == ["vastus", "medialis", "left"]]
    assert line.split()[3:] == ["0.909", "0.80", "1.000", "0.9", "0.8", "+0.2", "+20.0"]


def test_regions_are_those_of_measure_and_what_one_map_lacks_is_marked(program_of, pair, words, table, tmp_path):
    out = tmp_path / "out.tsv"
    assert program_of([*words, "--table", str(out)]) == 0
    rows = rows_of(out)
    names = {*table.muscles, *table.groups, "thigh", *(label.name for label in table.labels)}
    assert set(rows.index) == set(itertools.product(names, ("left", "right", "both")))
    gracilis = rows.loc[("gracilis", "right")]
    assert (gracilis["dice"], gracilis["nsd"], gracilis["volume_difference_percent"]) == (0, 0, -100)
    assert np.isnan(gracilis["hd95_mm"])
    assert rows.loc[("sartorius", "left"), ["dice", "hd95_mm", "nsd", "volume_difference_percent"]].isna().all()
    assert rows.loc[("thigh", "both"), "dice"] == pytest.approx(2 * 60 / (72 + 60 + 36))


def test_the_tolerance_is_as_many_mm_as_said(program_of, pair, words, tmp_path):
    out = tmp_path / "out.tsv"
    assert program_of([*words, "--tolerance-mm", "0.5", "--table", str(out)]) == 0
    # the 4 faces of one end of 4, and the sides' 2 of the column more that A has, none of it nearer than 0.56 mm
    shared = 4 + 2 * 5
    assert rows_of(out).loc[("vastus medialis", "left"), "nsd"] == pytest.approx(2 * shared / (8 + 12 + 8 + 10))
    assert json.loads(out.with_suffix(".json").read_text())["GeneratedWith"]["tolerance_mm"] == 0.5


def test_the_t2_difference_is_that_of_the_voxels_that_differ(program_of, pair, words, tmp_path, capsys):
    out = tmp_path / "out.tsv"
    assert program_of([*words, "--t2", str(tmp_path / "t2.nii.gz"), "--table", str(out)]) == 0
    row = rows_of(out).loc[("vastus medialis", "left")]
    mean = (57 * 40 + 12 * 60) / 69
    assert (row["t2_voxels_a"], row["t2_voxels_b"]) == (69, 57)
    assert (row["t2_mean_a_ms"], row["t2_mean_b_ms"]) == (pytest.approx(mean), pytest.approx(40))
    assert row["t2_difference_ms"] == pytest.approx(mean - 40)
    gracilis = rows_of(out).loc[("gracilis", "right")]
    assert np.isnan(gracilis["t2_mean_a_ms"]) and np.isnan(gracilis["t2_difference_ms"])
    assert (gracilis["t2_mean_b_ms"], gracilis["t2_voxels_a"], gracilis["t2_voxels_b"]) == (60, 0, 36)
    assert "+3.48" in capsys.readouterr().out


def test_t2_is_measured_as_measure_muscles_measures_it(program_of, program, pair, words, tmp_path):
    """Under erosion, a range and a status map, each of which changes the mean."""
    codes = np.ones(pair[0].shape, np.uint8)
    codes[1, 5:7, 5:7] = 2
    values = np.random.default_rng(5).uniform(20, 90, codes.shape).astype(np.float32)
    save(codes, tmp_path / "status.nii.gz")
    save(values, tmp_path / "t2.nii.gz")
    how = ["--t2", str(tmp_path / "t2.nii.gz"), "--status", str(tmp_path / "status.nii.gz")]
    how += ["--erosion-mm", "0.8", "--plausible-ms", "25", "80"]
    assert program_of([*words, *how, "--table", str(tmp_path / "out.tsv")]) == 0
    rows = rows_of(tmp_path / "out.tsv")
    for name in "ab":
        measured = tmp_path / f"{name}.tsv"
        labels = ["--labels", str(tmp_path / f"{name}.nii.gz"), "--participant", "P01", "--out", str(measured)]
        assert program("measure_muscles")([*how, *labels, *words[2:]]) == 0
        expected = rows_of(measured)
        common = expected.index
        np.testing.assert_array_equal(rows.loc[common, f"t2_mean_{name}_ms"], expected["t2_mean_ms"])
        np.testing.assert_array_equal(rows.loc[common, f"t2_voxels_{name}"], expected["voxels"])
    assert rows.loc[("thigh", "both"), "t2_voxels_a"] > 0


@pytest.mark.parametrize("orientation", ["RAI", "LPS", "ASR", "SLP", "PIR"])
def test_the_orientation_of_the_voxels_does_not_matter(program_of, pair, words, tmp_path, orientation):
    t2 = ["--t2", str(tmp_path / "t2.nii.gz")]
    assert program_of([*words, *t2, "--table", str(tmp_path / "out.tsv")]) == 0
    for name in ("a", "b", "t2"):
        path = tmp_path / f"{name}.nii.gz"
        write_image(sitk.DICOMOrient(sitk.ReadImage(str(path)), orientation), path)
    assert program_of([*words, *t2, "--table", str(tmp_path / "turned.tsv")]) == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "turned.tsv"), rows_of(tmp_path / "out.tsv"), rtol=1e-6)


def test_the_same_files_give_the_same_bytes(program_of, pair, words, tmp_path):
    for folder in ("one", "two"):
        t2 = ["--t2", str(tmp_path / "t2.nii.gz"), "--table", str(tmp_path / folder / "out.tsv")]
        assert program_of([*words, *t2]) == 0
    for name in ("out.tsv", "out.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def refused(program_of, words, tmp_path, capsys) -> str:
    assert program_of([*words, "--table", str(tmp_path / "out.tsv")]) == 1
    assert not (tmp_path / "out.tsv").exists()
    captured = capsys.readouterr()
    assert not captured.out
    return captured.err


def test_label_maps_on_different_grids_are_refused(program_of, pair, words, tmp_path, capsys):
    save(pair[1], tmp_path / "b.nii.gz", origin=(0.0, 0.0, 5.0))
    assert "both label maps on one grid" in refused(program_of, words, tmp_path, capsys)


def test_a_number_that_is_no_label_is_refused_in_either_map(program_of, pair, words, tmp_path, capsys):
    for name, array in zip("ab", pair, strict=False):
        foreign = array.copy()
        foreign[0, 0, 0] = 200
        save(foreign, tmp_path / f"{name}.nii.gz")
        message = refused(program_of, words, tmp_path, capsys)
        assert f"{name}.nii.gz" in message and "200" in message
        save(array, tmp_path / f"{name}.nii.gz")


@pytest.mark.parametrize("content", [None, b"no image", "four dimensions"])
def test_what_is_no_label_map_is_refused(program_of, pair, words, tmp_path, capsys, content):
    path = tmp_path / "a.nii.gz"
    if content is None:
        path.unlink()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        sitk.WriteImage(sitk.JoinSeries([sitk.ReadImage(str(path))] * 2), str(path))
    message = refused(program_of, words, tmp_path, capsys)
    assert str(path) in message
    assert {None: "no such file", b"no image": "unreadable content"}.get(content, "4 dimensions") in message


def test_a_t2_map_that_is_missing_or_lies_elsewhere_is_refused(program_of, pair, words, tmp_path, capsys):
    t2 = ["--t2", str(tmp_path / "none.nii.gz")]
    assert "no such file" in refused(program_of, [*words, *t2], tmp_path, capsys)
    save(pair[2], tmp_path / "none.nii.gz", spacing=(0.8, 0.9, 20.0))
    assert "label maps and T2 map on one grid" in refused(program_of, [*words, *t2], tmp_path, capsys)


def test_a_scan_that_stopped_before_is_said_to_have_stopped(program_of, pair, words, tmp_path, capsys):
    StopNote("segment", "two legs", "none", "sub-P02", "Look at the image.").write(tmp_path / "a.nii.gz")
    assert "two legs" in refused(program_of, words, tmp_path, capsys)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--tolerance-mm", "0"],
        ["--erosion-mm", "1"],
        ["--plausible-ms", "1", "300"],
        ["--t2", "t2.nii.gz", "--plausible-ms", "300", "1"],
        ["--t2", "t2.nii.gz", "--erosion-mm", "-1"],
    ],
)
def test_options_that_cannot_be_are_refused(program_of, pair, words, wrong):
    with pytest.raises(SystemExit, match="2"):
        program_of([*words, *wrong])
