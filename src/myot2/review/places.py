"""Where corrected label maps lie, and whose is measured: a mask is known by the SHA-256 in its decision's row."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from myot2.core.files import sha256
from myot2.review.decisions import Row


def corrected_mask_path(folder: str | Path, scan: str) -> Path:
    """Where the corrected label map of a scan lies: the one rule for the review page, the workflow and a person."""
    return Path(folder) / f"{scan}_dseg.nii.gz"


def reading_path(folder: str | Path, rater: str, number: int, scan: str) -> Path:
    """Where the mask of a reading lies that decides nothing: of a further rater (1), or of a repeat (2)."""
    return Path(folder) / "readings" / f"{rater}-{number}" / f"{scan}_dseg.nii.gz"


def path_of_reading(folder: str | Path, row: Row) -> Path:
    """Where the mask of a row lies if it decides nothing."""
    return reading_path(folder, row.rater, 2 if row.repeat == "yes" else 1, row.scan.name)


def mask_of(folder: str | Path, row: Row) -> Path | None:
    """The corrected label map that a row is about, by its SHA-256; None where none was drawn or it is not there."""
    places = (corrected_mask_path(folder, row.scan.name), path_of_reading(folder, row))
    return next((path for path in places if path.is_file() and sha256(path) == row.corrected_sha256), None)


def owner_of(folder: str | Path, scan: str, rows: Collection[Row]) -> Row | None:
    """The last row about the mask in the workflow's own place; None where no mask or no such row is there."""
    path = corrected_mask_path(folder, scan)
    if not path.is_file():
        return None
    digest = sha256(path)
    return next((row for row in reversed(list(rows)) if (row.scan.name, row.corrected_sha256) == (scan, digest)), None)


def mask_that_counts(folder: str | Path, scan: str, row: Row | None, rows: Collection[Row]) -> Path | None:
    """The corrected label map that goes with the decision that counts.

    Parameters
    ----------
    folder : str or Path
    scan : str
        The scan's name.
    row : Row or None
        The decision that counts (`deciding`); None where there is none.
    rows : collection of Row
        The whole table.

    Returns
    -------
    Path or None
        That row's own mask, wherever it lies; else what lies in the workflow's place, unless it is known to be
        another rater's, which another one's decision has nothing to do with.
    """
    if row is not None and (own := mask_of(folder, row)):
        return own
    path = corrected_mask_path(folder, scan)
    if not path.is_file():
        return None
    owner = owner_of(folder, scan, rows)
    return None if row is not None and owner is not None and owner.rater != row.rater else path
