"""Which masks of a run are learned from."""

from __future__ import annotations

import numpy as np
import pytest
from volumes import legs, on_grid

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import write_image, write_sidecar
from myot2.core.labels import read_labels
from myot2.core.scans import Scan
from myot2.core.stopnote import StopNote
from myot2.learn.corrections import Seen, take_corrections
from myot2.review.decisions import checked
from myot2.review.keep import keep
from myot2.train.recipe import read_recipe


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="module")
def configuration(root, table):
    return read_recipe(root / "config" / "train" / "thigh.yaml").configuration(table)


@pytest.fixture
def seen(tmp_path):
    """The files of one scan."""
    image, labels = legs()
    write_image(on_grid(image), tmp_path / "image.nii.gz")
    write_image(on_grid(labels), tmp_path / "own.nii.gz")
    return Seen(Scan("P01"), tmp_path / "image.nii.gz", tmp_path / "own.nii.gz")


@pytest.fixture
def decide(seen, tmp_path):
    """Write a decision about the scan."""

    def write(decision, mask=None, **changes):
        drawn = None
        if mask is not None:
            drawn = tmp_path / "drawn.nii.gz"
            write_image(mask, drawn)
        record = {
            "rater": "anna",
            "time": "2026-01-31T08:00:00Z",
            "participant_id": "P01",
            "decision": decision,
            "image_sha256": sha256(seen.image),
            "mask_sha256": sha256(seen.own_labels),
            "corrected_sha256": drawn and sha256(drawn),
            "repeat": "no",
        }
        keep(tmp_path / "corrections", checked({**record, **changes}, "test"), drawn, None)

    return write


@pytest.fixture
def take(seen, tmp_path, configuration, table):
    def taken(raters=None, versions=()):
        return take_corrections(tmp_path / "corrections", [seen], raters, configuration, table, versions=versions)

    return taken


def test_an_accepted_mask_is_learned_from_as_it_is(decide, take):
    decide("accept")
    taken = take()
    assert [one.name for one in taken.examples] == ["sub-P01_right", "sub-P01_left"] and not taken.left_out
    assert {one.person for one in taken.examples} == {"P01"}
    assert all(set(np.unique(one.labels)) == {0, 1, 2} for one in taken.examples)


def test_a_corrected_mask_takes_the_place_of_the_run_s_own(decide, take):
    drawn = legs()[1]
    drawn[:, 40:] = 0
    decide("corrected", on_grid(drawn))
    assert all(set(np.unique(one.labels)) == {0, 1} for one in take().examples)
    assert all(not one.annotated[:, 2].any() for one in take().examples)


def test_an_accepted_mask_of_the_model_itself_judges_nothing_and_one_from_elsewhere_does(decide, take, seen):
    write_sidecar(seen.own_labels, {"Model": "m", "ModelSha256": "a" * 64})
    decide("accept")
    assert not any(one.judges for one in take(versions={"a" * 64}).examples)
    assert all(one.judges for one in take(versions={"b" * 64}).examples)


def test_a_rejected_muscle_is_not_annotated_on_its_side(decide, take):
    decide("reject muscle", muscles="left vastus lateralis", reason="motion")
    right, left = take().examples
    assert right.annotated[:, 1].all() and not left.annotated[:, 1].any() and left.annotated[:, 2].all()


@pytest.mark.parametrize(
    ("decision", "more", "found"),
    [
        (None, {}, "no decision"),
        ("reject scan", {"reason": "motion"}, "a rejected scan"),
        ("accept", {"image_sha256": "0" * 64}, "the image changed since"),
        ("accept", {"mask_sha256": "0" * 64}, "the run's own label map changed since"),
        ("accept", {"repeat": "yes"}, "no decision"),
    ],
)
def test_what_nobody_accepted_or_has_changed_since_is_left_out_with_the_reason(decide, take, decision, more, found):
    if decision:
        decide(decision, **more)
    taken = take()
    assert taken.examples == () and found in taken.left_out["sub-P01"]


def test_a_corrected_mask_stays_good_when_another_version_has_labelled_the_image_and_an_accepted_one_does_not(
    decide, take, seen
):
    drawn, own = legs()[1], legs()[1]
    drawn[:, :20] = 0
    decide("corrected", on_grid(drawn))
    own[0] = 0
    write_image(on_grid(own), seen.own_labels)
    before = take()
    assert len(before.examples) == 2
    decide("accept")
    write_image(on_grid(legs()[1]), seen.own_labels)
    assert "own label map changed since" in take().left_out["sub-P01"]


def test_the_decision_of_who_decides_counts(decide, take):
    decide("accept")
    decide("reject scan", rater="ben", reason="motion")
    assert take(["anna"]).examples and not take(["ben", "anna"]).examples


def test_a_mask_on_another_grid_is_left_out_and_never_resampled(decide, take):
    coarse = on_grid(legs()[1][:, ::2, ::2].copy())
    coarse.SetSpacing((3.0, 3.0, 8.0))
    decide("corrected", coarse)
    assert "expected a label map on the labelled grid" in take().left_out["sub-P01"]


def test_a_scan_that_stopped_is_left_out_and_the_others_are_not(decide, take, seen, tmp_path, configuration, table):
    decide("accept")
    stopped = Seen(Scan("P02"), tmp_path / "stopped.nii.gz", seen.own_labels)
    StopNote("ingest", "an image", "none", "x", "y").write(stopped.image)
    decide("accept", participant_id="P02")
    taken = take_corrections(tmp_path / "corrections", [stopped, seen], None, configuration, table, versions=())
    assert [one.person for one in taken.examples] == ["P01", "P01"]
    assert taken.left_out == {"sub-P02": "stopped at ingest"}


def test_a_damaged_table_of_decisions_is_not_taken_for_none(take, tmp_path):
    (tmp_path / "corrections").mkdir()
    (tmp_path / "corrections" / "decisions.tsv").write_text("rater\ttime\nanna\tx\n")
    with pytest.raises(MyoT2Error, match="decisions"):
        take()
