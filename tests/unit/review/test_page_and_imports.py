"""The page without a server, opened from the disk in a browser, and what its decisions become."""

from __future__ import annotations

import json
import shutil

import pytest
from review_boxes import box, grid

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import write_image
from myot2.review.decisions import checked, read_decisions
from myot2.review.imports import import_decisions
from myot2.review.keep import keep
from myot2.review.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader"]
PAYLOAD = "<img src=x onerror=\"document.title='run'\">"


@pytest.fixture
def take(cases, table, tmp_path):
    """Import what is said; how many decisions were added and known."""

    def run(said, raters=None):
        path = tmp_path / "said.json"
        path.write_text(said if isinstance(said, str) else json.dumps(said))
        return import_decisions(path, cases, tmp_path / "corrections", raters, table)

    return run


def decision(case, **changes) -> dict:
    return {
        "decision": "accept",
        "muscles": None,
        "reason": None,
        "comment": None,
        "minutes": 1.5,
        "time": "2026-01-31T08:00:00Z",
        "repeat": False,
        "image_sha256": sha256(case.image),
        "mask_sha256": sha256(case.own_labels),
        **changes,
    }


def said_by(*decisions, **changes) -> dict:
    return {"format": "myot2-decisions", "version": 1, "rater": "ben", "decisions": list(decisions), **changes}


