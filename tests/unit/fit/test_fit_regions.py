"""The program that fits region means: isochromats of water and fat, small labels, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from fit_truth_bloch import echo_amplitudes, hard_train

from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.tables import read_table

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
    rows = read_table(out).set_index(["region", "side"]).astype(float)
    assert set(rows.index) == {("vastus lateralis", "left"), ("gracilis", "right")}
    for key, t2, fraction in ((("vastus lateralis", "left"), 35, 0.05), (("gracilis", "right"), 50, 0.2)):
        row = rows.loc[key]
        assert row["voxels"] == 288
        assert abs(row["t2_ms"] - t2) < max(3 * row["t2_sd_ms"], 0.5)
        assert abs(row["fat_fraction"] - fraction) < max(3 * row["fat_fraction_sd"], 0.01)
        assert row["b1"] == pytest.approx(0.8, abs=0.02)
    assert set(json.loads(out.with_suffix(".json").read_text())) == {"region", "side", *rows.columns}


def test_labels_without_voxels_enough_and_labels_elsewhere_are_refused(fit_regions, scan, tmp_path, capsys):
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0, :9] = 1
    write_image(sitk.GetImageFromArray(labels), tmp_path / "labels.nii.gz")
    assert fit_regions([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "a label with at least 30 voxels" in capsys.readouterr().err
    write_image(sitk.GetImageFromArray(labels[:, :8]), tmp_path / "labels.nii.gz")
    assert fit_regions([*scan, "--out", str(tmp_path / "out.tsv")]) == 1
    assert "labels and echoes on one grid" in capsys.readouterr().err


def test_given_pulses_need_their_samples(fit_regions, scan, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        fit_regions([*scan, "--slice-profile", "given", "--out", str(tmp_path / "out.tsv")])
