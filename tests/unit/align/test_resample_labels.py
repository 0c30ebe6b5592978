"""The program resample_labels: what it writes, says and refuses."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
from moving_thighs import DIXON, ECHO, grid, label_map, picture, points_of, tissue

from myot2.core.images import array_of, image_like, read_image, read_sidecar, sidecar_path, write_image, write_sidecar
from myot2.core.stopnote import StopNote, read_stop_note


@pytest.fixture(scope="module")
def main(program):
    return program("resample_labels")


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Labels and Dixon after a shift of 5 mm, and the first echo before it; thickness in the sidecars."""
    folder = tmp_path_factory.mktemp("scan")
    shift = sitk.Euler3DTransform()
    shift.SetTranslation((4.0, 3.0, 0.0))
    echo, dixon = grid((100, 60, 5), (4.0, 4.0, 6.0)), grid((130, 70, 5), (3.0, 3.0, 6.0))
    write_image(picture(echo, ECHO), folder / "echo.nii.gz")
    write_sidecar(folder / "echo.nii.gz", {"SliceThickness": 5.0})
    write_image(picture(dixon, DIXON, shift, seed=1), folder / "dixon.nii.gz")
    write_sidecar(folder / "dixon.nii.gz", {"SliceThickness": 4.5})
    write_image(label_map(dixon, shift), folder / "labels.nii.gz")
    write_image(label_map(echo), folder / "truth.nii.gz")
    return folder


def words(scan, out, *more):
    return ["--labels", str(scan / "labels.nii.gz"), "--reference", str(scan / "echo.nii.gz"), "--out", str(out), *more]


def dice(first, second):
    a, b = array_of(read_image(first)), array_of(read_image(second))
    return np.mean([2 * np.sum((a == k) & (b == k)) / (np.sum(a == k) + np.sum(b == k)) for k in range(1, 13)])


def test_refinement_brings_the_labels_onto_the_muscles_and_says_so(main, scan, tmp_path):
    plain, refined, transform = tmp_path / "plain.nii.gz", tmp_path / "refined.nii.gz", tmp_path / "x.tfm"
    assert main(words(scan, plain)) == 0
    more = ["--moving-image", str(scan / "dixon.nii.gz"), "--transform", str(transform)]
    assert main(words(scan, refined, *more)) == 0
    assert dice(plain, scan / "truth.nii.gz") < 0.85 < 0.93 < dice(refined, scan / "truth.nii.gz")
    record = read_sidecar(refined)
    assert record["RefinementKept"] is True
    assert record["MutualInformationAfter"] > record["MutualInformationBefore"]
    assert record["DisplacementMm"] == pytest.approx(5, abs=0.7)
    assert (record["LabelSliceThicknessMm"], record["ReferenceSliceThicknessMm"]) == (4.5, 5.0)
    assert record["ReferenceOutsideLabelsShare"] == pytest.approx(1 - 98 / 100 * 52 / 60, abs=0.02)
    moved = sitk.ReadTransform(str(transform)).TransformPoint((0.0, 0.0, 0.0))
    assert moved == pytest.approx((4, 3, 0), abs=0.8)
    assert read_sidecar(plain)["RefinementReason"] == "no moving image was given"


def test_other_labels_of_the_scan_are_moved_as_the_first_were(main, scan, tmp_path):
    first, again, transform = tmp_path / "first.nii.gz", tmp_path / "again.nii.gz", tmp_path / "x.tfm"
    moving = ["--moving-image", str(scan / "dixon.nii.gz")]
    assert main(words(scan, first, *moving, "--transform", str(transform))) == 0
    assert main(words(scan, again, *moving, "--moved-by", str(transform))) == 0
    np.testing.assert_array_equal(array_of(read_image(again)), array_of(read_image(first)))
    record = read_sidecar(again)
    assert (record["RefinementReason"], record["LabelSliceThicknessMm"]) == ("given", 4.5)


def test_a_transform_that_is_none_is_refused(main, scan, tmp_path, capsys):
    (tmp_path / "x.tfm").write_text("a transform")
    assert main(words(scan, tmp_path / "out.nii.gz", "--moved-by", str(tmp_path / "x.tfm"))) == 1
    assert "a transform that scripts/resample_labels.py wrote" in capsys.readouterr().err


def test_a_labelled_femur_goes_along_and_moves_no_muscle(main, scan, tmp_path, root):
    image = read_image(scan / "labels.nii.gz")
    shift = sitk.Euler3DTransform()
    shift.SetTranslation((4.0, 3.0, 0.0))
    muscle = array_of(image)
    x, y, z = next(points_of(image, shift))
    bone = (tissue(x, y, z) == 2).reshape(muscle.shape) & (muscle == 0)
    side = np.where(x > 0, 27, 28).reshape(muscle.shape)
    write_image(image_like(np.where(bone, side, muscle).astype(np.uint8), image), tmp_path / "labels.nii.gz")
    found = []
    for name, labels in (("without", scan / "labels.nii.gz"), ("with", tmp_path / "labels.nii.gz")):
        out, transform = tmp_path / f"{name}.nii.gz", tmp_path / f"{name}.tfm"
        more = ["--labels", str(labels), "--label-table", str(root / "config/labels.tsv")]
        more += ["--moving-image", str(scan / "dixon.nii.gz"), "--transform", str(transform)]
        assert main(words(scan, out, *more)) == 0
        found.append((array_of(read_image(out)), sidecar_path(out).read_text(), transform.read_text()))
    (plain, *records), (femur, *records_with_femur) = found
    assert records == records_with_femur
    np.testing.assert_array_equal(np.where(femur >= 27, 0, femur), plain)
    for number in (27, 28):
        place, true = (np.argwhere(map_ == number).mean(axis=0) for map_ in (femur, femur_on(scan / "echo.nii.gz")))
        assert np.abs(place - true).max() < 0.6


