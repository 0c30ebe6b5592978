"""The program that fits region means: isochromats of water and fat, small labels, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from fit_truth_bloch import echo_amplitudes, hard_train

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, read_image, write_image
from myot2.core.labels import read_labels, require_known
from myot2.core.tables import read_table
from myot2.core.voxel_status import Status
from myot2.fit.regions import COLUMNS, LEAST_VOXELS, mean_signals, table_of
from myot2.fit.water_fat_region import RegionFit

SHAPE = (3, 16, 16)
TIMES = [str(10 * number) for number in range(1, 11)]


@pytest.fixture(scope="module")
def fit_regions(program):
    return program("fit_regions")


@pytest.fixture
def scan(root, tmp_path):
    """Two muscles of known T2 and fat under a B1 of 0.8, and a speck; the command's words up to --out."""
    names, train = read_labels(root / "config/labels.tsv"), hard_train()
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, :6] = names.index("vastus lateralis", "left")
    labels[:, :, 8:14] = names.index("gracilis", "right")
    labels[0, 0, 15] = names.index("sartorius", "left")
    fat = echo_amplitudes(train, 150.0, t1_ms=365.0, b1=0.8)
    clean = np.zeros((10, *SHAPE))
    for region, t2, fraction in (
        (labels == names.index("vastus lateralis", "left"), 35.0, 0.05),
        (labels > 0, 50.0, 0.2),
    ):
        course = 1000 * ((1 - fraction) * echo_amplitudes(train, t2, b1=0.8) + fraction * fat)
        clean += np.where(region & (clean[0] == 0), course[:, None, None, None], 0)
    rng = np.random.default_rng(0)
    signal = np.hypot(clean + rng.normal(0, 5, clean.shape), rng.normal(0, 5, clean.shape))
    echoes = sitk.JoinSeries([sitk.GetImageFromArray(echo.astype(np.float32)) for echo in signal])
    write_image(echoes, tmp_path / "echoes.nii.gz")
    write_image(sitk.GetImageFromArray(labels), tmp_path / "labels.nii.gz")
    return [
        *("--echoes", str(tmp_path / "echoes.nii.gz"), "--echo-times-ms", *TIMES),
        *("--labels", str(tmp_path / "labels.nii.gz"), "--label-table", str(root / "config/labels.tsv")),
    ]


def test_water_t2_and_fat_of_each_muscle_are_found_without_a_dixon_scan(fit_regions, scan, tmp_path):
    out = tmp_path / "regions.tsv"
    assert fit_regions([*scan, "--out", str(out)]) == 0
    rows = read_table(out).set_index(["region", "side"])
    assert set(rows.pop("status")) == {"ok"}
    rows = rows.astype(float)
    assert set(rows.index) == {("vastus lateralis", "left"), ("gracilis", "right")}
    for key, t2, fraction in ((("vastus lateralis", "left"), 35, 0.05), (("gracilis", "right"), 50, 0.2)):
        row = rows.loc[key]
        assert row["voxels"] == 288
        assert abs(row["t2_ms"] - t2) < max(3 * row["t2_sd_ms"], 0.5)
        assert abs(row["fat_fraction"] - fraction) < max(3 * row["fat_fraction_sd"], 0.01)
        assert row["b1"] == pytest.approx(0.8, abs=0.02)
    assert set(json.loads(out.with_suffix(".json").read_text())) == {"region", "side", "status", *rows.columns}


def test_the_femur_is_not_fitted_and_changes_nothing(fit_regions, scan, tmp_path, capsys):
    assert fit_regions([*scan, "--out", str(tmp_path / "without.tsv")]) == 0
    labels = array_of(read_image(tmp_path / "labels.nii.gz"))
    femur = np.full(SHAPE, 27, np.uint8)
    write_image(sitk.GetImageFromArray(np.where(labels == 0, femur, labels)), tmp_path / "labels.nii.gz")
    echoes = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "echoes.nii.gz")))
    echoes[:, labels == 0] += 500.0 * 0.9 ** np.arange(len(echoes), dtype=np.float32)[:, None]
    write_image(
        sitk.JoinSeries([sitk.GetImageFromArray(echo) for echo in echoes.astype(np.float32)]),
        tmp_path / "echoes.nii.gz",
    )
    assert fit_regions([*scan, "--out", str(tmp_path / "with.tsv")]) == 0
    assert (tmp_path / "with.tsv").read_bytes() == (tmp_path / "without.tsv").read_bytes()
    write_image(sitk.GetImageFromArray(femur), tmp_path / "labels.nii.gz")
    assert fit_regions([*scan, "--out", str(tmp_path / "bone.tsv")]) == 1
    assert "a muscle with at least 30 voxels" in capsys.readouterr().err


