"""The table of the T2 maps that were reconstructed from raw k-space."""

from __future__ import annotations

import pandas as pd

from myot2.report.lookup import DASH
from myot2.report.markdown import counted, escape, pipe_table
from myot2.report.study import RECONSTRUCTION

MOST_SCANS = 24
"""A table of more than a page is not looked at; results/reconstruct/scans.tsv has all."""

_NUMBERS = (
    ("chi_square", "Chi-square", 2, ""),
    ("acceleration", "Acceleration", 1, ""),
    ("phase_deg", "Phase", 1, "°"),
    ("difference_percent", "Mean", 1, " %"),
    ("largest_percent", "Furthest muscle", 1, " %"),
    ("rms_percent", "RMS", 1, " %"),
)
_USUAL = 0.9
_WORDS = {"given": "map", "estimated": "estimated", "unused": "not used"}


def reconstruction_table(table: pd.DataFrame) -> str:
    """Each scan's chi-square and flags, the least usual first; columns that nobody has a value for are left out."""
    columns = [column for column in _NUMBERS if table[column[0]].notna().any()]
    away = (table["chi_square"].astype(float) - _USUAL).abs().fillna(float("inf"))
    ranked = table.loc[away.sort_values(ascending=False, kind="stable").index]
    rows = []
    for scan, row in ranked.head(MOST_SCANS).iterrows():
        numbers = [
            DASH if pd.isna(row[name]) else counted(RECONSTRUCTION, f"{row[name]:.{decimals}f}{unit}")
            for name, _, decimals, unit in columns
        ]
        stopped = row["status"] != "reconstructed"
        flags = "stopped" if stopped else DASH if pd.isna(row["flags"]) else escape(row["flags"])
        b1 = DASH if pd.isna(row["b1_source"]) else _WORDS.get(row["b1_source"], DASH)
        rows.append([escape(scan), *numbers, b1, flags])
    header = ["Scan", *(title for _, title, _, _ in columns), "B1", "Flags"]
    rows = rows or [["none", *[DASH] * (len(header) - 2), "no raw k-space"]]
    align = "l" + "r" * len(columns) + "ll"
    return pipe_table(header, rows, align=align, widths=[3, *[2] * len(columns), 2, 5])
