"""The programs measure_muscles and collect_measures: tables, dictionaries, refusals, and who stopped where."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.core.tables import read_table

COHORT_COLUMNS = [
    "participant_id",
    "session",
    "region",
    "side",
    "t2_mean_ms",
    "t2_median_ms",
    "t2_sd_ms",
    "t2_p10_ms",
    "t2_p90_ms",
    "fat_fraction_mean",
    "voxels",
    "volume_ml",
]
REASON_COLUMNS = [
    "voxels_not_fitted",
    "voxels_low_signal",
    "voxels_at_bound",
    "voxels_not_converged",
    "voxels_fat_above_limit",
    "voxels_implausible",
]


@pytest.fixture(scope="module")
def measure(program):
    return program("measure_muscles")


@pytest.fixture(scope="module")
def collect(program):
    return program("collect_measures")


@pytest.fixture
def scan(root, tmp_path):
    """A T2 map of 40 ms with one muscle of 50 ms, its labels, and the command's words up to --out."""
    table = read_labels(root / "config/labels.tsv")
    labels = np.zeros((2, 6, 8), np.uint8)
    labels[:, 1:3, 1:7] = table.index("vastus medialis", "left")
    labels[:, 4, 1:7] = table.index("semitendinosus", "right")
    t2 = np.where(labels == table.index("semitendinosus", "right"), 50.0, 40.0).astype(np.float32)
    for array, name in ((t2, "t2"), (labels, "labels")):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((2.0, 2.0, 6.0))
        write_image(image, tmp_path / f"{name}.nii.gz")
    return [
        *("--t2", str(tmp_path / "t2.nii.gz"), "--labels", str(tmp_path / "labels.nii.gz")),
        *("--label-table", str(root / "config/labels.tsv"), "--participant", "P01"),
    ]


def test_the_table_has_the_promised_columns_and_the_dictionary_explains_each(measure, scan, tmp_path):
    out = tmp_path / "sub-P01_muscles.tsv"
    assert measure([*scan, "--session", "2", "--erosion-mm", "0", "--plausible-ms", "1", "300", "--out", str(out)]) == 0
    rows = read_table(out)
    assert list(rows.columns) == [*COHORT_COLUMNS, "voxels_excluded", *REASON_COLUMNS]
    assert rows["voxels_low_signal"].isna().all()
    assert set(rows["participant_id"]) == {"P01"} and set(rows["session"]) == {"2"}
    thigh = rows.set_index(["region", "side"]).loc[("thigh", "both")]
    assert float(thigh["t2_mean_ms"]) == pytest.approx((24 * 40 + 12 * 50) / 36)
    assert float(thigh["volume_ml"]) == pytest.approx(36 * 0.024)
    dictionary = json.loads(out.with_suffix(".json").read_text())
    assert set(rows.columns) == set(dictionary) - {"GeneratedWith"}
    assert dictionary["t2_sd_ms"]["Units"] == "ms"
    assert dictionary["GeneratedWith"] == {"erosion_mm": 0.0, "plausible_ms": [1.0, 300.0]}


def test_the_table_of_a_scan_with_a_labelled_femur_is_the_same_to_the_byte(measure, scan, tmp_path):
    assert measure([*scan, "--out", str(tmp_path / "without.tsv")]) == 0
    image = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))
    numbers = sitk.GetArrayFromImage(image)
    numbers[:, 3, :4], numbers[:, 3, 4:] = 27, 28
    femur = sitk.GetImageFromArray(numbers)
    femur.CopyInformation(image)
    write_image(femur, tmp_path / "labels.nii.gz")
    assert measure([*scan, "--out", str(tmp_path / "with.tsv")]) == 0
    assert (tmp_path / "with.tsv").read_bytes() == (tmp_path / "without.tsv").read_bytes()


