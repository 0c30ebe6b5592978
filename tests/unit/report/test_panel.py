"""A participant's picture: which slice, which side, which bytes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import write_image
from myot2.core.labels import read_labels
from myot2.core.stopnote import StopNote, read_stop_note
from myot2.report.panel import panel_figure


def volume(array: np.ndarray, spacing=(2.0, 2.0, 6.0), origin=(0.0, 0.0, 0.0), flipped: bool = False) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    if flipped:
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    return image


@pytest.fixture
def scan(root):
    """A left thigh's muscle (label 1) at x from 40 to 78 mm on slice 2 of 4, T2 of 50 ms, seen by two grids."""
    labels = np.zeros((4, 40, 60), np.uint8)
    labels[2, 10:30, 20:40] = 1
    labels[1, 15:20, 25:30] = 1
    t2 = np.where(labels > 0, 50.0, 90.0).astype(np.float32)
    fine = labels.repeat(2, axis=1).repeat(2, axis=2)
    grid = {"spacing": (1.0, 1.0, 6.0), "origin": (-0.5, -0.5, 0.0)}
    return {
        "image": volume(fine.astype(np.float32) * 100, **grid),
        "image_labels": volume(fine, **grid),
        "t2": volume(t2),
        "t2_labels": volume(labels),
        "table": read_labels(root / "config/labels.tsv"),
        "title": "sub-01",
        "t2_range_ms": (20.0, 80.0),
        "where": "sub-01",
    }


def test_both_pictures_show_the_same_place_with_the_subjects_left_on_the_viewers_right(scan):
    left, right, _ = panel_figure(**scan).axes
    assert left.get_xlim() == right.get_xlim() and left.get_ylim() == right.get_ylim()
    assert left.get_xlim()[0] < left.get_xlim()[1], "x is LPS: it grows to the subject's left"
    assert left.get_ylim()[0] > left.get_ylim()[1], "y is LPS: it grows to the back, which is drawn below"
    letters = {text.get_text(): text.get_position()[0] for text in left.texts}
    assert letters["R"] < letters["L"]


def test_the_colours_are_of_the_slice_with_most_muscle_and_only_within_it(scan):
    right = panel_figure(**scan).axes[1]
    shown = right.images[-1].get_array()
    assert shown.count() == 20 * 20
    assert set(shown.compressed()) == {50.0}
    assert right.images[-1].get_clim() == (20.0, 80.0)


def test_a_volume_stored_the_other_way_round_gives_the_same_picture(scan):
    turned = dict(scan)
    for name in ("image", "image_labels", "t2", "t2_labels"):
        turned[name] = sitk.Flip(scan[name], (True, True, False))
        assert turned[name].GetDirection()[0] == -1
    for one, other in zip(panel_figure(**scan).axes[:2], panel_figure(**turned).axes[:2], strict=True):
        np.testing.assert_array_equal(one.images[-1].get_array(), other.images[-1].get_array())
        assert one.images[-1].get_extent() == pytest.approx(other.images[-1].get_extent())


@pytest.mark.parametrize(
    ("direction", "letters"),
    [((1, 0, 0, 0, 0, 1, 0, -1, 0), {"R", "L"}), ((0, 0, 1, 1, 0, 0, 0, -1, 0), {"A", "P"})],
    ids=["coronal", "sagittal"],
)
def test_slices_of_other_orientations_are_shown_upright_as_they_were_taken(scan, direction, letters):
    for name in ("image", "image_labels", "t2", "t2_labels"):
        scan[name].SetOrigin((0, 0, 0))
        scan[name].SetDirection(direction)
    right = panel_figure(**scan).axes[1]
    assert right.images[-1].get_array().count() == 20 * 20
    assert {text.get_text() for text in right.texts} == letters


def test_the_outline_lies_around_the_muscle_in_millimetres(scan):
    outline = panel_figure(**scan).axes[0].collections[0].get_paths()[0].vertices
    assert outline[:, 0].min() == pytest.approx(39.0, abs=0.6) and outline[:, 0].max() == pytest.approx(79.0, abs=0.6)
    assert outline[:, 1].min() == pytest.approx(19.0, abs=0.6) and outline[:, 1].max() == pytest.approx(59.0, abs=0.6)


def test_bone_is_a_thin_contour_in_the_key_and_moves_nothing_else(scan):
    plain = panel_figure(**scan)
    for name in ("image_labels", "t2_labels"):
        numbers = sitk.GetArrayFromImage(scan[name])
        factor = numbers.shape[1] // 40
        numbers[0] = 27  # a slice with more bone than any has muscle
        numbers[2, : 4 * factor, : 4 * factor] = 27
        bone = sitk.GetImageFromArray(numbers)
        bone.CopyInformation(scan[name])
        scan[name] = bone
    figure = panel_figure(**scan)
    for one, other in zip(plain.axes[:2], figure.axes[:2], strict=True):
        assert one.get_xlim() == other.get_xlim() and one.get_ylim() == other.get_ylim()
    np.testing.assert_array_equal(
        plain.axes[1].images[-1].get_array().filled(0), figure.axes[1].images[-1].get_array().filled(0)
    )
    muscle, femur = figure.axes[0].collections
    assert len(plain.axes[0].collections) == 1 and femur.get_linewidth() < muscle.get_linewidth()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["vastus lateralis", "femur"]


