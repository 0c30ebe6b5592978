"""What a person decided about the scans, and what their corrections did to T2."""

from __future__ import annotations

import pandas as pd

from myot2.report.lookup import DASH
from myot2.report.markdown import escape, pipe_table

_FIGURES = {
    "voxels_added": ".0f",
    "voxels_removed": ".0f",
    "dice": ".3f",
    "hd95_mm": ".1f",
    "t2_change_ms": "+z.2f",
    "minutes": ".0f",
}


def review_sentence(review: pd.DataFrame) -> str:
    """How many scans a person decided about, what changed, and which decisions are stale, by name."""
    decided = review[review["decision"].notna()]
    if decided.empty:
        return "No scan was reviewed by a person."
    counts = decided["decision"].value_counts().to_dict()
    told = ", ".join(f"{escape(name)} {count}" for name, count in sorted(counts.items()))
    text = [f"A person decided about {len(decided)} scans ({told}; @tbl-review)."]
    changes = review["t2_change_ms"].dropna()
    crossing = int((review["crosses_cutoff"] == "yes").sum())
    if len(changes):
        text.append(
            f"Another mask changed T2 of both thighs by {changes.mean():+z.2f} ms on average ({changes.min():+z.2f} to "
            f"{changes.max():+z.2f}); {crossing} of {len(changes)} scans cross the cutoff by it."
        )
    minutes = review["minutes"].dropna()
    if len(minutes):
        text.append(f"It took {minutes.sum():.0f} minutes in all, {minutes.median():.1f} a scan (median).")
    bad = review[review["state"].isin(["stale", "refused"])]
    for _, row in bad.iterrows():
        text.append(f"Of {escape(scan_name(row))} the decision is {escape(row['state'])}: {escape(row['found'])}.")
    return " ".join(text)


def review_table(review: pd.DataFrame) -> str:
    """One row per scan: decision, state, reason, voxels, Dice, HD95, change of T2, cutoff, minutes."""
    rows = [
        [
            escape(scan_name(row)),
            _text(row["decision"]),
            _text(row["state"]),
            _text(row["reason"]),
            *(format(row[name], form) if pd.notna(row[name]) else DASH for name, form in _FIGURES.items()),
            _text(row["crosses_cutoff"]),
        ]
        for _, row in review.iterrows()
    ]
    header = ["Scan", "Decision", "State", "Reason", "added", "removed", "Dice", "HD95 mm", "T2 ms", "min", "crosses"]
    return pipe_table(header, rows, align="llllrrrrrrl", widths=[3, 4, 4, 4, 3, 3, 3, 3, 3, 2, 3])


def scan_name(row: pd.Series) -> str:
    """Participant, and session where there is one."""
    return str(row["participant_id"]) + (f", {row['session']}" if pd.notna(row["session"]) else "")


def _text(value: object) -> str:
    return DASH if pd.isna(value) else escape(value)
