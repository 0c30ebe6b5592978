"""Which statistics may be released, and how: one table. What no row of it names is not released.

A row holds the kind of analysis, a pattern of the keys of that kind, and the method (`myot2.release.methods`). In a
pattern `{id}` stands for the analysis, `{group}`, `{endpoint}`, `{summarised}` and `{word}` for the names that its own
plan gives, `{name}` for a part of a key (a muscle). The first row that fits counts. Words that come from the
participants table, not from the plan, fit no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

RULE_SET = "MyoT2 disclosure control 1"

COUNT, TOTAL, PART, SHARE = "count", "total", "part", "share"
MEAN, SPREAD, QUANTILE, BETWEEN = "mean", "spread", "quantile", "between"
TEST, EFFECT, CORRELATION, AREA, DELTA = "test", "effect", "correlation", "area", "delta"
WITHHELD = "withheld"


@dataclass(frozen=True)
class Rule:
    """How the statistics under the keys of a pattern are released; `why` says it to a reader of the audit."""

    kind: str
    pattern: str
    method: str
    why: str


def _summaries(kind: str, prefix: str) -> tuple[Rule, ...]:
    """Those of one quantity in one group."""
    return (
        Rule(kind, rf"{prefix}\.mean", MEAN, "mean of a group, if nobody dominates it; its interval by rounded n"),
        Rule(kind, rf"{prefix}\.sd", SPREAD, "spread of a group, if nobody dominates it"),
        Rule(
            kind, rf"{prefix}\.(median|q1|q3)", QUANTILE, "one person's value: in steps that about eight people share"
        ),
        Rule(kind, rf"{prefix}\.(min|max)", WITHHELD, "the value of one person"),
    )


RULES: tuple[Rule, ...] = (
    Rule("description", r"{id}\.n", TOTAL, "sum of the rounded groups"),
    Rule("description", r"{id}\.{group}\.(n|measured)", COUNT, "count of people"),
    Rule("description", r"{id}\.{group}\.(male|female)", PART, "part of the group"),
    Rule("description", r"{id}\.{group}\.sex_ratio", WITHHELD, "gives the counts that it is made of"),
    Rule("description", r"{id}\.unused_sessions", WITHHELD, "names sessions"),
    *_summaries("description", r"{id}\.{group}\.{summarised}"),
    Rule("description", r"{id}\.{group}\.{word}", PART, "part of the group, by a word of the plan"),
    *_summaries("comparison", r"{endpoint}\.{group}"),
    Rule("comparison", r"{id}", TEST, "U and z give the ranks: p alone, to one digit"),
    *_summaries("muscle-comparison", r"{id}\.{name}\.{group}"),
    Rule("muscle-comparison", r"{id}\.{name}\.mann_whitney", TEST, "U and z give the ranks: p alone, to one digit"),
    Rule("prevalence", r"{id}\.present_of_known", SHARE, "from rounded counts; its exact interval gives them"),
    Rule("prevalence", r"{id}\.present_of_all", WITHHELD, "with the other denominator it gives how many are unknown"),
    Rule("prevalence", r"{id}\.unknown", COUNT, "count of people"),
    *_summaries("prevalence", r"{endpoint}\.present"),
    Rule("correlation", r"readers\..*", WITHHELD, "beside the first reader's it tells of the few graded otherwise"),
    Rule("correlation", r"{id}\.{endpoint}", CORRELATION, "to two decimals: more, with p, give n"),
    Rule("roc", r"{id}\.auc", AREA, "in steps that eight values of U share"),
    Rule("roc", r"{id}\.cutoff", BETWEEN, "midpoint of two people's values: two significant digits"),
    Rule("roc", r"{id}\.(prespecified\.)?(sensitivity|specificity)", SHARE, "from rounded counts"),
    Rule("roc", r"{id}\.youden", WITHHELD, "gives sensitivity or specificity where one of them is redacted"),
    Rule("detection", r"{id}\.detected", SHARE, "from rounded counts"),
    Rule("area-intervals", r"{id}\.{name}", AREA, "in steps that eight values of U share"),
    Rule("roc-bootstrap", r"{id}\.cutoff", BETWEEN, "midpoints of two people's values: two significant digits"),
    Rule("roc-bootstrap", r"{id}\.(sensitivity|specificity).*", WITHHELD, "gives rates that may be redacted"),
    Rule("effect-size", r"{id}\.shift", BETWEEN, "difference of two people's values: two significant digits"),
    Rule("effect-size", r"{id}\.delta", DELTA, "in steps that eight values of U share"),
    Rule("effect-size", r"{id}\.common_language", AREA, "in steps that eight values of U share"),
    Rule("adjusted-comparison", r"{id}\.ratio(_{name})?", EFFECT, "estimate of a regression"),
    Rule("adjusted-comparison", r"{id}\.rank_ancova", TEST, "p alone, to one digit"),
    Rule("mixed-model", r"{id}\.interaction", TEST, "p alone, to one digit"),
    Rule("mixed-model", r"{id}\.{name}", EFFECT, "estimate of a regression"),
    Rule("paired-roc", r"{id}\..*", WITHHELD, "it does not say how many people each group has"),
    Rule("imputed-correlation", r"{id}\..*", WITHHELD, "beside that of the known it tells of the few unknown"),
    Rule("imputed-comparison", r"{id}\..*", WITHHELD, "beside that of the known it tells of the few unknown"),
    Rule("missing-data", r"{id}\..*", WITHHELD, "counts of few people"),
    Rule("multiverse", r"{id}\..*", WITHHELD, "variants may rest on groups that differ by few people"),
)
"""All rules. Kinds that are not named (change, repeatability, agreement, raters) have results of single people."""

NO_RULE = Rule("", "", WITHHELD, "no rule names it")
FEW_MORE = Rule("", "", WITHHELD, "its group differs from another by those of whom something is unknown")


def rule_of(key: str, analysis: Mapping[str, Any]) -> Rule:
    """The rule for a key of an analysis, `NO_RULE` where there is none.

    Parameters
    ----------
    key : str
        A key of statistics.json.
    analysis : mapping
        The analysis's line of log.jsonl.
    """
    names = _names(analysis)
    for rule in RULES:
        if rule.kind == analysis["kind"] and re.fullmatch(_filled(rule.pattern, names), key):
            return rule
    return NO_RULE


def with_unknown(analysis: Mapping[str, Any]) -> bool:
    """Whether a group of an analysis takes in those of whom a condition is unknown, whom its like leaves out."""
    groups = analysis["parameters"].get("groups", {})
    return any(group.get("unknown") == "included" for group in groups.values())


def _names(analysis: Mapping[str, Any]) -> dict[str, str]:
    """What each placeholder stands for, as a pattern."""
    told = analysis["parameters"]
    described = told.get("of", {}).values()
    words = [
        f"{column}.{word}"
        for content in described
        for column, listed in content.get("count", {}).items()
        for word in listed
    ]
    return {
        "id": re.escape(analysis["id"]),
        "group": _any_of(told.get("groups", {})),
        "endpoint": _any_of(told.get("endpoints", {})),
        "summarised": _any_of(name for content in described for name in content.get("summarise", [])),
        "word": _any_of(words),
        "name": r"[A-Za-z0-9_]+",
    }


def _any_of(names: Iterable[str]) -> str:
    """A pattern of any of the names; one that nothing fits where there is none."""
    return f"(?:{'|'.join(map(re.escape, names)) or '(?!)'})"


def _filled(pattern: str, names: Mapping[str, str]) -> str:
    for name, meaning in names.items():
        pattern = pattern.replace("{" + name + "}", meaning)
    return pattern
