"""How far each scan came: the audit table, what a decision changes in it, and the page it is shown on."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest
from recorded_run import PEOPLE, Run, examine
from recorded_run import conclude as finish

from myot2.audit.cohort import cohort_table, write_cohort_table
from myot2.audit.cohort_page import cohort_page
from myot2.audit.conclusion import conclude
from myot2.audit.ledger import merge
from myot2.audit.reviewed import Reviewed
from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.stopnote import StopNote
from myot2.core.tables import read_table
from myot2.review.decisions import checked
from myot2.review.places import corrected_mask_path

AFTER = ["align", "measure"]


def test_the_table_says_done_stale_failed_skipped_and_not_run(run):
    note = StopNote("segment", "a thigh", "none", "there", "look")
    (run.project / "scripts/fit_t2.py").write_text("# changed\n")
    for stage, path in [("segment", "dseg"), ("measure", "muscles")]:
        out = f"results/{stage}/sub-C/anat/sub-C_{path}"
        run.do(stage, [], [out], lambda out=out: note.write(run.project / out), "sub-C")
    with pytest.raises(RuntimeError):
        run.do("panel", [], ["results/report/sub-C_panel.png"], lambda: (_ for _ in ()).throw(RuntimeError()), "sub-C")
    history = run.history()
    table = cohort_table(history, run.verify(scans={"sub-A", "sub-B", "sub-C", "sub-D"}), ["sub-D"]).set_index("scan")
    assert table.loc["sub-C"].to_dict() == {
        "ingest": "not run",
        "segment": "failed (expected a thigh; found none)",
        "align": "not run",
        "fit": "not run",
        "measure": "skipped (stopped at segment)",
        "report": "failed (panel: status 1)",
    }
    assert set(table.loc["sub-A", ["ingest", "fit"]]) == {"stale"} and set(table.loc["sub-D"]) == {"not run"}
    examine(run, "sub-A", 1)
    examine(run, "sub-B", 2)
    again = cohort_table(run.history(), run.verify()).set_index("scan")
    assert set(again.loc["sub-A", ["ingest", "segment", "align", "fit", "measure"]]) == {"done"}
    write_cohort_table(cohort_table(history), run.results)
    assert read_table(run.audit / "cohort.tsv")["scan"].tolist() == ["sub-A", "sub-B", "sub-C"]


@pytest.fixture
def decided(run):
    """A function that decides about the first person as the review page would, with the workflow's jobs after it."""
    at = "results/{}/sub-A/anat/sub-A{}".format
    image, own = at("ingest", "_acq-dixonin_T2w.nii.gz"), at("segment", "_dseg.nii.gz")
    left, aligned = at("segment", "_desc-corrected_dseg.nii.gz"), at("align", "_space-T2_desc-corrected_dseg.nii.gz")
    mask = run.project / corrected_mask_path("corrections", "sub-A")

    def decide(decision: str, note: StopNote | None = None, applied: bool = True) -> Reviewed:
        drawn = decision == "corrected"
        if drawn:
            run.image(str(mask), 0, (8, 6, 4), seed=5)
        row = checked(
            {
                "rater": "anna",
                "time": "2026-01-31T08:00:00Z",
                "participant_id": "A",
                "decision": decision,
                "muscles": "left sartorius" if decision == "reject muscle" else None,
                "reason": "motion <b>" if decision.startswith("reject") else None,
                "image_sha256": sha256(run.project / image),
                "mask_sha256": sha256(run.project / own),
                "corrected_sha256": sha256(mask) if drawn else None,
                "repeat": "no",
            },
            "row 2",
        )
        if decision != "accept":
            write = (lambda path: note.write(run.project / path)) if note else (lambda path: run.image(path, 0))
            run.do("apply_decision", [image, own], [left], lambda: write(left), "sub-A")
            run.do("resample_corrected", [left], [aligned], lambda: write(aligned), "sub-A")
            table = at("measure", "_muscles.tsv")
            keep = (run.project / table).read_text()
            measure = (lambda: write(table)) if note else (lambda: (run.project / table).write_text(keep))
            run.do("measure", [at("fit", "_T2map.nii.gz"), aligned], [table], measure, "sub-A")
        return Reviewed({"sub-A": row}, {"sub-A": mask}, applied)

    return decide


