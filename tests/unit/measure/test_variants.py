"""One scan's T2 in every way: worked out by hand, and equal to the study's value where the choices are the study's."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.regions import Region
from myot2.core.stopnote import StopNote
from myot2.core.tables import read_table
from myot2.measure.muscles import erode_one_voxel, measure_regions
from myot2.measure.variants import measure_variants

# Two slices; muscle 1 has 10, 20, 60 in the first and 30 in the second, muscle 2 has 100 in the second; 9 is bone.
LABELS = np.array([[[1, 1, 1, 9]], [[1, 2, 0, 9]]])
T2 = np.array([[[10.0, 20.0, 60.0, 250.0]], [[30.0, 100.0, 80.0, 250.0]]])


def values(t2=T2, labels=LABELS, **options):
    rows = measure_variants(t2, {"automatic": labels}, [1, 2], **options)
    return pd.DataFrame(rows).set_index(["statistic", "aggregation"])


@pytest.mark.parametrize(
    ("statistic", "aggregation", "expected", "parts"),
    [
        ("mean", "voxel", (10 + 20 + 60 + 30 + 100) / 5, 1),
        ("mean", "muscle", ((10 + 20 + 60 + 30) / 4 + 100) / 2, 2),
        ("mean", "slice", ((10 + 20 + 60) / 3 + (30 + 100) / 2) / 2, 2),
        ("median", "voxel", 30, 1),
        ("median", "muscle", ((20 + 30) / 2 + 100) / 2, 2),
        ("median", "slice", (20 + (30 + 100) / 2) / 2, 2),
        # the 90th percentile of n sorted values lies at place 0.9 (n - 1), counted from 0, between its neighbours
        ("p90", "voxel", 60 + 0.6 * (100 - 60), 1),
        ("p90", "muscle", ((30 + 0.7 * (60 - 30)) + 100) / 2, 2),
        ("p90", "slice", ((20 + 0.8 * (60 - 20)) + (30 + 0.9 * (100 - 30))) / 2, 2),
    ],
)
def test_each_way_gives_what_a_person_works_out_by_hand(statistic, aggregation, expected, parts):
    row = values().loc[(statistic, aggregation)]
    assert row["t2_ms"] == pytest.approx(expected, rel=1e-12)
    assert (row["parts"], row["voxels"]) == (parts, 5)


def test_a_muscle_or_slice_without_a_voxel_that_counts_takes_no_part():
    status = np.ones(LABELS.shape, int)
    status[1] = 2  # low signal in the whole second slice, and with it in all of muscle 2
    found = values(status=status)
    assert set(found["parts"]) == {1} and set(found["voxels"]) == {3}
    assert set(found.loc["mean", "t2_ms"]) == {30.0}
    assert values(plausible_ms=(1.0, 50.0)).loc[("mean", "voxel"), "t2_ms"] == 20.0


def test_a_mask_without_a_voxel_or_without_a_map_keeps_its_rows_and_says_why():
    masks = {"automatic": np.zeros_like(LABELS), "corrected": "no map"}
    table = pd.DataFrame(measure_variants(T2, masks, [1, 2]))
    assert len(table) == 18 and table["t2_ms"].isna().all()
    assert table.groupby("mask")["reason"].unique().map(list).to_dict() == {
        "automatic": ["no voxel of the mask can be measured"],
        "corrected": ["no map"],
    }


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_mean_over_voxels_is_the_studys_value_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    labels, t2 = rng.integers(0, 4, (3, 7, 8)), rng.normal(45, 15, (3, 7, 8)).astype(np.float32)
    t2[rng.random(t2.shape) < 0.1] = np.nan
    status = rng.choice([1, 1, 1, 2], t2.shape)
    options = {"status": status, "plausible_ms": (20.0, 70.0)}
    (study,) = measure_regions(t2, labels, (2.0, 2.0, 6.0), [Region("thigh", "both", (1, 2))], **options)
    found = values(t2, labels, **options)
    for statistic in ("mean", "median", "p90"):
        assert found.loc[(statistic, "voxel"), "t2_ms"] == study[f"t2_{statistic}_ms"]
    assert found.loc[("mean", "voxel"), "voxels"] == study["voxels"]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_where_every_voxel_is_equal_every_way_gives_that_value(seed):
    labels = np.random.default_rng(seed).integers(0, 3, (2, 4, 5))
    labels[0, 0, 0] = 1
    assert values(np.full(labels.shape, 41.5), labels)["t2_ms"].tolist() == [41.5] * 9


def test_one_rim_of_voxels_goes_whatever_the_shape_of_the_pixels_and_no_slice_does():
    labels = np.zeros((2, 6, 7), int)
    labels[:, 1:5, 1:4] = 3
    labels[:, 1:5, 4:6] = 5
    expected = np.zeros_like(labels)
    expected[:, 2:4, 2] = 3  # of 4 x 3 voxels remain 2 x 1, of the 4 x 2 beside them none
    np.testing.assert_array_equal(erode_one_voxel(labels), expected)


@pytest.fixture
def scan(root, tmp_path):
    """A square muscle of 50 ms with a rim of 90 ms, and the command's words up to --out."""
    labels = np.zeros((2, 9, 9), np.uint8)
    labels[:, 1:8, 1:8] = read_labels(root / "config/labels.tsv").index("gracilis", "left")
    t2 = np.full(labels.shape, 90.0, np.float32)
    t2[:, 2:7, 2:7] = 50.0
    corrected = labels.copy()
    corrected[:, 1], corrected[:, 7], corrected[:, :, 7] = 0, 0, 0
    for array, name in ((t2, "t2"), (labels, "labels"), (corrected, "corrected")):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((1.5, 2.0, 6.0))
        write_image(image, tmp_path / f"{name}.nii.gz")
    return [
        *("--t2", str(tmp_path / "t2.nii.gz"), "--labels", str(tmp_path / "labels.nii.gz")),
        *("--label-table", str(root / "config/labels.tsv"), "--participant", "P01"),
    ]