def test_a_page_from_the_disk_shows_the_cases_and_its_decisions_are_imported(cases, table, take, tmp_path):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    folder = tmp_path / "page"
    write_page([*cases, cases[0].as_repeat()], table, folder)
    texts = "".join(path.read_text() for path in folder.rglob("*.*") if path.name != "niivue.umd.js")
    assert "P01" not in texts and "C01" not in texts, "neither name nor group is told"
    asked, errors = [], []
    with api.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = chromium.new_page(viewport={"width": 1300, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((folder / "review.html").as_uri())
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        assert page.inner_text("#flags") == "a <b>flag</b>" and page.inner_text("#progress") == "0 of 3 done"
        assert not page.is_visible("#brush") and page.is_visible("#export")
        page.fill("#comment", PAYLOAD)
        page.click("#accept")
        page.wait_for_selector("#message:has-text('Saved: accept')")
        page.keyboard.press("n")
        page.wait_for_selector("#message:has-text('Case 2')")
        page.click("#reject-scan")
        assert "reason" in page.inner_text("#message")
        page.fill("#reason", "motion")
        page.click("#reject-scan")
        page.wait_for_selector("#message:has-text('Saved: reject scan')")
        page.click("#cases li:nth-child(3) button")
        page.wait_for_selector("#message:has-text('Case 3')")
        page.click("#reject-muscle")
        assert "reason" in page.inner_text("#message")
        page.fill("#reason", "cut off")
        page.click("#reject-muscle")
        page.wait_for_selector("#message:has-text('Saved: reject muscle')")
        page.reload()
        page.wait_for_selector("body[data-ready=yes]", timeout=60_000)
        assert page.inner_text("#progress") == "3 of 3 done", "closing the page loses nothing"
        page.click("#export")
        assert "who you are" in page.inner_text("#message")
        page.fill("#rater-name", "ben")
        with page.expect_download() as download:
            page.click("#export")
        download.value.save_as(tmp_path / "exported.json")
        assert page.title() == "MyoT2 review" and not errors
        chromium.close()
    assert all(url.startswith((folder.as_uri(), "blob:", "data:")) for url in asked), "nothing from a network"
    assert take((tmp_path / "exported.json").read_text()) == (3, 0)
    rows = read_decisions(tmp_path / "corrections")
    first, second, third = rows
    assert (first.participant_id, first.decision, first.comment, first.rater) == ("P01", "accept", PAYLOAD, "ben")
    assert (second.participant_id, second.decision, second.reason) == ("C01", "reject scan", "motion")
    assert (third.participant_id, third.rejected_muscles, third.repeat) == ("P01", ["left vastus lateralis"], "yes")


def test_the_page_is_the_same_for_the_same_cases(cases, table, tmp_path):
    def made():
        write_page(cases, table, tmp_path / "page")
        return {path.name: path.read_bytes() for path in (tmp_path / "page").rglob("*") if path.is_file()}

    assert made() == made()


def test_what_was_imported_is_not_imported_again(cases, take, tmp_path):
    both = said_by(decision(cases[0]), decision(cases[1], decision="reject scan", reason="motion"))
    assert take(both) == (2, 0)
    before = (tmp_path / "corrections/decisions.tsv").read_bytes()
    assert take(both) == (0, 2) and (tmp_path / "corrections/decisions.tsv").read_bytes() == before


BAD_FILES = {
    "no JSON": "{",
    "another format or version": {"format": "other"},
    "another format": {"version": 2},
    "the fields": {"more": 1},
    "'../ben'": {"rater": "../ben"},
    "'n/a'": {"rater": None},
}
BAD_DECISIONS = {
    "stale": {"image_sha256": "0" * 64},
    "(any more)": {"mask_sha256": "0" * 64},
    "without a mask": {"decision": "corrected"},
    "'yesterday'": {"time": "yesterday"},
    "'maybe'": {"decision": "maybe"},
    "n/a": {"decision": "reject scan"},
    "left heart": {"decision": "reject muscle", "muscles": "left heart", "reason": "r"},
    "'comment'": {"comment": ["x"]},
    "'-1": {"minutes": -1},
    "'participant_id'": {"participant_id": "P01"},
    "'image_sha256'": {"image_sha256": ["x"]},
    "'repeat'": {"repeat": "no"},
}


def refused(take, said) -> str:
    with pytest.raises(MyoT2Error) as told:
        take(said)
    return told.value.found


@pytest.mark.parametrize(("word", "changes"), BAD_FILES.items())
def test_what_is_no_file_of_decisions_is_refused_and_says_why(cases, take, tmp_path, word, changes):
    said = changes if isinstance(changes, str) else said_by(decision(cases[0]), **changes)
    assert word in refused(take, said)
    assert not (tmp_path / "corrections").exists()


@pytest.mark.parametrize(("word", "changes"), BAD_DECISIONS.items())
def test_a_file_with_one_bad_decision_is_refused_whole_and_says_why(cases, take, tmp_path, word, changes):
    assert word in refused(take, said_by(decision(cases[1]), decision(cases[0], **changes)))
    assert not (tmp_path / "corrections").exists()


def test_an_older_decision_does_not_come_after_a_newer_one_of_the_same_rater(cases, take):
    assert take(said_by(decision(cases[0], time="2026-02-01T08:00:00Z"))) == (1, 0)
    with pytest.raises(MyoT2Error, match="2026-01-31"):
        take(said_by(decision(cases[0], time="2026-01-31T08:00:00Z", comment="earlier")))
    other = said_by(decision(cases[0], time="2026-01-31T08:00:00Z"), rater="anna")
    assert take(other) == (1, 0), "another rater's decision is another"


def test_an_imported_acceptance_takes_the_own_correction_back_and_no_other_raters(cases, take, tmp_path):
    folder, drawn = tmp_path / "corrections", tmp_path / "drawn.nii.gz"
    write_image(grid(box()), drawn)
    record = {**decision(cases[0]), "participant_id": "P01", "session": None, "decision": "corrected"}
    row = checked({**record, "rater": "anna", "repeat": "no", "corrected_sha256": sha256(drawn)}, "test")
    keep(folder, row, drawn, None)
    take(said_by(decision(cases[0], time="2026-02-01T08:00:00Z")))
    assert (folder / "sub-P01_dseg.nii.gz").is_file()
    take(said_by(decision(cases[0], time="2026-02-01T08:00:00Z"), rater="anna"))
    assert not (folder / "sub-P01_dseg.nii.gz").exists()
    assert (folder / "sub-P01_dseg.nii.gz.withdrawn").is_file()
