"""What a report is made from: the names of the files, the columns of the tables, and how a table is read."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan
from myot2.core.tables import read_table
from myot2.core.voxel_status import REASONS

GROUPS = ("patient", "control")
VOXEL_COLUMNS = ("voxels", *(reason.column for reason in REASONS), "voxels_implausible")
"""How many voxels were measured, and how many were left out for each reason."""

FAT_COLUMN = "fat_fraction_mean"
QUALITY_COLUMNS = ("muscles", "volume_ml", "agreement", "risk")
"""What is told of each scan's labels, beside the flags."""


PEOPLE = "analyse/participants.tsv"
MEASURES = "measure/cohort.tsv"
FLOW = "measure/flow.tsv"
QUALITY = "segment/quality_scans.tsv"
INPUT_TABLES = {
    "people": (PEOPLE, ("participant_id", "session", "group", "t2_mean_ms")),
    "roc": ("analyse/roc.tsv", ("cutoff", "sensitivity", "specificity")),
    "multiverse": (
        "analyse/multiverse.tsv",
        ("mask", "t2", "statistic", "aggregation", "main", "auc", "auc_ci_low", "auc_ci_high", "cutoff_ms", "reason"),
    ),
    "measures": (
        MEASURES,
        ("participant_id", "session", "region", "side", "t2_mean_ms", FAT_COLUMN, *VOXEL_COLUMNS),
    ),
    "quality": (QUALITY, ("participant_id", "session", "status", *QUALITY_COLUMNS, "flags")),
    "flow": (FLOW, ("participant_id", "session", "status", "stage", "expected", "found", "do")),
}
"""Name of each table, its path below the results folder, and the columns that the report needs."""

MULTIVERSE_NUMBERS = ("auc", "auc_ci_low", "auc_ci_high", "cutoff_ms")
BAND = "analyse/roc_band.tsv"
BAND_COLUMNS = ("false_positive_rate", "sensitivity", "low", "high")
"""The band around the ROC curve, which analyse writes where it can."""

RECONSTRUCTION = "reconstruct/scans.tsv"
RECONSTRUCTION_NUMBERS = (
    "chi_square",
    "acceleration",
    "phase_deg",
    "difference_percent",
    "largest_percent",
    "rms_percent",
    "fat_left",
)
RECONSTRUCTION_COLUMNS = (
    "participant_id",
    "session",
    "status",
    *RECONSTRUCTION_NUMBERS,
    "pattern",
    "b1_source",
    "flags",
)
"""The scans that were reconstructed, where a run starts from raw k-space."""
MASKS = "analyse/masks.tsv"
MASKS_COLUMNS = ("participant_id", "mask", "t2_ms")
"""Everybody's T2 by each mask, where the run compares masks."""

REVIEW = "review/scans.tsv"
REVIEW_NUMBERS = (
    "minutes",
    "voxels_added",
    "voxels_removed",
    "dice",
    "hd95_mm",
    "t2_own_ms",
    "t2_corrected_ms",
    "t2_change_ms",
)
REVIEW_COLUMNS = (
    "participant_id",
    "session",
    "rater",
    "decision",
    "state",
    "found",
    "muscles",
    "reason",
    *REVIEW_NUMBERS,
    "crosses_cutoff",
)
"""What a person decided about each scan, and what a correction did."""

MUSCLE_NUMBERS = (
    "scans",
    "changed",
    "dice_mean",
    "dice_lowest",
    "hd95_mean_mm",
    "t2_difference_mean_ms",
    "t2_difference_lowest_ms",
    "t2_difference_highest_ms",
)
REVIEW_MUSCLES = "review/muscles.tsv"
REVIEW_MUSCLE_COLUMNS = ("region", *MUSCLE_NUMBERS)
"""What corrections did to each muscle."""
RATERS = "review/raters.tsv"
RATER_NUMBERS = (
    *("scans", "equal", "kappa", "kappa_low", "kappa_high", "left_out", "dice_mean", "hd95_mean_mm", "masks"),
    *("t2_bias_ms", "t2_bias_low_ms", "t2_bias_high_ms", "t2_lower_ms", "t2_upper_ms", "icc", "icc_low", "icc_high"),
)
RATER_COLUMNS = ("kind", "first", "second", "kappa_missing", *RATER_NUMBERS)
"""How far two raters agree, and one with the own second look."""
RATER_MUSCLES = "review/rater_muscles.tsv"
RATER_MUSCLE_COLUMNS = ("kind", "first", "second", *REVIEW_MUSCLE_COLUMNS)

CLAIMS = "analyse/claims.json"
"""What the check of printed numbers found, where it was run."""

OPTIONAL = (BAND, MASKS, REVIEW, REVIEW_MUSCLES, RATERS, RATER_MUSCLES, CLAIMS, RECONSTRUCTION)
"""Files of the results that a report can do without."""

STATISTICS = "analyse/statistics.json"
LABELS = "labels.tsv"
FACTS = "facts.json"
PANELS = "panels"
FIGURES = "figures"
THUMBNAILS = "thumbnails"
PANEL_SUFFIX = "_panel.png"
PICTURES = "reconstructions"
PICTURE_SUFFIX = "_reconstruction.png"

_SCAN = re.compile(r"sub-[A-Za-z0-9]+(_ses-[A-Za-z0-9]+)?")


def numeric(table: pd.DataFrame, columns: tuple[str, ...], where: str) -> pd.DataFrame:
    """A table with numbers in some columns; raises `MyoT2Error` where there is text."""
    try:
        return table.assign(**{name: pd.to_numeric(table[name]).astype("float64") for name in columns})
    except ValueError as error:
        raise MyoT2Error(
            expected=f"numbers in {', '.join(columns)}",
            found=str(error),
            where=where,
            do="Run the stage that writes the table again.",
        ) from error


def read_if_there(path: Path, columns: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
    """A table that need not be there: then it has no rows."""
    if not path.is_file():
        return pd.DataFrame(columns=list(columns), dtype=float)
    return numeric(read_table(path, columns=columns), numbers, path.name)


def scan_names(table: pd.DataFrame) -> list[str]:
    """The scan's name of each row; raises `MyoT2Error` where it could not name a file or a place in a page."""
    pairs = zip(table["participant_id"], table["session"], strict=True)
    names = [Scan(person, None if pd.isna(session) else session).name for person, session in pairs]
    strange = [name for name in names if not _SCAN.fullmatch(name)]
    if strange:
        raise MyoT2Error(
            expected="participants and sessions named by letters and digits",
            found=", ".join(map(repr, strange[:3])),
            where="the results' tables",
            do="Rename them in the participants table and run the workflow again.",
        )
    return names
