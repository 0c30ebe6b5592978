"""Decisions that the page without a server exported: checked as those of the server, and taken all or none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256
from myot2.core.images import read_volume
from myot2.core.labels import LabelTable
from myot2.review.cases import Case
from myot2.review.decisions import Row, checked, read_decisions
from myot2.review.keep import keep, last_of
from myot2.review.masks import without_muscles

FORMAT, VERSION = "myot2-decisions", 1
LARGEST = 8 * 1024 * 1024
"""Bytes of a file of decisions."""
FIELDS = {"decision", "muscles", "reason", "comment", "minutes", "image_sha256", "mask_sha256", "time", "repeat"}


def import_decisions(
    path: Path, cases: Sequence[Case], folder: Path, raters: Sequence[str] | None, table: LabelTable
) -> tuple[int, int]:
    """Add the decisions of a file to the table.

    A decision is about the scan of the run whose image and label map have the digests that were seen. One that is in
    the table already is not added again.

    Parameters
    ----------
    path : Path
        As the page exports it.
    cases : sequence of Case
        Of the run.
    folder : Path
        Of decisions and corrected label maps.
    raters : sequence of str or None
        Those who decide (`review.raters`).
    table : LabelTable

    Returns
    -------
    added, known : int

    Raises
    ------
    MyoT2Error
        The file is no such file; or a decision is not valid, stale, of a corrected mask, or older than what its rater
        decided about the scan since. Then none is added.
    """
    rater, said = _read(path)
    digests = {(sha256(case.image), sha256(case.own_labels)): case for case in cases}
    there = read_decisions(folder)
    rows = [_row(one, rater, digests, table, f"{path}, decision {number}") for number, one in enumerate(said, start=1)]
    new = sorted((row for row in rows if row not in there), key=lambda row: row.time)
    for row in new:
        last = last_of(there, row.scan.name, row.rater, row.repeat)
        if last is not None and last.time >= row.time:
            raise MyoT2Error(
                expected=f"nothing that {rater} decided later about {row.scan.name}",
                found=f"a decision of {last.time}, and in the file one of {row.time}",
                where=path,
                do="Take the decision out of the file, or decide anew.",
            )
    for row in new:
        keep(folder, row, None, raters)
    return len(new), len(rows) - len(new)


def _read(path: Path) -> tuple[object, list[Any]]:
    if not path.is_file() or path.stat().st_size > LARGEST:
        raise _no_file(path, "no such file" if not path.is_file() else f"more than {LARGEST} bytes")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _no_file(path, "no JSON") from error
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise _no_file(path, "another format or version")
    if set(content) != {"format", "version", "rater", "decisions"} or not isinstance(content["decisions"], list):
        raise _no_file(path, f"the fields {', '.join(sorted(map(str, content)))}")
    return content["rater"], content["decisions"]


def _no_file(path: Path, found: str) -> MyoT2Error:
    return MyoT2Error(
        expected=f"a file of decisions ({FORMAT}, version {VERSION})",
        found=found,
        where=path,
        do="Export the decisions again from review.html.",
    )


def _wrong_fields(said: Any) -> list[str]:
    """Fields that are unknown, or do not hold what they should: texts, a number, yes or no."""
    if not isinstance(said, dict):
        return [repr(said)[:80]]
    kinds = {"repeat": bool, "minutes": int | float | None}
    wrong = [name for name in sorted(FIELDS) if not isinstance(said.get(name), kinds.get(name, str | None))]
    return [*sorted(map(repr, set(said) - FIELDS)), *map(repr, wrong)]


def _row(said: Any, rater: object, digests: dict[tuple[str, str], Case], table: LabelTable, where: str) -> Row:
    wrong = _wrong_fields(said)
    if wrong:
        raise MyoT2Error(
            expected=f"an object of texts with the fields {', '.join(sorted(FIELDS))}",
            found=f"no good: {', '.join(wrong)}"[:200],
            where=where,
            do="Export the decisions again from review.html.",
        )
    if said.get("decision") == "corrected":
        raise MyoT2Error(
            expected="accept, reject scan or reject muscle",
            found="corrected, without a mask",
            where=where,
            do="Correct the mask in the review page (make review) or in ITK-SNAP.",
        )
    case = digests.get((said.get("image_sha256"), said.get("mask_sha256")))
    if case is None:
        raise MyoT2Error(
            expected="an image and a label map of this run",
            found="a stale decision: none of the run's scans has these files (any more)",
            where=where,
            do="Make the page anew (make review-page) and decide again.",
        )
    record = {
        **{name: value for name, value in said.items() if name != "repeat"},
        "rater": rater,
        "participant_id": case.scan.participant_id,
        "session": case.scan.session,
        "repeat": "yes" if said["repeat"] else "no",
    }
    row = checked(record, where)
    without_muscles(read_volume(case.own_labels), row.rejected_muscles, table, where)
    return row