def test_a_t2_map_on_another_grid_is_refused(measure, scan, tmp_path, capsys):
    image = sitk.ReadImage(str(tmp_path / "t2.nii.gz"))
    image.SetOrigin((0.0, 0.0, 3.0))
    write_image(image, tmp_path / "t2.nii.gz")
    assert measure([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "T2 map and labels on one grid" in capsys.readouterr().err


@pytest.fixture
def write_status(tmp_path):
    """Write a status map on the grid of the T2 map; return its path."""

    def write(codes, shift=0.0):
        image = sitk.GetImageFromArray(np.asarray(codes, np.uint8))
        image.CopyInformation(sitk.ReadImage(str(tmp_path / "t2.nii.gz")))
        image.SetOrigin((shift, 0.0, 0.0))
        write_image(image, tmp_path / "status.nii.gz")
        return str(tmp_path / "status.nii.gz")

    return write


def test_the_fat_fraction_is_the_mean_of_what_is_known_though_voxels_are_left_out(
    measure, scan, write_status, tmp_path
):
    """Left muscle 0.1, right 0.5; one row of the left is not known, the right is left out of T2 for its fat."""
    fat, codes = np.full((2, 6, 8), 0.1, np.float32), np.ones((2, 6, 8))
    fat[:, 4], codes[:, 4] = 0.5, 5
    fat[:, 1] = np.nan
    image = sitk.GetImageFromArray(fat)
    image.CopyInformation(sitk.ReadImage(str(tmp_path / "t2.nii.gz")))
    write_image(image, tmp_path / "fat.nii.gz")
    words = [*scan, "--fat-fraction", str(tmp_path / "fat.nii.gz")]
    assert measure([*words, "--status", write_status(codes), "--out", str(tmp_path / "out.tsv")]) == 0
    rows = read_table(tmp_path / "out.tsv").set_index(["region", "side"])
    assert float(rows.loc[("vastus medialis", "left"), "fat_fraction_mean"]) == pytest.approx(0.1)
    assert float(rows.loc[("semitendinosus", "right"), "fat_fraction_mean"]) == pytest.approx(0.5)
    assert float(rows.loc[("thigh", "both"), "fat_fraction_mean"]) == pytest.approx((12 * 0.1 + 12 * 0.5) / 24)
    assert rows["fat_fraction_mean"].isna()[("gracilis", "left")]
    assert rows.loc[("semitendinosus", "right"), "voxels_fat_above_limit"] == "12"


def test_without_a_dixon_scan_there_is_no_fat_fraction(measure, scan, tmp_path):
    assert measure([*scan, "--out", str(tmp_path / "out.tsv")]) == 0
    assert read_table(tmp_path / "out.tsv")["fat_fraction_mean"].isna().all()


def test_a_status_map_says_which_voxels_are_measured(measure, scan, write_status, tmp_path):
    codes = np.ones((2, 6, 8))
    codes[:, 4] = 2
    codes[0, 1, 1:7] = 3
    out = tmp_path / "out.tsv"
    assert measure([*scan, "--status", write_status(codes), "--out", str(out)]) == 0
    thigh = read_table(out).set_index(["region", "side"]).loc[("thigh", "both")]
    assert thigh[["voxels", "voxels_excluded", *REASON_COLUMNS]].tolist() == ["18", "18", "0", "12", "6", "0", "0", "0"]
    assert float(thigh["t2_mean_ms"]) == 40
    assert float(thigh["volume_ml"]) == pytest.approx(36 * 0.024)


@pytest.mark.parametrize(
    ("code", "shift", "message"), [(9, 0.0, "codes from 0 to 5"), (1, 5.0, "T2 map and status map on one grid")]
)
def test_a_status_map_that_is_none_or_lies_elsewhere_is_refused(
    measure, scan, write_status, tmp_path, capsys, code, shift, message
):
    status = write_status(np.full((2, 6, 8), code), shift)
    assert measure([*scan, "--status", status, "--out", str(tmp_path / "out.tsv")]) == 1
    assert message in capsys.readouterr().err


def test_a_label_that_the_table_does_not_know_is_refused(measure, scan, tmp_path, capsys):
    image = sitk.ReadImage(str(tmp_path / "labels.nii.gz"))
    image[0, 0, 0] = 99
    write_image(image, tmp_path / "labels.nii.gz")
    assert measure([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "99" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--participant", "a/b"],
        ["--session", "../x"],
        ["--erosion-mm", "-1"],
        ["--plausible-ms", "300", "1"],
    ],
)
def test_options_that_cannot_be_are_refused(measure, scan, tmp_path, words):
    with pytest.raises(SystemExit, match="2"):
        measure([*scan, *words, "--out", str(tmp_path / "out.tsv")])


def test_a_scan_on_which_two_readers_differ_is_not_measured(measure, scan, tmp_path):
    note = StopNote("ingest", "the image that dcm2niix reads", "values that differ", "series 8", "Look at both.")
    note.write(tmp_path / "crosscheck.tsv")
    more = ["--out", str(tmp_path / "out.tsv"), "--cross-check", str(tmp_path / "crosscheck.tsv")]
    assert measure([*scan, *more, "--leave-stop-notes"]) == 0
    assert read_stop_note(tmp_path / "out.tsv") == note
    (tmp_path / "crosscheck.tsv").write_text("image\tcompared\nt2.nii.gz\tyes\n")
    assert measure([*scan, *more]) == 0
    assert read_stop_note(tmp_path / "out.tsv") is None


def test_the_cohort_holds_all_measured_rows_and_the_flow_says_who_stopped_and_why(measure, collect, scan, tmp_path):
    tables = [tmp_path / f"{name}.tsv" for name in ("P01", "P02", "P01_2")]
    assert measure([*scan, "--out", str(tables[0])]) == 0
    note = StopNote("ingest", "ten echoes", "nine", "sub-P02/dicom", "Send the series again.")
    note.write(tmp_path / "labels.nii.gz")
    words = [*scan, "--participant", "P02", "--out", str(tables[1]), "--leave-stop-notes"]
    assert measure(words) == 0
    assert read_stop_note(tables[1]) == read_stop_note(tables[1].with_suffix(".json")) == note
    tables[2].write_text(tables[0].read_text().replace("P01\tn/a", "P01\t2"))
    cohort, flow = tmp_path / "cohort.tsv", tmp_path / "flow.tsv"
    sessions = ["n/a", "n/a", "2"]
    words = ["--tables", *map(str, tables), "--participants", "P01", "P02", "P01", "--sessions", *sessions]
    assert collect([*words, "--cohort", str(cohort), "--flow", str(flow)]) == 0

    assert cohort.read_text() == tables[0].read_text() + tables[2].read_text().split("\n", 1)[1]
    rows = read_table(flow)
    assert rows["status"].tolist() == ["measured", "stopped", "measured"]
    assert rows.loc[1, ["stage", "expected", "found", "where", "do"]].tolist() == list(vars(note).values())
    assert rows.loc[[0, 2], ["stage", "expected", "found", "where", "do"]].isna().all(axis=None)
    for path in (cohort, flow):
        assert set(json.loads(path.with_suffix(".json").read_text())) == set(read_table(path).columns)


def test_a_cohort_in_which_everybody_stopped_has_a_header_and_no_row(collect, tmp_path):
    StopNote("fit", "a", "b", "c", "d").write(tmp_path / "a.tsv")
    words = ["--tables", str(tmp_path / "a.tsv"), "--participants", "A", "--sessions", "n/a"]
    assert collect([*words, "--cohort", str(tmp_path / "cohort.tsv"), "--flow", str(tmp_path / "flow.tsv")]) == 0
    assert read_table(tmp_path / "cohort.tsv").empty
    assert list(read_table(tmp_path / "cohort.tsv").columns)[: len(COHORT_COLUMNS)] == COHORT_COLUMNS
    assert read_table(tmp_path / "flow.tsv")["status"].tolist() == ["stopped"]


@pytest.mark.parametrize(
    ("participants", "sessions", "message"),
    [
        (["P02"], ["n/a"], "participant P02"),
        (["P01"], ["2"], "session 2"),
        (["P01", "P02"], ["n/a", "n/a"], "1 tables, 2 participants"),
    ],
)
def test_a_table_of_another_scan_is_refused(measure, collect, scan, tmp_path, capsys, participants, sessions, message):
    table = tmp_path / "P01.tsv"
    assert measure([*scan, "--out", str(table)]) == 0
    words = ["--tables", str(table), "--participants", *participants, "--sessions", *sessions]
    assert collect([*words, "--cohort", str(tmp_path / "cohort.tsv"), "--flow", str(tmp_path / "flow.tsv")]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "cohort.tsv").exists()


def test_a_table_without_a_promised_column_is_refused(measure, collect, scan, tmp_path, capsys):
    table = tmp_path / "P01.tsv"
    assert measure([*scan, "--out", str(table)]) == 0
    table.write_text(table.read_text().replace("volume_ml", "volume"))
    words = ["--tables", str(table), "--participants", "P01", "--sessions", "n/a"]
    assert collect([*words, "--cohort", str(tmp_path / "cohort.tsv"), "--flow", str(tmp_path / "flow.tsv")]) == 1
    assert "no column volume_ml" in capsys.readouterr().err
