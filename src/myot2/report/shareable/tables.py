"""The shareable report's tables, as Markdown."""

from __future__ import annotations

import pandas as pd

from myot2.report.inputs import GROUPS
from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import counted, escape, pipe_table
from myot2.report.tables import QUANTITIES, key_of

_OF_GROUPS = (
    ("patient", "Patients"),
    ("control", "Controls"),
    ("ild_present", "Patients with lung disease"),
    ("ild_absent", "Patients without"),
    ("ass", "Patients with ASS"),
    ("non_ass", "Patients with another diagnosis"),
)
_EFFECTS = (
    ("t2.effect.shift", "Difference of T2 (Hodges–Lehmann)"),
    ("t2.effect.delta", "Cliff's delta"),
    ("t2.effect.common_language", "Chance that a patient's T2 is above a control's"),
    ("t2.adjusted.ratio", "Ratio of T2, covariates held equal"),
)
_ACCURACY = (
    ("roc.interval.wilson", "Area, the interval to quote"),
    ("roc.auc", "Area, DeLong's interval"),
    ("roc.bootstrap.cutoff", "Cutoff, bootstrap interval"),
    ("roc.sensitivity", "Sensitivity at the cutoff"),
    ("roc.specificity", "Specificity at the cutoff"),
    ("normal_ck.detected", "Found among patients with normal CK"),
)


_RULES = {
    "count": "Counts of people: rounded, small ones redacted",
    "part": "Parts of a group: the same, and none that is left to be subtracted",
    "total": "Totals: the sum of rounded parts",
    "share": "Fractions of people: from rounded counts, none near 0 % or 100 %",
    "mean": "Means: of eight people or more, none that one person dominates",
    "spread": "Standard deviations: the same",
    "quantile": "Medians and quartiles: in steps that about eight people share",
    "between": "Numbers between two people's values (cutoff, shift): two digits",
    "test": "Tests: p to one digit, without their statistic",
    "effect": "Estimates of regressions",
    "correlation": "Correlations: to two decimals",
    "area": "Areas under the curve: in steps that eight values of U share",
    "delta": "Cliff's delta: the same",
    "histogram": "Histograms: eight people or more in each bin, open ends",
    "steps": "ROC curve: in steps of many people",
    "points": "Scatter: means of eight neighbours or more",
    "withheld": "Left out: extremes, one person's values, small differences of groups, free text",
    "no rule": "Left out: no rule names it",
}
"""What each method of the release does, in a line."""


def shown(statistics: Statistics, key: str, part: str = "printed") -> str:
    """A number, or [REDACTED], under its key; a dash where it was withheld."""
    return statistics.part(key, part)


def with_unit(statistics: Statistics, key: str) -> str:
    """The same with its unit, where there is a number."""
    return statistics.number(key) if statistics.has(key) else shown(statistics, key)


def cohort_table(statistics: Statistics) -> str:
    """Who takes part: counts, sex, age, diagnoses, treatment, enzymes; patients beside controls."""

    def both(name: str) -> list[str]:
        return [_count(statistics, f"cohort.{group}.{name}") for group in GROUPS]

    rows = [["Participants", *both("n")], ["with T2 measured", *both("measured")]]
    rows += [["Women", *both("female")], ["Men", *both("male")]]
    rows.append(["Age (years), mean ± SD", *(_mean_sd(statistics, f"cohort.{group}.age") for group in GROUPS)])
    for section, title in (("diagnosis", "Diagnosis"), ("treatment", "Treatment")):
        prefix = f"cohort.patient.{section}."
        for key in statistics.content:
            if key.startswith(prefix):
                name = key.removeprefix(prefix).replace("_", " ")
                rows.append([f"{title}: {escape(name)}", _count(statistics, key), DASH])
    for enzyme in ("ck", "alt", "ast", "ldh"):
        label = f"{enzyme.upper()} (U/l), median (quartiles)"
        rows.append([label, _quartiles(statistics, f"cohort.patient.{enzyme}"), DASH])
    rows.append(["Lung disease on HRCT", shown(statistics, "ild.present_of_known"), DASH])
    return pipe_table(["", "Patients", "Controls"], rows, align="lrr", widths=[5, 4, 4])


def groups_table(statistics: Statistics) -> str:
    """T2 in each group: rounded n, mean, SD, interval of the mean, quartiles."""
    rows = []
    for group, label in _OF_GROUPS:
        mean = f"t2.{group}.mean"
        if mean in statistics.content:
            parts = (shown(statistics, mean, "n"), shown(statistics, mean), shown(statistics, f"t2.{group}.sd"))
            rows.append([label, *parts, shown(statistics, mean, "ci_printed"), _quartiles(statistics, f"t2.{group}")])
    header = ["Group", "*n*", "Mean", "SD", "95 % interval", "Median (quartiles)"]
    return pipe_table(header, rows or [["none", *[DASH] * 5]], align="lrrrrr", widths=[5, 2, 3, 3, 3, 4])


