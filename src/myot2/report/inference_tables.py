"""Tables of what the plan asks beyond the study: effects, how far accuracy can be trusted, the unknown, all muscles."""

from __future__ import annotations

from myot2.report.inputs import GROUPS
from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import escape, pipe_table
from myot2.report.tables import NOT_COMPUTED, QUANTITIES, Entries, key_of

_EFFECTS = (
    ("t2.effect.shift", "Difference of T2 (Hodges–Lehmann)"),
    ("t2.effect.delta", "Cliff's delta"),
    ("t2.effect.common_language", "Chance that a patient's T2 is above a control's"),
    ("t2.adjusted.ratio", "Ratio of T2, covariates held equal"),
    ("t2.adjusted.rank_ancova", "*F* of ranks, covariates held equal"),
)
_WITHIN = "t2.adjusted.ratio_"
_ACCURACY = (
    ("roc.interval.wilson", "Area, the interval to quote"),
    ("roc.auc", "Area, DeLong's interval"),
    ("roc.interval.logit", "Area, DeLong's on the logit scale"),
    ("roc.interval.percentile", "Area, bootstrap percentiles"),
    ("roc.interval.bca", "Area, bootstrap, bias-corrected"),
    ("roc.bootstrap.cutoff", "Cutoff, bootstrap interval"),
    ("roc.sensitivity", "Sensitivity as found, exact interval"),
    ("roc.bootstrap.sensitivity_corrected", "Sensitivity less its optimism"),
    ("roc.bootstrap.sensitivity_out_of_bag", "Sensitivity in people a bootstrap left out"),
    ("roc.specificity", "Specificity as found, exact interval"),
    ("roc.bootstrap.specificity_corrected", "Specificity less its optimism"),
    ("roc.bootstrap.specificity_out_of_bag", "Specificity in people a bootstrap left out"),
    ("normal_ck.detected", "Normal CK, found by the cutoff"),
    ("normal_ck.left_out.detected", "Normal CK, found by the cutoff of all others"),
)
_GIVEN_BEFORE = (
    ("roc.prespecified.sensitivity", "Sensitivity at the cutoff given before"),
    ("roc.prespecified.specificity", "Specificity at the cutoff given before"),
)
_FILLED_IN = (("t2.adjusted.imputed.ratio", "Ratio of T2, unknown covariates filled in"),)
_AVERAGE = "muscle_model.average"
_ENDPOINTS = {"t2": "T2", "age": "Age", "complete": "All of these known"} | QUANTITIES
_P_HEADER = ("95 % interval", "*p*", "*p*, corrected", "*n*")


def effects(statistics: Statistics) -> Entries:
    """Key and label of each row of the table of effects; covariates filled in where some are unknown."""
    entries = [*_EFFECTS]
    for key in statistics.content:
        if key.startswith(_WITHIN):
            among = statistics.content[key].get("among") or key.removeprefix(_WITHIN).replace("_", " ")
            entries.append((key, f"Ratio of T2 among {escape(among)}"))
    return entries + [entry for entry in _FILLED_IN if _has_filled_in(statistics, entry[0])]


def effect_table(statistics: Statistics) -> str:
    """How much T2 differs between the groups: value, interval, p, corrected p and n."""
    rows = [_tested(statistics, key, label) for key, label in effects(statistics)]
    return pipe_table(
        ["Patients against controls", "Value", *_P_HEADER], rows, align="lrrrrr", widths=[7, 3, 4, 2, 3, 1]
    )


def accuracies(statistics: Statistics) -> Entries:
    """Key and label of each row of the table of accuracy."""
    return [*_ACCURACY, *(entry for entry in _GIVEN_BEFORE if entry[0] in statistics.content)]


def accuracy_table(statistics: Statistics) -> str:
    """The area by every method, the cutoff's interval, and the rates as they would be in new people."""
    rows = [_estimated(statistics, key, label) for key, label in accuracies(statistics)]
    return pipe_table(["", "Value", "95 % interval", "*n*"], rows, align="lrrr", widths=[7, 3, 5, 1])