def means(path):
    table = read_table(path).set_index(["mask", "statistic", "aggregation"])
    return table.xs(("mean", "voxel"), level=("statistic", "aggregation"))


def test_the_program_measures_the_runs_mask_the_eroded_and_the_corrected(program, scan, tmp_path):
    out = tmp_path / "variants.tsv"
    words = ["--corrected", str(tmp_path / "corrected.nii.gz"), "--t2-name", "mono", "--out", str(out)]
    assert program("measure_variants")([*scan, *words]) == 0
    found = means(out)["t2_ms"].astype(float)
    assert found["automatic"] == pytest.approx((25 * 50 + 24 * 90) / 49)
    assert found["eroded"] == 50
    assert found["corrected"] == pytest.approx((25 * 50 + 5 * 90) / 30)
    table, dictionary = read_table(out), json.loads(out.with_suffix(".json").read_text())
    assert len(table) == 27 and set(table["t2"]) == {"mono"}
    assert set(table.columns) == set(dictionary) - {"GeneratedWith"}


def test_the_erosion_of_the_run_comes_before_the_one_of_the_variant(program, scan, tmp_path):
    out = tmp_path / "variants.tsv"
    assert program("measure_variants")([*scan, "--erosion-mm", "2", "--mask-name", "given", "--out", str(out)]) == 0
    assert means(out)["voxels"].tolist() == ["50", "18", "0"]


def test_without_a_corrected_mask_its_rows_say_so_and_a_bad_one_leaves_the_others_their_values(program, scan, tmp_path):
    StopNote("segment", "known labels", "99", "corrections/x.nii.gz", "Correct it.").write(tmp_path / "bad.nii.gz")
    reasons = []
    for number, words in enumerate(([], ["--corrected", str(tmp_path / "bad.nii.gz")])):
        out = tmp_path / f"{number}.tsv"
        assert program("measure_variants")([*scan, *words, "--out", str(out)]) == 0
        found = means(out)
        assert found["t2_ms"].notna().tolist() == [True, True, False]
        reasons.append(found.loc["corrected", "reason"])
    assert reasons[0] == "no corrected label map is given"
    assert "stopped at segment" in reasons[1] and "found 99" in reasons[1]


def test_a_corrected_mask_on_another_grid_is_refused(program, scan, tmp_path, capsys):
    image = sitk.ReadImage(str(tmp_path / "corrected.nii.gz"))
    image.SetOrigin((0.0, 0.0, 3.0))
    write_image(image, tmp_path / "corrected.nii.gz")
    words = ["--corrected", str(tmp_path / "corrected.nii.gz"), "--out", str(tmp_path / "out.tsv")]
    assert program("measure_variants")([*scan, *words]) == 1
    assert "corrected labels on one grid" in capsys.readouterr().err