def femur_on(path):
    """27 and 28 in the femora of the thighs as they lie on the grid of an image."""
    image = read_image(path)
    x, y, z = next(points_of(image, sitk.Euler3DTransform()))
    return np.where(tissue(x, y, z) == 2, np.where(x > 0, 27, 28), 0).reshape(image.GetSize()[::-1])


def test_a_number_that_the_label_table_does_not_know_is_refused(main, scan, tmp_path, root, capsys):
    image = read_image(scan / "labels.nii.gz")
    write_image(image_like(array_of(image) + np.uint8(40), image), tmp_path / "labels.nii.gz")
    more = ["--labels", str(tmp_path / "labels.nii.gz"), "--label-table", str(root / "config/labels.tsv")]
    assert main(words(scan, tmp_path / "out.nii.gz", *more)) == 1
    assert "that the label table knows" in capsys.readouterr().err


def test_two_runs_write_the_same_bytes(main, scan, tmp_path):
    digests = set()
    for run in ("first", "second"):
        out, transform = tmp_path / run / "labels.nii.gz", tmp_path / run / "x.tfm"
        more = ["--moving-image", str(scan / "dixon.nii.gz"), "--transform", str(transform)]
        assert main(words(scan, out, *more)) == 0
        files = (out, sidecar_path(out), transform)
        digests.add(tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in files))
    assert len(digests) == 1


def test_without_refinement_the_transform_is_identity(main, scan, tmp_path):
    more = [
        "--moving-image",
        str(scan / "dixon.nii.gz"),
        "--refinement",
        "none",
        "--transform",
        str(tmp_path / "x.tfm"),
    ]
    assert main(words(scan, tmp_path / "out.nii.gz", *more)) == 0
    point = (10.0, -20.0, 30.0)
    assert sitk.ReadTransform(str(tmp_path / "x.tfm")).TransformPoint(point) == pytest.approx(point)
    assert read_sidecar(tmp_path / "out.nii.gz")["RefinementReason"] == "not asked for"


def test_options_win_over_the_thickness_in_the_sidecars(main, scan, tmp_path):
    more = ["--label-slice-thickness-mm", "3", "--reference-slice-thickness-mm", "2"]
    assert main(words(scan, tmp_path / "out.nii.gz", *more)) == 0
    record = read_sidecar(tmp_path / "out.nii.gz")
    assert (record["LabelSliceThicknessMm"], record["ReferenceSliceThicknessMm"]) == (3, 2)


def test_without_any_word_on_thickness_it_is_the_slice_spacing(main, scan, tmp_path):
    assert main(words(scan, tmp_path / "out.nii.gz")) == 0
    assert read_sidecar(tmp_path / "out.nii.gz")["LabelSliceThicknessMm"] == 6.0


def test_a_moving_image_on_another_grid_than_the_labels_is_refused(main, scan, tmp_path, capsys):
    assert main(words(scan, tmp_path / "out.nii.gz", "--moving-image", str(scan / "echo.nii.gz"))) == 1
    assert "labels and moving image on one grid" in capsys.readouterr().err


def test_fractions_are_no_labels(main, scan, tmp_path, capsys):
    image = read_image(scan / "labels.nii.gz")
    write_image(image_like(array_of(image) * np.float32(0.5), image), tmp_path / "labels.nii.gz")
    more = ["--labels", str(tmp_path / "labels.nii.gz")]
    assert main(words(scan, tmp_path / "out.nii.gz", *more)) == 1
    assert "whole numbers" in capsys.readouterr().err


def test_whole_numbers_in_floats_are_labels(main, scan, tmp_path):
    write_image(sitk.Cast(read_image(scan / "labels.nii.gz"), sitk.sitkFloat64), tmp_path / "labels.nii.gz")
    assert main(words(scan, tmp_path / "a.nii.gz", "--labels", str(tmp_path / "labels.nii.gz"))) == 0
    assert main(words(scan, tmp_path / "b.nii.gz")) == 0
    assert dice(tmp_path / "a.nii.gz", tmp_path / "b.nii.gz") == 1


def test_a_thickness_that_is_none_is_refused(main, scan, tmp_path):
    assert main(words(scan, tmp_path / "out.nii.gz", "--label-slice-thickness-mm", "-5")) == 1


def test_a_four_dimensional_reference_is_refused_and_leaves_stop_notes(main, scan, tmp_path):
    echo = read_image(scan / "echo.nii.gz")
    write_image(sitk.JoinSeries([echo, echo]), tmp_path / "four.nii.gz")
    out, transform = tmp_path / "out.nii.gz", tmp_path / "x.tfm"
    more = ["--reference", str(tmp_path / "four.nii.gz"), "--transform", str(transform), "--leave-stop-notes"]
    assert main(words(scan, out, *more)) == 0
    for path in (out, sidecar_path(out), transform):
        assert read_stop_note(path).stage == "align"


def test_an_earlier_stop_is_handed_on_unchanged(main, scan, tmp_path):
    note = StopNote("segment", "muscle", "none", "image", "Look.")
    note.write(tmp_path / "labels.nii.gz")
    out = tmp_path / "out.nii.gz"
    assert main(words(scan, out, "--labels", str(tmp_path / "labels.nii.gz"), "--leave-stop-notes")) == 0
    assert read_stop_note(out) == note


@pytest.mark.parametrize("fraction", ["0", "1.5"])
def test_a_minimum_fraction_that_cannot_be_is_refused(main, scan, tmp_path, fraction):
    with pytest.raises(SystemExit, match="2"):
        main(words(scan, tmp_path / "out.nii.gz", "--minimum-fraction", fraction))
