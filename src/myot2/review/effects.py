"""What decisions did: one row per decided scan, joined from the comparison of both masks and the decision."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.dictionary import dictionary_path
from myot2.core.regions import BOTH, THIGH
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table
from myot2.review.decisions import Row

SCAN_COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "rater": "Who decided; n/a of a corrected mask without a decision.",
    "decision": "accept, corrected, reject scan, reject muscle; n/a without one.",
    "state": "applied; compared only; stale: what was seen has changed since; refused: the corrected mask is no good.",
    "found": "Why it is stale or refused.",
    "muscles": "The rejected muscles.",
    "reason": "Why a scan or muscle was rejected.",
    "comment": "The rater's comment.",
    "minutes": "Minutes spent on the case.",
    "voxels_added": "Voxels of muscle, on the grid of the T2 map, that the person added to the run's own label map.",
    "voxels_removed": "Voxels of muscle that the person took away from it.",
    "dice": "Dice of both label maps, all muscles together.",
    "hd95_mm": "95th percentile of the distance (mm) of both surfaces.",
    "t2_own_ms": "Mean T2 (ms) of both thighs by the run's own label map.",
    "t2_corrected_ms": "The same by the person's.",
    "t2_change_ms": "Person's minus own (ms).",
    "crosses_cutoff": "yes where one value is at or above the study's cutoff and the other below; n/a without one.",
}

MUSCLE_COLUMNS = {
    "region": "Muscle, muscle group or thigh, both sides together.",
    "scans": "Scans whose two masks were compared and have the region.",
    "changed": "Those of them in which the masks of the region differ.",
    "dice_mean": "Mean Dice over the scans.",
    "dice_lowest": "The lowest.",
    "hd95_mean_mm": "Mean over the scans of the 95th percentile of the distance (mm) of both surfaces.",
    "t2_difference_mean_ms": "Mean over the scans of T2 (ms) by the first mask minus T2 by the second.",
    "t2_difference_lowest_ms": "The lowest difference (ms).",
    "t2_difference_highest_ms": "The highest difference (ms).",
}


def scan_row(
    scan: tuple[str, str | None],
    row: Row | None,
    state: str,
    found: str | None,
    effect: pd.DataFrame | None,
    cutoff_ms: float | None,
) -> dict[str, Any]:
    """One row of the table; figures are missing where there is no comparison of masks.

    Parameters
    ----------
    scan : tuple
        Participant and session.
    row : Row or None
        The decision that counts.
    state, found : str
        As `SCAN_COLUMNS` says.
    effect : pd.DataFrame or None
        Regions of both masks on the T2 grid (A the person's, B the run's own), numbers as numbers.
    cutoff_ms : float or None
        Of the study; at or above it is positive.
    """
    names = ("rater", "decision", "muscles", "reason", "comment", "minutes")
    said = {name: getattr(row, name) for name in names} if row else {}
    figures: dict[str, Any] = {}
    if effect is not None:
        thigh = effect[(effect["region"] == THIGH) & (effect["side"] == BOTH)].iloc[0]
        own, other = thigh["t2_mean_b_ms"], thigh["t2_mean_a_ms"]
        figures = {
            "voxels_added": thigh["voxels_only_a"],
            "voxels_removed": thigh["voxels_only_b"],
            "dice": thigh["dice"],
            "hd95_mm": thigh["hd95_mm"],
            "t2_own_ms": own,
            "t2_corrected_ms": other,
            "t2_change_ms": other - own,
            "crosses_cutoff": crosses(own, other, cutoff_ms),
        }
    return {"participant_id": scan[0], "session": scan[1], **said, "state": state, "found": found, **figures}


def crosses(own_ms: float, other_ms: float, cutoff_ms: float | None) -> str | None:
    """Whether both values lie on different sides of a cutoff; None where one of the three is unknown."""
    if cutoff_ms is None or math.isnan(own_ms) or math.isnan(other_ms):
        return None
    return "yes" if (own_ms >= cutoff_ms) != (other_ms >= cutoff_ms) else "no"


def scans_table(rows: list[Mapping[str, Any]]) -> pd.DataFrame:
    """All rows, columns in order."""
    return pd.DataFrame(rows, columns=list(SCAN_COLUMNS))


def read_effect(path: str | Path) -> pd.DataFrame:
    """The comparison of two label maps by regions, with numbers where numbers are."""
    table = read_table(path)
    figures = table.columns.difference(["region", "side"])
    return table.assign(**{name: pd.to_numeric(table[name]) for name in figures})


def joined_regions(regions: Sequence[pd.DataFrame], first: Sequence[str]) -> pd.DataFrame:
    """Comparisons of many scans as one table, its columns in order, those of `first` before the others."""
    joined = pd.concat(regions, ignore_index=True) if regions else pd.DataFrame(columns=["region", "side"])
    return joined.reindex(columns=[*first, *[name for name in joined if name not in first]])


def region_dictionary(tables: Iterable[Path], first: Mapping[str, str]) -> dict[str, str]:
    """What the columns of joined comparisons mean, as the first of them that is no stop note says it."""
    for path in tables:
        if not read_stop_note(path):
            content = json.loads(dictionary_path(path).read_text(encoding="utf-8"))
            described = {name: entry["Description"] for name, entry in content.items() if "Description" in entry}
            return {**first, **described}
    return dict(first)


def by_muscle(regions: pd.DataFrame) -> pd.DataFrame:
    """Joined comparisons summed up for each region with both sides together, in their order: `MUSCLE_COLUMNS`."""
    if regions.empty:
        return pd.DataFrame(columns=list(MUSCLE_COLUMNS))
    both = regions[(regions["side"] == BOTH) & regions["dice"].notna()]
    grouped = both.assign(changed=(both["voxels_only_a"] + both["voxels_only_b"]) > 0).groupby("region", sort=False)
    table = grouped.agg(
        scans=("dice", "size"),
        changed=("changed", "sum"),
        dice_mean=("dice", "mean"),
        dice_lowest=("dice", "min"),
        hd95_mean_mm=("hd95_mm", "mean"),
        t2_difference_mean_ms=("t2_difference_ms", "mean"),
        t2_difference_lowest_ms=("t2_difference_ms", "min"),
        t2_difference_highest_ms=("t2_difference_ms", "max"),
    )
    return table.reset_index()[list(MUSCLE_COLUMNS)]
