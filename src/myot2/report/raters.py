"""Raters held against each other, and one rater's first look against the second: decisions, masks and T2."""

from __future__ import annotations

import pandas as pd

from myot2.report.lookup import DASH
from myot2.report.markdown import escape, pipe_table

WITHIN = "within a rater"


def raters_section(raters: pd.DataFrame, muscles: pd.DataFrame) -> str:
    """Heading and words of the section; empty where no scan was read twice."""
    if raters.empty:
        return ""
    between = raters[raters["kind"] != WITHIN]
    people = dict.fromkeys([*between["first"], *between["second"]])
    text = [f"{len(people)} raters read the same scans." if len(people) else "One rater read scans twice."]
    text += [_told(row) for _, row in raters.iterrows()]
    stale = int(raters["left_out"].sum())
    if stale:
        text.append(f"{stale} comparisons are left out, as a reading was of files that are not those of this run.")
    text.append(
        "Kappa is Cohen's, of the decisions as words; ICC that of absolute agreement (@tbl-raters). A rater who "
        "accepts a scan leaves the run's own mask, so two who accept agree exactly."
    )
    if (muscles["changed"] > 0).any():
        text.append("@tbl-rater-muscles has the muscles whose masks differ.")
    return f"## Agreement of raters {{#sec-raters}}\n\n{' '.join(text)}"


def _told(row: pd.Series) -> str:
    kappa = f"kappa {row['kappa']:.2f}{_interval(row, 'kappa', '.2f')}" if pd.notna(row["kappa"]) else "no kappa"
    reason = f" ({escape(row['kappa_missing'])})" if pd.notna(row["kappa_missing"]) else ""
    told = f"{_pair(row)}: {row['equal']:.0f} of {row['scans']:.0f} decisions equal, {kappa}{reason}"
    if row["masks"] > 0:
        told += f"; T2 differs by {row['t2_bias_ms']:+z.2f} ms on average ({row['masks']:.0f} scans)"
    return f"{told}."


def raters_table(raters: pd.DataFrame) -> str:
    """One row per pair: decisions, kappa, Dice, HD95, difference of T2 with its limits of agreement, ICC."""
    rows = [
        [
            _pair(row),
            f"{row['equal']:.0f} of {row['scans']:.0f}",
            _value(row, "kappa", ".2f"),
            f"{row['masks']:.0f}",
            _value(row, "dice_mean", ".3f"),
            _value(row, "hd95_mean_mm", ".1f"),
            _value(row, "t2_bias_ms", "+z.2f", "t2_bias", "_ms"),
            f"{row['t2_lower_ms']:+z.2f} to {row['t2_upper_ms']:+z.2f}" if pd.notna(row["t2_lower_ms"]) else DASH,
            _value(row, "icc", ".3f"),
        ]
        for _, row in raters.iterrows()
    ]
    header = ["Raters", "equal", "Kappa", "Masks", "Dice", "HD95 mm", "T2 ms", "Limits ms", "ICC"]
    return pipe_table(header, rows, align="lrrrrrrrr", widths=[4, 2, 4, 2, 2, 2, 5, 4, 5])


def muscles_table(muscles: pd.DataFrame) -> str:
    """One row per muscle, of masks that differ: with a column for the pair where there is one."""
    changed = muscles[muscles["changed"] > 0]
    pairs = "kind" in changed
    rows = [
        [
            *([_pair(row)] if pairs else []),
            escape(row["region"]),
            f"{row['changed']:.0f} of {row['scans']:.0f}",
            _value(row, "dice_mean", ".3f"),
            _value(row, "dice_lowest", ".3f"),
            _value(row, "hd95_mean_mm", ".1f"),
            _value(row, "t2_difference_mean_ms", "+z.2f"),
            _range(row),
        ]
        for _, row in changed.iterrows()
    ]
    header = [*(["Raters"] if pairs else []), "Muscle", "differ", "Dice", "lowest", "HD95 mm", "T2 ms", "T2 from, to"]
    widths = [*([4] if pairs else []), 4, 2, 2, 2, 2, 2, 3]
    return pipe_table(header, rows, align=("l" if pairs else "") + "lrrrrrr", widths=widths)


def _pair(row: pd.Series) -> str:
    twice = row["kind"] == WITHIN
    return f"{escape(row['first'])}, twice" if twice else f"{escape(row['first'])}, {escape(row['second'])}"


def _value(row: pd.Series, name: str, form: str, stem: str | None = None, end: str = "") -> str:
    if pd.isna(row[name]):
        return DASH
    return format(row[name], form) + _interval(row, stem or name, form, end)


def _interval(row: pd.Series, stem: str, form: str, end: str = "") -> str:
    low, high = (row.get(f"{stem}_{side}{end}") for side in ("low", "high"))
    return "" if low is None or pd.isna(low) else f" ({format(low, form)} to {format(high, form)})"


def _range(row: pd.Series) -> str:
    low, high = row["t2_difference_lowest_ms"], row["t2_difference_highest_ms"]
    return DASH if pd.isna(low) else f"{low:+z.2f} to {high:+z.2f}"
