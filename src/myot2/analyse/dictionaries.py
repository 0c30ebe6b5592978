"""Data dictionaries of the tables: what each column holds, as BIDS describes columns."""

from __future__ import annotations

from collections.abc import Iterable

from myot2.core.participants import Participant

_MS = {"Units": "ms"}
_N = {"Description": "number of people with a value"}
_TEST = {
    "z": {"Description": "Mann-Whitney z, tie-corrected, without continuity correction; positive: first group larger"},
    "p": {"Description": "two-sided asymptotic p value"},
}

_GROUPS = {
    "comparison": {"Description": "key of the test in statistics.json; its first row is the first group"},
    "group": {"Description": "key of the group in statistics.json"},
    "n": _N,
    "mean": {"Description": "mean, in the row's unit"},
    "sd": {"Description": "standard deviation (n - 1)"},
    "median": {"Description": "median"},
    "q1": {"Description": "lower quartile (Weibull; SPSS HAVERAGE)"},
    "q3": {"Description": "upper quartile (Weibull; SPSS HAVERAGE)"},
    "min": {"Description": "smallest value"},
    "max": {"Description": "largest value"},
    "unit": {"Description": "unit of the row; n/a for scores"},
    "u": {"Description": "Mann-Whitney U of the first group: pairs it wins, ties one half"},
    "u_smaller": {"Description": "the smaller of both groups' U"},
    **_TEST,
    "p_exact": {"Description": "two-sided exact p value; n/a where both groups have more than 40 people together"},
}

_CORRELATIONS = {
    "quantity": {"Description": "column of the participants table that T2 is correlated with, among patients"},
    "n": {"Description": "number of complete pairs"},
    "rs": {"Description": "Spearman's rank correlation with T2"},
    "ci_low": {"Description": "lower end of the 95 % confidence interval (Fisher z; Bonett and Wright)"},
    "ci_high": {"Description": "upper end of the 95 % confidence interval"},
    "t": {"Description": "t with n - 2 degrees of freedom"},
    "p": {"Description": "two-sided p value"},
}

_ROC = {
    "cutoff": {"Description": "T2 at or above which a person counts as a patient", **_MS},
    "sensitivity": {"Description": "fraction of the patients at or above the cutoff (0-1)"},
    "specificity": {"Description": "fraction of the controls below the cutoff (0-1)"},
    "youden": {"Description": "sensitivity + specificity - 1"},
}

_ROC_BAND = {
    "false_positive_rate": {"Description": "fraction of the controls at or above a cutoff (0-1)"},
    "sensitivity": {"Description": "highest sensitivity (0-1) at no more false positives"},
    "low": {"Description": "lower end of its pointwise 95 % bootstrap interval"},
    "high": {"Description": "upper end of its pointwise 95 % bootstrap interval"},
}

_MISSING = {
    "endpoint": {"Description": "the endpoint of the plan"},
    "group": {"Description": "the group of the plan, or all of them together"},
    "n": {"Description": "number of people"},
    "known": {"Description": "of them, those of whom it is known"},
    "unknown": {"Description": "of them, those of whom it is not"},
}
_MISSING_PATTERNS = {
    "n": {"Description": "number of people with this combination"},
    "unknown": {"Description": "the endpoints that are unknown of them; none where all are known"},
}

_CHANGES = {
    "analysis": {"Description": "the analysis of the plan"},
    "participant_id": {"Description": "who"},
    "session_first": {"Description": "the first measured session"},
    "session_second": {"Description": "the last measured session"},
    "first": {"Description": "the endpoint at first, in its unit"},
    "second": {"Description": "the endpoint at last, in its unit"},
    "change": {"Description": "second less first"},
    "verdict": {"Description": "improved (a fall of at least the repeatability coefficient), worse, or stable"},
    "probability_lower": {"Description": "probability (0-1) that the true value fell by more than the relevant amount"},
    "probability_higher": {"Description": "probability (0-1) that it rose by more than the relevant amount"},
    "ci_low": {"Description": "lower end of the 95 % interval of the true change"},
    "ci_high": {"Description": "upper end of the 95 % interval of the true change"},
}

