"""The report's tables, as Markdown."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from myot2.report.inputs import FAT_COLUMN, FLOW, GROUPS, MEASURES, PEOPLE, QUALITY
from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import counted, escape, is_address, pipe_table

QUANTITIES = {
    "ck": "Creatine kinase (CK)",
    "alt": "Alanine aminotransferase (ALT)",
    "ast": "Aspartate aminotransferase (AST)",
    "ldh": "Lactate dehydrogenase (LDH)",
    "ild_score": "Lung disease (ILD) score",
}
NOT_COMPUTED = "not computed"
"""Stands in a table for a number that could not be had; `reasons` says why below the table."""
Entries = list[tuple[str, str]]
"""Rows of a table: each the key of its statistic, and its label as Markdown."""
MOST_SCANS = 12
MOST_FLAGS = 3
"""A table of more than a page is not looked at; results/segment/quality_scans.tsv has all."""

_WITHOUT_BEARING = ("ingest.key", "ingest.pacs.")
_SECTIONS = ("simulate", "ingest", "reconstruct", "segment", "align", "fit", "measure", "analysis")
_PACKAGES = (
    "myot2",
    "numpy",
    "numba",
    "scipy",
    "pandas",
    "SimpleITK",
    "pydicom",
    "imagecodecs",
    "torch",
    "monai",
    "statsmodels",
    "matplotlib",
)


def cohort_table(statistics: Statistics) -> str:
    """Who takes part: counts, sex, age, diagnoses, treatment, enzymes, T2; patients beside controls."""
    rows = [
        ["Participants", *(statistics.bare(f"cohort.{group}.n") for group in GROUPS)],
        ["with T2 measured", *(statistics.bare(f"cohort.{group}.measured") for group in GROUPS)],
        ["Women", *(_count(statistics, f"cohort.{group}.female") for group in GROUPS)],
        ["Men", *(_count(statistics, f"cohort.{group}.male") for group in GROUPS)],
        ["Age (years), mean ± SD", *(_mean(statistics, f"cohort.{group}.age") for group in GROUPS)],
    ]
    for section, title in (("diagnosis", "Diagnosis"), ("treatment", "Treatment")):
        prefix = f"cohort.patient.{section}."
        names = [key.removeprefix(prefix) for key in statistics.content if key.startswith(prefix)]
        rows += [
            [f"{title}: {escape(name.replace('_', ' '))}", _count(statistics, prefix + name), DASH] for name in names
        ]
    rows.append(["Disease duration (months), mean ± SD", _mean(statistics, "cohort.patient.disease_duration"), DASH])
    for enzyme in ("ck", "alt", "ast", "ldh"):
        label = f"{enzyme.upper()} (U/l), median (quartiles)"
        rows.append([label, _median(statistics, f"cohort.patient.{enzyme}"), DASH])
    rows.append(["Lung disease on HRCT", _count(statistics, "ild.present_of_known", "numerator"), DASH])
    rows.append(["T2 of the thigh muscles (ms), mean ± SD", *(_mean(statistics, f"t2.{group}") for group in GROUPS)])
    return pipe_table(["", "Patients", "Controls"], rows, align="lrr", widths=[5, 4, 4])


def flow_table(flow: pd.DataFrame) -> str:
    """How many scans the participants table holds, how many were measured, and where the others stopped."""
    stages = flow.loc[flow["status"] == "stopped", "stage"].dropna().unique().tolist()
    selections = [
        ("In the participants table", flow["status"].notna()),
        ("T2 measured", flow["status"] == "measured"),
        *((f"Stopped at {escape(stage)}", (flow["stage"] == stage).fillna(False)) for stage in stages),
    ]
    rows = []
    for label, chosen in selections:
        among = flow.loc[chosen, "group"]
        counts = (len(among), *(int((among == group).sum()) for group in GROUPS))
        rows.append([label, *(counted(FLOW, count) for count in counts)])
    return pipe_table(["Scans", "All", "Patients", "Controls"], rows, align="lrrr", widths=[6, 2, 2, 2])


def stopped_table(flow: pd.DataFrame) -> str:
    """Each scan that was not measured: at which stage and input it stopped, why, and what can be done."""
    stopped = flow[flow["status"] == "stopped"].fillna(DASH)
    rows = [
        [
            escape(row["scan"]),
            escape(row["stage"]),
            f"{escape(_setting(row['where']))}: expected {escape(row['expected'])}; found {escape(row['found'])}",
            escape(row["do"]),
        ]
        for row in stopped.to_dict("records")
    ]
    rows = rows or [["none", DASH, "all scans were measured", DASH]]
    return pipe_table(["Scan", "Stopped at", "Why", "What to do"], rows, align="llll", widths=[2, 2, 6, 5])


def voxel_table(voxels: pd.DataFrame) -> str:
    """Each scan's voxels of all muscles: how many were measured, how many left out for which reason, and their fat.

    Reasons that met no voxel of the cohort have no column; neither has the fat fraction where nobody's is known.
    """
    met = [name for name in voxels if name not in ("voxels", FAT_COLUMN) and voxels[name].sum() > 0]
    fat = [FAT_COLUMN] if voxels[FAT_COLUMN].notna().any() else []
    rows = [
        [escape(scan), *(_whole(row[name]) for name in ("voxels", *met)), *(_percent(row[name]) for name in fat)]
        for scan, row in voxels.iterrows()
    ]
    names = [name.removeprefix("voxels_").replace("_", " ") for name in met]
    header = ["Scan", "measured", *names, *(["fat fraction"] if fat else [])]
    rows = rows or [["none", DASH]]
    return pipe_table(header, rows, align="l" + "r" * (len(header) - 1), widths=[3] * len(header))


def quality_table(quality: pd.DataFrame) -> str:
    """The scans whose labels are the likeliest to be wrong, with what is odd about them.

    By risk, then by the number of flags; at most `MOST_SCANS`, and of the flags `MOST_FLAGS`.
    """
    judged = quality[quality["status"] == "judged"]
    flags = judged["flags"].fillna("").map(lambda text: [flag for flag in text.split("; ") if flag])
    ranked = judged.assign(flags=flags, count=flags.map(len), risk_first=judged["risk"].fillna(-1.0))
    ranked = ranked.sort_values(["risk_first", "count"], ascending=False, kind="stable")
    rows = []
    for scan, row in ranked.head(MOST_SCANS).iterrows():
        shown = [escape(flag) for flag in row["flags"][:MOST_FLAGS]]
        more = [f"{counted(QUALITY, row['count'] - MOST_FLAGS)} more"] if row["count"] > MOST_FLAGS else []
        numbers = [_decimal(row["risk"]), _decimal(row["agreement"])]
        numbers += [_whole(row["muscles"], QUALITY), _whole(row["volume_ml"], QUALITY)]
        rows.append([escape(scan), *numbers, "; ".join([*shown, *more]) or DASH])
    header = ["Scan", "Risk", "Agreement", "Muscles", "Volume (ml)", "Flags"]
    rows = rows or [["none", DASH, DASH, DASH, DASH, "no labels were judged"]]
    return pipe_table(header, rows, align="lrrrrl", widths=[3, 2, 2, 2, 2, 8])


def _decimal(value: float) -> str:
    return DASH if pd.isna(value) else counted(QUALITY, f"{value:.2f}")


def _whole(value: float, table: str = MEASURES) -> str:
    return DASH if pd.isna(value) else counted(table, round(value))


def _percent(fraction: float) -> str:
    return DASH if pd.isna(fraction) else counted(MEASURES, f"{100 * fraction:.1f} %")


def crossed_table(t2: Mapping[str, pd.Series], cutoff_ms: float | None) -> str:
    """Patients and controls at or above and below the cutoff, counted; dashes where there is no cutoff."""
    rows = []
    for words, chosen in (("at or above the cutoff", True), ("below the cutoff", False)):
        counts = [
            DASH if cutoff_ms is None else counted(PEOPLE, int(((t2[group] >= cutoff_ms) == chosen).sum()))
            for group in GROUPS
        ]
        rows.append([words, *counts])
    return pipe_table(["T2", "Patients", "Controls"], rows, align="lrr", widths=[4, 2, 2])


def reasons(statistics: Statistics, entries: Entries) -> str:
    """The note under a table: why rows have no number, each reason once; empty where all have one."""
    lacking: dict[str, list[str]] = {}
    for key, label in entries:
        if not statistics.has(key):
            lacking.setdefault(statistics.reason(key), []).append(label)
    if not lacking:
        return ""
    told = [f"{'; '.join(labels)} ({reason})" for reason, labels in lacking.items()]
    return f"Not computed: {'. '.join(told)}."


def correlations(statistics: Statistics) -> Entries:
    """Key and label of each row of the table of correlations."""
    return [(f"spearman.{name}", label) for name, label in QUANTITIES.items()]


def correlation_table(statistics: Statistics) -> str:
    """T2 against the enzymes and the lung score: rs, interval, p, corrected p, n."""
    rows = []
    for key, label in correlations(statistics):
        n = statistics.part(key, "n")
        if statistics.has(key):
            parts = (statistics.part(key, part) for part in ("ci_printed", "p_printed", "p_adjusted_printed"))
            rows.append([label, n, statistics.bare(key), *parts])
        else:
            rows.append([label, n, DASH, NOT_COMPUTED, DASH, DASH])
    header = ["T2 with", "*n*", "*r*~s~", "95 % interval", "*p*", "*p*, corrected"]
    return pipe_table(header, rows, align="lrrrrr", widths=[5, 1, 2, 4, 2, 3])


def muscle_table(statistics: Statistics, muscles: tuple[str, ...]) -> str:
    """T2 of each muscle in both groups with the test between them."""
    rows = []
    for muscle in muscles:
        prefix = f"muscle.{key_of(muscle)}"
        groups = (_mean(statistics, f"{prefix}.{group}", with_range=False) for group in GROUPS)
        test = f"{prefix}.mann_whitney"
        figures = (statistics.part(test, part) for part in ("z_printed", "p_printed", "p_adjusted_printed"))
        rows.append([escape(muscle), *groups, *figures])
    header = ["Muscle", "Patients, T2 (ms)", "Controls, T2 (ms)", "*z*", "*p*", "*p*, corrected"]
    return pipe_table(header, rows, align="lrrrrr", widths=[5, 4, 4, 2, 2, 3])


def key_of(muscle: str) -> str:
    """A muscle's name as part of a key, as docs/stages/analyse.md says it."""
    return re.sub(r"[^A-Za-z0-9]+", "_", muscle).strip("_")