def cells(run: Run, reviewed: Reviewed, scan: str = "sub-A") -> dict[str, str]:
    return cohort_table(run.history(), (), PEOPLE, reviewed).set_index("scan").loc[scan].to_dict()


@pytest.mark.parametrize("decision", ["corrected", "reject muscle"])
def test_labels_that_a_person_left_otherwise_show_from_review_on_and_nowhere_else(run, decided, decision):
    told = cells(run, decided(decision))
    assert {stage for stage, cell in told.items() if cell == "corrected"} == {"review", *AFTER}
    assert {told[stage] for stage in ("ingest", "segment", "fit")} == {"done"}


def test_an_accepted_scan_is_done_and_one_that_nobody_looked_at_is_not(run, decided):
    reviewed = decided("accept")
    assert cells(run, reviewed)["review"] == "done" and cells(run, reviewed, "sub-B")["review"] == "not run"
    assert "corrected" not in cells(run, reviewed).values()


def test_corrections_that_are_compared_only_correct_nothing(run, decided):
    told = cells(run, decided("corrected", applied=False))
    assert told["review"] == "done (compared only)" and {told[stage] for stage in AFTER} == {"done"}


def test_a_mask_without_a_decision_is_compared_only(run, decided):
    told = cells(run, replace(decided("corrected"), decisions={}))
    assert told["review"] == "done (compared only)" and {told[stage] for stage in AFTER} == {"done"}


def test_a_rejected_scan_is_skipped_with_who_and_why(run, decided):
    note = StopNote("review", "a scan that the reader takes", "rejected by anna: motion", "there", "look")
    reviewed = decided("reject scan", note)
    seen = [f"results/{stage}/sub-A/anat/sub-A_desc-corrected_dseg.nii.gz" for stage in ("segment", "report")]
    run.do("panel", seen[:1], seen[1:], lambda: run.image(seen[1], 0), "sub-A")  # a picture that shows why
    told = cells(run, reviewed)
    assert told["review"] == "skipped (rejected by anna: motion <b>)" and told["report"] == "done"
    assert {told[stage] for stage in AFTER} == {"skipped (stopped at review)"} and told["segment"] == "done"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("mask", "the corrected label map"),
        ("segment", "the run's own label map"),
        ("ingest", "the image"),
    ],
)
def test_a_decision_about_what_has_changed_since_is_stale(run, decided, change, what):
    reviewed = decided("corrected")
    at = f"results/{change}/sub-A/anat/sub-A_".__add__
    if change == "mask":
        run.image(str(reviewed.masks["sub-A"]), 0, (8, 6, 4), seed=6)
    elif change == "segment":
        run.do("segment", [], [at("dseg.nii.gz")], lambda: run.image(at("dseg.nii.gz"), 0, (8, 6, 4), 9), "sub-A")
    else:
        seen = at("acq-dixonin_T2w.nii.gz")
        run.do("ingest", [], [seen], lambda: run.image(seen, 300, (8, 6, 4), 9), "sub-A")
    assert cells(run, reviewed)["review"] == f"stale ({what} changed since)"
    assert "corrected" not in cells(run, reviewed).values()
    told = [one.what for one in run.verify(reviewed=reviewed) if one.path == "decision about sub-A"]
    assert told == [f"{what} changed since; decide anew"]