_MUSCLES = {
    "region": {"Description": "muscle or muscle group, left and right together"},
    "kind": {
        "Description": "what the region is",
        "Levels": {"muscle": "in the label table", "group": "a group of the label table", "region": "any other"},
    },
    **_TEST,
}
_OF_GROUP = {
    "_n": {"Description": "number of people with a value; group: {group}"},
    "_mean_ms": {"Description": "mean T2; group: {group}", **_MS},
    "_sd_ms": {"Description": "standard deviation (n - 1) of T2; group: {group}", **_MS},
    "_median_ms": {"Description": "median T2; group: {group}", **_MS},
}
"""Columns that the table of muscles has per group of the plan."""

_UNITS = {
    "age": "years",
    "disease_duration_months": "months",
    "t2_mean_ms": "ms",
    **dict.fromkeys(("ck", "alt", "ast", "ldh"), "U/l"),
}
_PARTICIPANTS = {
    **{name: {"Description": field.description} for name, field in Participant.model_fields.items()},
    "t2_mean_ms": {"Description": "mean T2 of all muscles of both thighs; n/a where it was not measured"},
}

_MULTIVERSE = {
    "mask": {
        "Description": "which voxels",
        "Levels": {
            "automatic": "the run's own labels, made by a model",
            "given": "the run's own labels, given to it",
            "eroded": "the run's own without the outermost voxels of each muscle in its slice",
            "corrected": "labels that a person corrected",
        },
    },
    "t2": {"Description": "T2 map: vendor-map (the scanner's), or the model of the fit of the echoes"},
    "statistic": {"Description": "what is taken of T2: mean, median, or p90, the 90th percentile"},
    "aggregation": {
        "Description": "how voxels become one number",
        "Levels": {
            "voxel": "the statistic over all voxels of muscle of both thighs",
            "muscle": "mean of the muscles' statistics, left and right apart, unweighted",
            "slice": "mean of the slices' statistics, unweighted",
        },
    },
    "main": {"Description": "yes for the main path, whose numbers are those of the report; else no"},
    "n_patient": {"Description": "number of patients with a value"},
    "n_control": {"Description": "number of controls with a value"},
    "auc": {"Description": "area under the ROC curve of patients against controls (0-1)"},
    "auc_ci_low": {"Description": "lower end of its 95 % confidence interval; n/a where none can be estimated"},
    "auc_ci_high": {"Description": "upper end of its 95 % confidence interval"},
    "cutoff_ms": {"Description": "the variant's own cutoff of highest Youden index", **_MS},
    "sensitivity": {"Description": "fraction of the patients at or above that cutoff (0-1)"},
    "specificity": {"Description": "fraction of the controls below that cutoff (0-1)"},
    "patient_mean_ms": {"Description": "mean of the patients' values", **_MS},
    "control_mean_ms": {"Description": "mean of the controls' values", **_MS},
    "reason": {"Description": "why there is no area or no cutoff; n/a where there are both"},
}
_MASKS = {
    "participant_id": {"Description": "who"},
    "session": {"Description": "the session that the person is analysed by; n/a where there is one only"},
    "mask": _MULTIVERSE["mask"],
    "t2_ms": {"Description": "mean T2 over all voxels of this mask of both thighs, on the run's own T2 map", **_MS},
    "reason": {"Description": "why there is no value; n/a where there is one"},
}
_FURTHER = {"Description": "a further column of the user's participants table"}

_DICTIONARIES = {
    "multiverse": _MULTIVERSE,
    "masks": _MASKS,
    "groups": _GROUPS,
    "correlations": _CORRELATIONS,
    "roc": _ROC,
    "roc_band": _ROC_BAND,
    "muscles": _MUSCLES,
    "changes": _CHANGES,
    "missing": _MISSING,
    "missing_patterns": _MISSING_PATTERNS,
    "participants": {
        name: entry | ({"Units": _UNITS[name]} if name in _UNITS else {}) for name, entry in _PARTICIPANTS.items()
    },
}


def dictionary_of(table: str, columns: Iterable[str]) -> dict[str, dict[str, object]]:
    """The data dictionary of a table for the columns it has, in their order."""
    return {name: _DICTIONARIES[table].get(name) or _other(table, name) for name in columns}


def columns_of(table: str) -> list[str]:
    """The columns of a table that nothing fills."""
    return list(_DICTIONARIES[table])


def _other(table: str, column: str) -> dict[str, object]:
    """A column whose name depends on the plan, or on the user's table."""
    for suffix, entry in _OF_GROUP.items():
        if table == "muscles" and column.endswith(suffix):
            return {**entry, "Description": entry["Description"].format(group=column.removesuffix(suffix))}
    return _FURTHER
