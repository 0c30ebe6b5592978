"""The section on T2 maps that were reconstructed from raw k-space: words, table, picture."""

from __future__ import annotations

import pandas as pd

from myot2.report.inputs import RECONSTRUCTION
from myot2.report.lookup import DASH
from myot2.report.markdown import counted, escape, pipe_table, quoted
from myot2.report.study import Study

MISFIT_RANGE = (0.8, 1.0)
"""Where the reduced chi-square of a reconstruction usually lies; docs/stages/reconstruct.md."""

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
_WORDS = {"given": "map", "estimated": "estimated", "unused": "not used"}


def reconstruction_section(study: Study) -> str:
    """Heading, and how many T2 maps came from raw k-space and ask for a look; empty where none did."""
    table = study.reconstruction
    if table.empty:
        return ""
    made = table[table["status"] == "reconstructed"]
    low, high = MISFIT_RANGE
    patterns = [escape(words) for words in made["pattern"].dropna().unique()]
    more = f" There are {counted(RECONSTRUCTION, len(patterns))} sampling patterns." if patterns else ""
    pattern = f" {patterns[0]}" if len(patterns) == 1 else more
    with_fat = int(made["fat_left"].notna().sum())
    fat = f" Fat was in the signal model of {counted(RECONSTRUCTION, with_fat)}." if with_fat else ""
    outside = int((~made["chi_square"].between(low, high)).sum())
    return (
        "## From raw k-space {#sec-reconstruction}\n\n"
        f"Of {counted(RECONSTRUCTION, len(table))} scans {counted(RECONSTRUCTION, len(made))} were reconstructed from "
        f"raw k-space; chi-square of {counted(RECONSTRUCTION, outside)} lies outside {low:g} to {high:g}, and "
        f"{counted(RECONSTRUCTION, int(made['flags'].notna().sum()))} have a flag.{pattern}{fat}"
    )


def reconstruction_table(table: pd.DataFrame) -> str:
    """Each scan's chi-square and flags, the least usual first; columns that nobody has a value for are left out."""
    columns = [column for column in _NUMBERS if table[column[0]].notna().any()]
    away = (table["chi_square"].astype(float) - sum(MISFIT_RANGE) / 2).abs().fillna(float("inf"))
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


def reconstruction_picture(study: Study) -> str:
    """The picture of the reconstruction whose chi-square is furthest from the middle of the usual range."""
    made = study.reconstruction["chi_square"].dropna()
    made = made[[scan in study.pictures for scan in made.index]]
    if made.empty:
        return ""
    scan = (made.astype(float) - sum(MISFIT_RANGE) / 2).abs().idxmax()
    full = made.index.isin(study.reconstruction.index[study.reconstruction["rms_percent"].notna()]).any()
    beside = (
        " Right: T2 of the same scan with every line sampled; below: the difference, which is to look like noise, "
        "without edges or a second image of the legs."
        if full
        else " Look for edges or a second image of the legs within a muscle."
    )
    caption = (
        f"{escape(scan)}, whose chi-square is furthest from the middle of the usual range. Left: the lines of k-space "
        f"that each echo sampled. Middle: T2 from these lines.{beside}"
    )
    alt = quoted(f"Sampled lines of k-space by echo, and T2 maps in colour, of {scan}")
    return f"::: {{#fig-reconstruction}}\n![]({study.pictures[scan].as_posix()}){{fig-alt={alt}}}\n\n{caption}\n:::"