def test_bone_alone_is_no_muscle(scan):
    with pytest.raises(MyoT2Error, match="expected muscle"):
        panel_figure(**{**scan, "t2_labels": sitk.Cast(scan["t2_labels"] > 0, sitk.sitkUInt8) * 27})


def test_corrected_outlines_are_drawn_in_dashes_over_the_others_and_named_in_the_key(scan):
    numbers = sitk.GetArrayFromImage(scan["image_labels"])
    numbers[2, :40] = 0  # the upper part is taken away
    corrected = sitk.GetImageFromArray(numbers)
    corrected.CopyInformation(scan["image_labels"])
    figure = panel_figure(**scan, corrected=corrected)
    automatic, by_hand = (lines.get_paths()[0].vertices for lines in figure.axes[0].collections)
    assert automatic[:, 1].min() == pytest.approx(19.0, abs=0.6)
    assert by_hand[:, 1].min() == pytest.approx(39.0, abs=0.6)
    assert by_hand[:, 1].max() == pytest.approx(automatic[:, 1].max())
    assert figure.legends[0].get_texts()[-1].get_text() == "corrected"
    np.testing.assert_array_equal(
        figure.axes[1].images[-1].get_array(), panel_figure(**scan).axes[1].images[-1].get_array()
    )


def test_corrected_labels_on_another_grid_are_refused(scan):
    with pytest.raises(MyoT2Error, match="one grid"):
        panel_figure(**scan, corrected=scan["t2_labels"])


def test_labels_without_muscle_are_refused(scan):
    with pytest.raises(MyoT2Error, match="expected muscle"):
        panel_figure(**{**scan, "t2_labels": scan["t2_labels"] * 0})


def test_a_label_that_the_table_does_not_know_is_refused(scan):
    with pytest.raises(MyoT2Error, match="label 99"):
        panel_figure(**{**scan, "image_labels": scan["image_labels"] * 99})


def test_a_label_map_on_another_grid_is_refused(scan):
    with pytest.raises(MyoT2Error, match="one grid"):
        panel_figure(**{**scan, "t2_labels": scan["image_labels"]})


def run_program(root, folder, out, *more):
    names = {"--image": "image", "--labels": "image_labels", "--t2": "t2", "--t2-labels": "t2_labels"}
    files = [part for option, name in names.items() for part in (option, str(folder / f"{name}.nii.gz"))]
    table = ["--label-table", str(root / "config/labels.tsv")]
    command = [sys.executable, str(root / "scripts/draw_panel.py"), *files, *table, "--out", str(out), *more]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def files(scan, tmp_path):
    for name in ("image", "image_labels", "t2", "t2_labels"):
        write_image(scan[name], tmp_path / f"{name}.nii.gz")
    return tmp_path


def test_the_program_writes_the_same_bytes_twice_and_names_no_software(root, files):
    for name in ("a.png", "b.png"):
        done = run_program(root, files, files / name, "--title", "sub-01")
        assert done.returncode == 0, done.stderr
    first = (files / "a.png").read_bytes()
    assert first == (files / "b.png").read_bytes()
    assert first.startswith(b"\x89PNG") and b"atplotlib" not in first and b"tEXt" not in first


def test_a_stop_note_is_passed_on(root, files):
    note = StopNote("ingest", "a T2 map", "none", "dicom/01", "Send it again.")
    note.write(files / "t2.nii.gz")
    assert run_program(root, files, files / "a.png").returncode == 1
    assert not (files / "a.png").exists()
    assert run_program(root, files, files / "a.png", "--leave-stop-notes").returncode == 0
    assert read_stop_note(files / "a.png") == note


def test_refused_corrected_labels_leave_the_picture_without_their_outlines_and_a_word_in_the_log(root, files):
    note = StopNote("segment", "labels of the table", "label 99", "corrections/01.nii.gz", "Correct the mask.")
    note.write(files / "corrected.nii.gz")
    assert run_program(root, files, files / "plain.png").returncode == 0
    done = run_program(root, files, files / "a.png", "--corrected-labels", str(files / "corrected.nii.gz"))
    assert done.returncode == 0 and "without corrected outlines" in done.stderr and "label 99" in done.stderr
    assert (files / "a.png").read_bytes() == (files / "plain.png").read_bytes()