def parameter_table(configuration: Mapping[str, Any]) -> str:
    """Every setting that bears on a number, by its key in the configuration."""
    unread = () if (configuration.get("fit") or {}).get("source") == "kspace" else ("reconstruct",)
    rows = [
        [f"`{key}`" if is_address(key) else escape(key), escape(_setting(value))]
        for section in _SECTIONS
        if configuration.get(section) and section not in unread
        for key, value in _flat(configuration[section], section)
        if not key.startswith(_WITHOUT_BEARING)
    ]
    return pipe_table(["Setting", "Value"], rows or [["none recorded", DASH]], align="ll", widths=[5, 6])


def version_table() -> str:
    """Which versions made the report."""
    rows = [["Python", escape(platform.python_version())]]
    for package in _PACKAGES:
        try:
            rows.append([escape(package), escape(version(package))])
        except PackageNotFoundError:
            rows.append([escape(package), "not installed"])
    return pipe_table(["Program", "Version"], rows, align="ll", widths=[5, 6])


def _count(statistics: Statistics, key: str, part: str = "printed") -> str:
    if not statistics.has(key):
        return f"{DASH} ({statistics.reason(key)})"
    return f"{statistics.part(key, part)} of {statistics.part(key, 'n')}"


def _mean(statistics: Statistics, prefix: str, *, with_range: bool = True) -> str:
    key = f"{prefix}.mean"
    if not statistics.has(key):
        return f"{DASH} ({statistics.reason(key)})"
    text = f"{statistics.bare(key)} ± {statistics.bare(f'{prefix}.sd')}"
    if with_range:
        text += f" ({statistics.bare(f'{prefix}.min')} to {statistics.bare(f'{prefix}.max')})"
    return f"{text}, {statistics.n(key)}"


def _median(statistics: Statistics, prefix: str) -> str:
    key = f"{prefix}.median"
    if not statistics.has(key):
        return f"{DASH} ({statistics.reason(key)})"
    quartiles = f"{statistics.bare(f'{prefix}.q1')} to {statistics.bare(f'{prefix}.q3')}"
    return f"{statistics.bare(key)} ({quartiles}), {statistics.n(key)}"


def _flat(section: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}.{key}")
        else:
            yield f"{prefix}.{key}", value


def _setting(value: Any) -> str:
    """A setting as text; of an absolute path only the name, for the report is to be the same on every machine."""
    if isinstance(value, str) and PurePosixPath(value).is_absolute():
        return PurePosixPath(value).name
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
