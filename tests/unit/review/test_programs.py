"""The programs of review: what a decision does to a label map, and what the tables say of it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from review_boxes import box, grid

from myot2.core.files import sha256
from myot2.core.images import array_of, read_image, write_image
from myot2.core.stopnote import read_stop_note
from myot2.review.decisions import add_decision, checked


@pytest.fixture
def decided(cases, tmp_path):
    """Write a decision about the first case; its folder."""
    case, folder = cases[0], tmp_path / "corrections"

    def write(decision, mask=None, **changes):
        path = folder / "sub-P01_dseg.nii.gz"
        if mask is not None:
            write_image(grid(mask), path)
        record = {
            "rater": "anna",
            "time": "2026-01-31T08:00:00Z",
            "participant_id": "P01",
            "decision": decision,
            "image_sha256": sha256(case.image),
            "mask_sha256": sha256(case.own_labels),
            "corrected_sha256": sha256(path) if mask is not None else None,
            "repeat": "no",
        }
        add_decision(folder, checked({**record, **changes}, "test"))
        return folder

    return write


@pytest.fixture
def apply(program, cases, tmp_path):
    """Run the program on the first case; the path of what it made."""

    def run(folder, *more) -> str:
        case, out = cases[0], tmp_path / "out/taken.nii.gz"
        words = ["--leave-stop-notes", "--folder", str(folder), "--participant", "P01", "--image", str(case.image)]
        words += ["--own-labels", str(case.own_labels), "--t2-grid", str(case.t2_map), "--labels", str(out), *more]
        assert program("apply_decision")(words) == 0
        return out

    return run


def test_a_correction_is_taken_and_a_rejected_muscle_is_taken_out(decided, apply):
    drawn = box()
    drawn[1, 2] = 0
    assert np.array_equal(array_of(read_image(apply(decided("corrected", drawn)))), drawn)


def test_a_rejected_muscle_is_taken_out_of_the_runs_own_labels(decided, apply):
    folder = decided("reject muscle", muscles="left vastus lateralis", reason="motion")
    assert np.array_equal(array_of(read_image(apply(folder))), np.where(box() == 1, 0, box()))


def test_a_rejected_scan_stops_with_the_reason(decided, apply):
    note = read_stop_note(apply(decided("reject scan", reason="motion")))
    assert note.stage == "review" and note.found == "rejected by anna: motion"


@pytest.mark.parametrize("what", ["image", "own_labels", "mask", "gone"])
def test_a_decision_about_files_that_changed_is_stale_and_says_which(decided, apply, cases, what):
    folder = decided("corrected", box())
    mask = folder / "sub-P01_dseg.nii.gz"
    changed = mask if what in ("mask", "gone") else getattr(cases[0], what)
    if what == "gone":
        mask.unlink()
    else:
        write_image(grid(np.where(box() == 2, 0, box()).astype(np.uint16)), changed)
    note = read_stop_note(apply(folder))
    words = {"image": "the image", "own_labels": "the run's own label map"}.get(what, "the corrected label map")
    assert note.stage == "review" and f"stale decision (corrected): {words} changed since" in note.found
    assert "sub-P01" in note.where


@pytest.mark.parametrize("rater", ["NA", "nan", "", "../a", "a" * 33])
def test_a_rater_has_a_name_that_the_table_can_hold(program, rater, capsys):
    with pytest.raises(SystemExit):
        program("review_cases")(["--rater", rater])
    assert "letters and digits" in capsys.readouterr().err


def test_a_mask_without_a_decision_is_passed_on_to_be_compared(apply, tmp_path):
    write_image(grid(box()), tmp_path / "corrections/sub-P01_dseg.nii.gz")
    assert np.array_equal(array_of(read_image(apply(tmp_path / "corrections"))), box())


def collected(program, case, folder, tmp_path, cutoff):
    """Compare, collect, and read the row of the first case."""
    mask, effect = folder / "sub-P01_dseg.nii.gz", tmp_path / "sub-P01_effect.tsv"
    compared = [str(mask), str(case.own_labels), "--t2", str(case.t2_map), "--table", str(effect)]
    assert program("compare_labels")(compared) == 0
    statistics = tmp_path / "statistics.json"
    statistics.write_text(json.dumps({"roc.cutoff": {"value": cutoff}}))
    out = tmp_path / "scans.tsv"
    words = ["--folder", str(folder), "--statistics", str(statistics), "--participants", "P01", "--sessions", "n/a"]
    words += ["--images", str(case.image), "--own-labels", str(case.own_labels), "--effects", str(effect)]
    words += ["--scans", str(out), "--regions", str(tmp_path / "regions.tsv")]
    words += ["--muscles", str(tmp_path / "muscles.tsv")]
    assert program("collect_review")(words) == 0
    dictionary = json.loads((tmp_path / "scans.json").read_text())
    table = pd.read_csv(out, sep="\t")
    assert set(table.columns) <= set(dictionary)
    return table.iloc[0]


def test_what_a_correction_did_is_counted_in_voxels_ms_and_by_the_cutoff(decided, program, cases, tmp_path):
    # 54 voxels of 40 ms and 6 of 60 ms, which the person takes away
    case, t2 = cases[0], np.full(box().shape, 40.0, np.float32)
    t2[1, 2:4, 2:5] = 60.0
    write_image(grid(t2), case.t2_map)
    drawn = box()
    drawn[1, 2:4, 2:5], drawn[1, 9, 2] = 0, 1
    row = collected(program, case, decided("corrected", drawn, minutes=3), tmp_path, cutoff=41.0)
    voxels = int((box() > 0).sum())
    own = 40 + 20 * 6 / voxels
    assert (row["state"], row["voxels_added"], row["voxels_removed"], row["minutes"]) == ("applied", 1, 6, 3)
    assert row["dice"] == pytest.approx(2 * (voxels - 6) / (2 * voxels - 5))
    assert row["t2_own_ms"] == pytest.approx(own) and row["t2_change_ms"] == pytest.approx(40 - own)
    assert row["crosses_cutoff"] == "yes" and 40 < 41 < own