def test_what_a_withdrawn_decision_left_is_in_no_cell_and_may_be_deleted(run, decided):
    reviewed = decided("corrected")
    reviewed.masks["sub-A"].unlink()
    reviewed = replace(reviewed, decisions={})
    left = ["<results>/segment/sub-A/anat/sub-A_desc-corrected_dseg.nii.gz"]
    found = run.verify(reviewed=reviewed)
    assert [one.path for one in found if one.kind == "orphaned"] == left
    assert any(one.kind == "stale" and left[0] in one.what for one in found)  # measured by it, until the next run
    examine(run, "sub-A", 1)
    finish(run)
    merge(run.audit)
    left = [*left, "<results>/align/sub-A/anat/sub-A_space-T2_desc-corrected_dseg.nii.gz"]
    found = run.verify(reviewed=reviewed)
    assert {(one.kind, one.path) for one in found} == {("orphaned", path) for path in left}
    assert set(cells(run, reviewed).values()) == {"done"}
    for path in left:
        (run.results / path.removeprefix("<results>/")).unlink()
    assert run.verify(reviewed=reviewed) == []
    assert {one.kind for one in run.verify()} == {"missing"}


def test_an_audit_finds_nothing_in_a_decision_that_holds_and_names_one_about_a_scan_that_left(run, decided):
    reviewed = decided("accept")
    assert run.verify(reviewed=reviewed) == []
    (found,) = [one for one in run.verify(scans={"sub-B"}, reviewed=reviewed) if "decision" in one.path]
    assert (found.kind, found.path) == ("orphaned", "decision about sub-A")


def test_a_corrected_mask_that_is_no_good_is_a_failure_of_review_with_its_message(run, decided):
    error = MyoT2Error(expected="a label map on the T2 grid", found="6 x 5 x 3 voxels", where="there", do="look")
    told = cells(run, decided("corrected", StopNote.of("review", error)))
    assert told["review"] == "failed (expected a label map on the T2 grid; found 6 x 5 x 3 voxels)"


def test_what_was_not_made_anew_when_a_run_ends_is_stale_also_before_an_audit(run):
    segmented = "results/segment/sub-A/anat/sub-A_dseg.nii.gz"
    run.do("segment", [], [segmented], lambda: run.image(segmented, 0, (8, 6, 4), seed=9), "sub-A")
    conclude(run.recorder.places, PEOPLE)
    table = read_table(run.audit / "cohort.tsv").set_index("scan")
    assert table.loc["sub-A", ["segment", "align", "fit"]].tolist() == ["done", "stale", "done"]
    assert set(table.loc["sub-B"]) == {"done"}


def test_the_page_holds_every_cell_and_what_came_from_files_stands_as_text(run, tmp_path):
    hostile = 'failed (expected <script>alert(1)</script>; found " onload=x)'
    table = pd.DataFrame({"scan": ["sub-A", "sub-B"], "fit": [hostile, "done"], "measure": ["not run", "done"]})
    (run.results / "report/participants").mkdir(parents=True)
    (run.results / "report/participants/sub-B.html").write_text("x")
    write_cohort_table(table, run.results)
    page = (run.audit / "cohort.html").read_text()
    assert "<script" not in page and "onload=x)</td>" in page
    shown = [unescape(text) for text in re.findall(r"<td[^>]*>(.*?)</td>", page.split('class="scans"')[1])]
    assert shown == [hostile, "not run", "done", "done"]
    assert re.findall(r'href="([^"]*)"', page) == ["../report/report.html", "../report/participants/sub-B.html"]
    assert read_table(run.audit / "cohort.tsv")["fit"].tolist() == [hostile, "done"]
    write_cohort_table(table, run.results)
    assert (run.audit / "cohort.html").read_text() == page


def test_the_counts_of_the_page_are_those_of_the_table():
    states = ["done", "failed (x: status 1)", "skipped (stopped at fit)", "not run", "stale (the image changed since)"]
    table = pd.DataFrame({"scan": [f"sub-{n}" for n in range(2000)], "fit": [states[n % 5] for n in range(2000)]})
    page = cohort_page(table)
    assert re.findall(r"<td>(\d+)</td>", page) == ["400"] * 5 and page.count("has-skipped") == 400 + 1
    assert len(page) < 400_000