def effect_table(statistics: Statistics) -> str:
    """How much T2 differs between the groups."""
    rows = [_tested(statistics, key, label) for key, label in _EFFECTS]
    return _effects(["Patients against controls", "Value"], rows)


def accuracy_table(statistics: Statistics) -> str:
    """Areas, cutoff and rates."""
    rows = [
        [label, with_unit(statistics, key), shown(statistics, key, "ci_printed"), shown(statistics, key, "n")]
        for key, label in _ACCURACY
    ]
    return pipe_table(["", "Value", "95 % interval", "*n*"], rows, align="lrrr", widths=[6, 3, 4, 2])


def correlation_table(statistics: Statistics) -> str:
    """T2 against the enzymes and the lung score."""
    parts = ("n", "printed", "ci_printed", "p_printed", "p_adjusted_printed")
    rows = [
        [label, *(shown(statistics, f"spearman.{name}", part) for part in parts)] for name, label in QUANTITIES.items()
    ]
    header = ["T2 with", "*n*", "*r*~s~", "95 % interval", "*p*", "*p*, corrected"]
    return pipe_table(header, rows, align="lrrrrr", widths=[5, 2, 3, 3, 2, 3])


def muscle_table(statistics: Statistics, muscles: tuple[str, ...]) -> str:
    """T2 of each muscle in both groups with the test between them."""
    rows = []
    for muscle in muscles:
        prefix = f"muscle.{key_of(muscle)}"
        groups = (_mean_sd(statistics, f"{prefix}.{group}") for group in GROUPS)
        test = (shown(statistics, f"{prefix}.mann_whitney", part) for part in ("p_printed", "p_adjusted_printed"))
        rows.append([escape(muscle), *groups, *test])
    header = ["Muscle", "Patients, T2 (ms)", "Controls, T2 (ms)", "*p*", "*p*, corrected"]
    return pipe_table(header, rows or [["none", *[DASH] * 4]], align="lrrrr", widths=[5, 4, 4, 2, 3])


def muscle_model_table(statistics: Statistics, muscles: tuple[str, ...]) -> str:
    """All muscles in one model: the group's effect on average and in each."""
    named = [(f"muscle_model.{key_of(muscle)}", escape(muscle)) for muscle in muscles]
    rows = [
        _tested(statistics, key, label)
        for key, label in (("muscle_model.average", "**Average of the muscles**"), *named)
    ]
    return _effects(["Patients against controls", "Difference of T2"], rows)


def analyses_table(analyses: pd.DataFrame) -> str:
    """Every analysis: its name and kind, role, family, and how many of its numbers are shown."""
    cells = analyses.fillna(DASH).to_dict("records")
    rows = [
        [
            f"{escape(row['id'])} ({escape(row['kind'])})",
            *(escape(row[name]) for name in ("role", "family")),
            counted("release/analyses.tsv", row["numbers"]),
        ]
        for row in cells
    ]
    header = ["Analysis (kind)", "Role", "Family", "Numbers shown"]
    return pipe_table(header, rows or [["none", *[DASH] * 3]], align="lllr", widths=[6, 3, 3, 3])


def disclosure_table(disclosure: pd.DataFrame) -> str:
    """How many numbers each rule released, redacted and withheld."""
    actions = ("released", "redacted", "withheld")
    rows = []
    for rule in [*_RULES, *sorted(set(disclosure["rule"]) - set(_RULES))]:
        decided = disclosure.loc[disclosure["rule"] == rule, "action"]
        if len(decided):
            counts = [counted("release/disclosure.tsv", int((decided == action).sum())) for action in actions]
            rows.append([escape(_RULES.get(rule, rule)), *counts])
    return pipe_table(["Rule", *(action.capitalize() for action in actions)], rows, align="lrrr", widths=[8, 2, 2, 2])


def _effects(header: list[str], rows: list[list[str]]) -> str:
    columns = [*header, "95 % interval", "*p*", "*p*, corrected", "*n*"]
    return pipe_table(columns, rows, align="lrrrrr", widths=[5, 3, 3, 3, 3, 3])


def _tested(statistics: Statistics, key: str, label: str) -> list[str]:
    parts = ("ci_printed", "p_printed", "p_adjusted_printed", "n")
    return [label, with_unit(statistics, key), *(shown(statistics, key, part) for part in parts)]


def _count(statistics: Statistics, key: str) -> str:
    percent = shown(statistics, key, "percent_printed")
    return shown(statistics, key) if percent == DASH else f"{shown(statistics, key)} ({percent})"


def _mean_sd(statistics: Statistics, prefix: str) -> str:
    mean, sd = f"{prefix}.mean", f"{prefix}.sd"
    return f"{shown(statistics, mean)} ± {shown(statistics, sd)}" if statistics.has(mean) else shown(statistics, mean)


def _quartiles(statistics: Statistics, prefix: str) -> str:
    median = shown(statistics, f"{prefix}.median")
    ends = (f"{prefix}.q1", f"{prefix}.q3")
    if not all(map(statistics.has, ends)):
        return median
    return f"{median} ({' to '.join(shown(statistics, end) for end in ends)})"
