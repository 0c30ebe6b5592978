"""The page without a server, and its decisions: taken whole, or refused with the reason."""

from __future__ import annotations

import json

import pytest
from review_boxes import box, grid

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import write_image
from myot2.review.decisions import checked
from myot2.review.imports import import_decisions
from myot2.review.keep import keep
from myot2.review.page import write_page


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


def test_the_page_tells_neither_name_nor_group_and_asks_no_network(cases, table, tmp_path):
    write_page([*cases, cases[0].as_repeat()], table, tmp_path / "page")
    texts = "".join(path.read_text() for path in (tmp_path / "page").rglob("*.*") if path.name != "niivue.umd.js")
    assert "P01" not in texts and "C01" not in texts
    assert "default-src 'none'" in texts and "connect-src data: blob:" in texts


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
