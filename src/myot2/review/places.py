"""Where the masks of a review lie. The workflow asks at each start, so nothing is imported here that reads images."""

from __future__ import annotations

from pathlib import Path


def corrected_mask_path(folder: str | Path, scan: str) -> Path:
    """Where the corrected label map of a scan lies: the one rule for the review page, the workflow and a person."""
    return Path(folder) / f"{scan}_dseg.nii.gz"


def reading_path(folder: str | Path, rater: str, number: int, scan: str) -> Path:
    """Where the mask of a reading lies that decides nothing: of a further rater, or of a repeat."""
    return Path(folder) / "readings" / f"{rater}-{number}" / f"{scan}_dseg.nii.gz"
