"""Write a decision down, and its mask where it belongs: nobody else's mask is lost by it."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

from myot2.core.files import atomic
from myot2.review.decisions import Row, add_decision, raters_that_decide, read_decisions
from myot2.review.places import corrected_mask_path, mask_of, owner_of, path_of_reading


def last_of(rows: Collection[Row], scan: str, rater: str, repeat: str) -> Row | None:
    """A rater's last row about one showing of a scan."""
    mine = [row for row in rows if (row.scan.name, row.rater, row.repeat) == (scan, rater, repeat)]
    return mine[-1] if mine else None


def decides(row: Row, rows: Collection[Row], raters: Sequence[str] | None) -> bool:
    """Whether a row is one of those that may count, so that its mask goes to the workflow's own place."""
    return row.repeat == "no" and row.rater in raters_that_decide([*rows, row], raters)


def keep(folder: str | Path, row: Row, drawn: Path | None, raters: Sequence[str] | None) -> None:
    """Add a decision and put its mask into its place.

    A mask of another rater that lies there moves to where further readings lie. A decision without a mask sets the
    rater's own earlier one aside (`.withdrawn`), and in the workflow's place also one that nobody's row is about.

    Parameters
    ----------
    folder : str or Path
        Of decisions and corrected label maps.
    row : Row
        Checked; its `corrected_sha256` is that of `drawn`.
    drawn : Path or None
        The corrected label map.
    raters : sequence of str or None
        Those who decide (`review.raters`).
    """
    rows = read_decisions(folder)
    target = path_of_reading(folder, row)
    if decides(row, rows, raters):
        target = corrected_mask_path(folder, row.scan.name)
        owner = owner_of(folder, row.scan.name, rows)
        if owner is not None and owner.rater != row.rater:
            elsewhere = path_of_reading(folder, owner)
            elsewhere.parent.mkdir(parents=True, exist_ok=True)
            target.rename(elsewhere)
    if drawn is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic(target) as path:
            shutil.copyfile(drawn, path)
    else:
        earlier = last_of(rows, row.scan.name, row.rater, row.repeat)
        for path in {target, mask_of(folder, earlier) if earlier else None}:
            if path is not None and path.is_file():
                path.rename(path.with_name(f"{path.name}.withdrawn"))
    add_decision(folder, row)