def imputed(statistics: Statistics) -> Entries:
    """Key and label of each correlation for which something was filled in, or could not be."""
    entries = [(f"spearman.imputed.{name}", label) for name, label in QUANTITIES.items()]
    return [entry for entry in entries if _has_filled_in(statistics, entry[0])]


def imputed_table(statistics: Statistics) -> str:
    """The correlations with the unknown filled in, beside how many were; none where nothing was unknown."""
    rows = []
    for key, label in imputed(statistics):
        value, interval, n = _estimated(statistics, key, label)[1:]
        rows.append([label, n, statistics.part(key, "filled_in"), value, interval, _p(statistics, key)])
    rows = rows or [["nothing was filled in", *[DASH] * 5]]
    header = ["T2 with", "*n*", "filled in", "*r*~s~", "95 % interval", "*p*"]
    return pipe_table(header, rows, align="lrrrrr", widths=[5, 1, 2, 2, 4, 2])


def missing_table(statistics: Statistics) -> str:
    """Of how many people of each group each endpoint is unknown."""
    prefixes = [f"missing.{group}." for group in GROUPS]
    names = dict.fromkeys(
        key.removeprefix(prefix) for prefix in prefixes for key in statistics.content if key.startswith(prefix)
    )
    rows = [
        [_ENDPOINTS.get(name, escape(name.replace("_", " "))), *(_of(statistics, prefix + name) for prefix in prefixes)]
        for name in names
    ]
    rows = rows or [["not counted", DASH, DASH]]
    return pipe_table(["Unknown", "Patients", "Controls"], rows, align="lrr", widths=[5, 3, 3])


def muscle_effects(statistics: Statistics, muscles: tuple[str, ...]) -> Entries:
    """Key and label of each row of the model's table; single muscles only where there is an average."""
    named = [(f"muscle_model.{key_of(muscle)}", escape(muscle)) for muscle in muscles]
    return [
        (_AVERAGE, "**Average of the muscles**"),
        *(named if statistics.has(_AVERAGE) else []),
        ("muscle_model.interaction", "**Do muscles differ in it?** (*F*)"),
    ]


def muscle_model_table(statistics: Statistics, muscles: tuple[str, ...]) -> str:
    """All muscles in one model: the group's effect on average and in each, and whether muscles differ in it."""
    ratio = statistics.content.get(_AVERAGE, {}).get("ratio")
    rows = [_tested(statistics, key, label) for key, label in muscle_effects(statistics, muscles)]
    header = ["Patients against controls", "Ratio of T2" if ratio else "Difference of T2", *_P_HEADER]
    return pipe_table(header, rows, align="lrrrrr", widths=[6, 3, 4, 2, 3, 1])


def _has_filled_in(statistics: Statistics, key: str) -> bool:
    """Whether something was unknown; with nothing to fill in, the numbers are those of the known."""
    entry = statistics.content.get(key)
    return entry is not None and (not statistics.has(key) or entry["filled_in"] > 0)


def _of(statistics: Statistics, key: str) -> str:
    if not statistics.has(key):
        return DASH
    part = "numerator" if "numerator" in statistics.content[key] else "printed"
    return f"{statistics.part(key, part)} of {statistics.part(key, 'n')}"


def _estimated(statistics: Statistics, key: str, label: str) -> list[str]:
    """Label, value, interval and n."""
    n = statistics.part(key, "n")
    if not statistics.has(key):
        return [label, DASH, NOT_COMPUTED, n]
    return [label, statistics.number(key), statistics.part(key, "ci_printed"), n]


def _tested(statistics: Statistics, key: str, label: str) -> list[str]:
    *others, n = _estimated(statistics, key, label)
    return [*others, _p(statistics, key), statistics.part(key, "p_adjusted_printed"), n]


def _p(statistics: Statistics, key: str) -> str:
    return statistics.part(key, "p_printed")
