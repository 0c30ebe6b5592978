"""The program that labels: its maps, its sidecar, and what it does about fat. The network is random, but sure."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from myot2.core.labels import read_labels
from myot2.core.stopnote import read_stop_note
from myot2.segment.model import ModelConfiguration, build_network, save_model
from myot2.segment.risk import ANY, Logistic, Risk, save_risk

NAMES = ("gracilis", "sartorius", "rectus femoris", "vastus lateralis", "vastus medialis", "femur")
TINY = ModelConfiguration("tiny", NAMES, 2.0, 64, 1, (4, 6, 8), (2, 2), 1)


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with random weights, whose answers are pulled apart so that they are all but certain."""
    torch.manual_seed(5)
    network = build_network(TINY)
    with torch.no_grad():
        for parameter in list(network.parameters())[-2:]:
            parameter.mul_(60)
    folder = tmp_path_factory.mktemp("model")
    # as many as there are poses: each looks once, and all agree
    save_model(folder, TINY, [copy.deepcopy(network) for _ in range(3)])
    return folder


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """In-phase, water and fat images of two cylinders with texture, a third of which is fat."""
    folder = tmp_path_factory.mktemp("scan")
    rng = np.random.default_rng(1)
    shape = (6, 80, 150)
    y, x = np.mgrid[:80, :150]
    leg = np.minimum(np.hypot(x - 42, y - 40), np.hypot(x - 108, y - 40)) < 28
    whole = 100 * leg * rng.uniform(0.5, 1.5, shape)
    fraction = np.where(np.hypot(x - 42, y - 40) < 12, 0.8, 0.1) + rng.uniform(-0.05, 0.05, shape)
    parts = {"in": whole, "water": whole * (1 - fraction), "fat": whole * fraction}
    for name, values in parts.items():
        image = sitk.GetImageFromArray(values.astype(np.float32))
        image.SetSpacing((2.0, 2.0, 6.0))
        image.SetOrigin((-149.0, -79.0, 0.0))
        sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
    return folder, np.where(leg, fraction, np.nan)


@pytest.fixture
def run(program, model, scan, tmp_path):
    """Label the scan with more options; returns the labels, the sidecar and the folder."""

    def label(*options, name="dseg"):
        arguments = ["--image", scan[0] / "in.nii.gz", "--model", model, "--labels", tmp_path / f"{name}.nii.gz"]
        assert program("segment_muscles")([str(word) for word in (*arguments, *options)]) == 0
        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"{name}.nii.gz")))
        return labels, json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8")), tmp_path

    return label


def test_fat_is_counted(run, scan, table):
    folder, fraction = scan
    _, nothing, _ = run()
    labels, sidecar, _ = run("--water-fat", folder / "water.nii.gz", folder / "fat.nii.gz")
    assert {row["fat_voxels"] for row in nothing["Muscles"]} == {None} and "FatFraction" not in nothing
    assert sidecar["FatFraction"] == {"Limit": 0.5, "Action": "flag", "Interpolated": False}
    assert np.isin(labels, table.muscle_indices()).any()
    for row in sidecar["Muscles"]:
        own = fraction[(labels == row["index"]) & np.isfinite(fraction)]
        assert row["fat_voxels"] == (int((own > 0.5).sum()) if own.size else None)


def test_the_water_image_is_asked_at_borders_and_the_sidecar_says_so(run, scan):
    folder, _ = scan
    _, alone, _ = run()
    _, sidecar, _ = run("--water-fat", folder / "water.nii.gz", folder / "fat.nii.gz")
    assert alone["Borders"]["Image"] == "labelled"
    assert sidecar["Borders"]["Image"] == "water"
    assert sidecar["Borders"]["DarkShare"] != alone["Borders"]["DarkShare"]


def test_fat_is_cut_from_muscles_on_request_and_bone_stays(run, scan, table):
    folder, fraction = scan
    sources = ("--water-fat", folder / "water.nii.gz", folder / "fat.nii.gz", "--fat-limit", "0.6")
    whole, _, _ = run(*sources)
    labels, sidecar, _ = run(*sources, "--fat-action", "cut")
    fat = np.nan_to_num(fraction) > 0.6
    muscle = np.isin(whole, table.muscle_indices())
    assert (muscle & fat).any() and (~muscle & fat & (whole > 0)).any(), "the scan would show nothing"
    np.testing.assert_array_equal(labels, np.where(muscle & fat, 0, whole))
    assert sidecar["FatFraction"]["VoxelsCut"] == (muscle & fat).sum()
    assert sum(row["voxels"] for row in sidecar["Muscles"]) == (muscle & ~fat).sum()