def test_labels_without_voxels_enough_and_labels_elsewhere_are_refused(fit_regions, scan, tmp_path, capsys):
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0, :9] = 1
    write_image(sitk.GetImageFromArray(labels), tmp_path / "labels.nii.gz")
    assert fit_regions([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "a muscle with at least 30 voxels" in capsys.readouterr().err
    write_image(sitk.GetImageFromArray(labels[:, :8]), tmp_path / "labels.nii.gz")
    assert fit_regions([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "labels and echoes on one grid" in capsys.readouterr().err


def test_the_mean_of_a_label_is_that_of_its_voxels_with_signal_in_every_echo():
    rng = np.random.default_rng(0)
    signal, labels = rng.uniform(1, 2, (4, 2, 5, 20)), np.zeros((2, 5, 20), np.uint8)
    labels[0, :, :8], labels[1, :, :6] = 7, 3
    signal[1, 0, 0, 0], signal[3, 0, 0, 1] = np.nan, 0.0
    means = mean_signals(signal, labels)
    assert list(means) == [3, 7]
    assert [count for count, _ in means.values()] == [30, 38]
    np.testing.assert_allclose(means[3][1], signal[:, 1, :, :6].mean(axis=(1, 2)))
    np.testing.assert_allclose(means[7][1], signal[:, 0, :, :8].reshape(4, -1)[:, 2:].mean(axis=1))


def test_a_label_of_too_few_voxels_has_no_mean():
    labels = np.zeros((1, 2, LEAST_VOXELS), np.uint8)
    labels[0, 0], labels[0, 1, 1:] = 1, 2
    assert list(mean_signals(np.ones((4, *labels.shape)), labels)) == [1]


def test_the_mean_of_32_bit_echoes_is_as_exact_as_that_of_64_bit_ones():
    labels = np.ones((1, 1000, 1000), np.uint8)
    signal = np.full((1, *labels.shape), 0.1, np.float32)
    assert mean_signals(signal, labels)[1][1][0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize(("number", "said"), [(99, "99"), (-3, "-3"), (1.5, "1.5"), (np.nan, "nan")])
def test_a_number_that_is_no_label_is_refused_and_named(root, number, said):
    labels = np.array([[[0, 1, 2, number]]], float)
    with pytest.raises(MyoT2Error, match=rf"labels\.nii\.gz: expected whole numbers.*value\(s\) {said}\."):
        require_known(labels, read_labels(root / "config/labels.tsv"), "labels.nii.gz")


def test_numbers_of_the_table_pass_whatever_their_type(root):
    names = read_labels(root / "config/labels.tsv")
    for kind in (np.uint8, np.int32, np.float32):
        require_known(np.array([[[0, *names.indices()]]], kind), names, "labels.nii.gz")


def test_the_table_tells_the_status_in_words(root):
    names = read_labels(root / "config/labels.tsv")
    one = np.ones(2)
    fit = RegionFit(one, one, one, one, one, one, one, np.array([Status.OK, Status.AT_BOUND], np.uint8))
    table = table_of({1: (40, one), 2: (50, one)}, fit, names)
    assert list(table.columns) == list(COLUMNS)
    assert table["status"].tolist() == ["ok", "at bound"]
    assert table["voxels"].tolist() == [40, 50]


def test_given_pulses_need_their_samples(fit_regions, scan, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        fit_regions([*scan, "--slice-profile", "given", "--out", str(tmp_path / "out.tsv")])