def test_fat_that_is_to_be_kept_is_not_looked_for(run, scan):
    sources = ("--water-fat", scan[0] / "missing.nii.gz", scan[0] / "missing.nii.gz")
    _, sidecar, _ = run(*sources, "--fat-action", "keep")
    assert {row["fat_share"] for row in sidecar["Muscles"]} == {None}


def test_a_map_of_the_fraction_serves_as_well_and_no_label_changes(run, scan):
    folder, fraction = scan
    water, fat = (sitk.ReadImage(str(folder / f"{name}.nii.gz")) for name in ("water", "fat"))
    whole = sitk.GetArrayFromImage(water) + sitk.GetArrayFromImage(fat)
    given = sitk.GetImageFromArray(sitk.GetArrayFromImage(fat) / np.where(whole > 0, whole, 1))
    given.CopyInformation(water)
    sitk.WriteImage(given, str(folder / "ff.nii.gz"))
    plain, _, _ = run()
    labels, sidecar, _ = run("--fat-fraction", folder / "ff.nii.gz")
    np.testing.assert_array_equal(labels, plain)
    for row in sidecar["Muscles"]:
        own = fraction[(labels == row["index"]) & np.isfinite(fraction)]
        assert row["fat_voxels"] == (int((own > 0.5).sum()) if own.size else None)


def test_confidence_and_entropy_are_written_as_maps_and_the_sidecar_s_means_are_theirs(run, scan, tmp_path):
    paths = [tmp_path / f"{name}.nii.gz" for name in ("confidence", "entropy")]
    labels, sidecar, _ = run("--confidence", paths[0], "--entropy", paths[1])
    image = sitk.ReadImage(str(scan[0] / "in.nii.gz"))
    for path, key in zip(paths, ("mean_confidence", "mean_entropy"), strict=True):
        written = sitk.ReadImage(str(path))
        assert written.GetOrigin() == image.GetOrigin() and written.GetSize() == image.GetSize()
        values = sitk.GetArrayFromImage(written)
        assert values.min() >= 0 and values.max() <= 1
        for row in sidecar["Muscles"]:
            expected = values[labels == row["index"]].mean() if row["voxels"] else None
            assert row[key] == (expected and pytest.approx(expected, abs=1e-4))


def test_one_source_of_the_fraction_is_enough(program, scan):
    sources = ["--fat-fraction", "a", "--water-fat", "b", "c"]
    with pytest.raises(SystemExit):
        program("segment_muscles")(["--image", "x", "--labels", "y", *sources])


def test_water_on_another_grid_stops_the_scan_with_a_note(program, scan, model, tmp_path):
    folder, _ = scan
    moved = sitk.ReadImage(str(folder / "water.nii.gz"))
    moved.SetOrigin((0.0, 0.0, 0.0))
    sitk.WriteImage(moved, str(tmp_path / "moved.nii.gz"))
    arguments = ["--image", folder / "in.nii.gz", "--model", model, "--labels", tmp_path / "dseg.nii.gz"]
    arguments += ["--water-fat", tmp_path / "moved.nii.gz", folder / "fat.nii.gz", "--leave-stop-notes"]
    assert program("segment_muscles")([str(word) for word in arguments]) == 0
    assert "on one grid" in read_stop_note(tmp_path / "dseg.nii.gz").expected


def test_the_risk_beside_the_weights_is_told(run, model):
    sums = (model / "SHA256SUMS").read_text(encoding="utf-8")
    digest = next(line.split()[0] for line in sums.splitlines() if line.endswith("model.safetensors"))
    even = Logistic(0.0, {"mean_score": 0.0}, {ANY: {"mean_score": (0.0, 1.0)}})
    save_risk(model, Risk(digest, Logistic(0.0, {"fat": 0.0}, {ANY: {"fat": (0.0, 1.0)}}), even, {}))
    try:
        _, sidecar, _ = run()
    finally:
        (model / "risk.json").unlink()
        (model / "SHA256SUMS").write_text(sums, encoding="utf-8")
    assert sidecar["Risk"] == 0.5 and "risk of failure 0.50, at least 0.5" in sidecar["Flags"]
    assert {row["risk"] for row in sidecar["Muscles"] if row["voxels"]} == {0.5}


def test_equal_input_gives_equal_bytes(run):
    _, _, folder = run(name="first")
    run(name="second")
    for end in (".nii.gz", ".json"):
        assert (folder / f"first{end}").read_bytes() == (folder / f"second{end}").read_bytes()
