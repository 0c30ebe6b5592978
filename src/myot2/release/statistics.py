"""All statistics of a run as they may be shown, and what became of each key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from myot2.release import rules
from myot2.release.disclosure import REDACTED, Disclosure, partition
from myot2.release.methods import FEW, Context, Entry, Redacted, counted, redacted, released

RELEASED, HIDDEN, KEPT = "released", "redacted", "withheld"


@dataclass(frozen=True)
class Decision:
    """What became of a key or a table: `action` is released, redacted (shown as something not shown) or withheld."""

    subject: str
    action: str
    rule: str
    why: str


@dataclass(frozen=True)
class Release:
    """`statistics` by key, in the shape of statistics.json, and a decision for every key there was."""

    statistics: dict[str, dict[str, Any]]
    decisions: tuple[Decision, ...]


def release_statistics(statistics: Mapping[str, Entry], log: Sequence[Mapping[str, Any]], how: Disclosure) -> Release:
    """Apply the rules to every key.

    Parameters
    ----------
    statistics : mapping
        statistics.json.
    log : sequence of mapping
        log.jsonl: the analyses, with their kinds, parameters and keys. A key that no line of it names is withheld.
    how : Disclosure
        How strict.
    """
    owners = _owners(log)
    found: dict[str, dict[str, Any]] = {}
    applied: dict[str, rules.Rule] = {}
    parts = _parts(statistics, owners, how)
    for key, entry in statistics.items():
        owner = owners.get(key)
        rule = rules.NO_RULE if owner is None else rules.rule_of(key, owner)
        if owner is not None and rule is not rules.NO_RULE and rules.with_unknown(owner):
            rule = rules.FEW_MORE
        if rule.method != rules.WITHHELD:
            found[key] = parts[key] if key in parts else _one(key, entry, rule, statistics, how)
        applied[key] = rule
    for key, rule in applied.items():
        if rule.method == rules.TOTAL:
            found[key] = _total(key, found)
    decisions = [_decision(key, found.get(key), rule, owners.get(key)) for key, rule in applied.items()]
    return Release(found, tuple(dict.fromkeys(decisions)))


def _owners(log: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Each key and the first analysis that gives it."""
    owners: dict[str, Mapping[str, Any]] = {}
    for analysis in log:
        for key in analysis["keys"]:
            owners.setdefault(key, analysis)
    return owners


def _one(key: str, entry: Entry, rule: rules.Rule, statistics: Mapping[str, Entry], how: Disclosure) -> dict[str, Any]:
    """An entry without a value reads like one of few people: that it could not be had tells of none or one."""
    if rule.method == rules.TOTAL:
        return redacted(entry)
    if entry.get("value") is None:
        return {**redacted(entry), "reason": FEW}
    try:
        return released(entry, rule.method, Context(key, statistics, how))
    except Redacted as because:
        return {**redacted(entry), "reason": str(because)}


def _parts(
    statistics: Mapping[str, Entry], owners: Mapping[str, Mapping[str, Any]], how: Disclosure
) -> dict[str, dict[str, Any]]:
    """The counts that are parts of a whole, each with its like; what all of them lack of the group is a part too."""
    wholes: dict[tuple[str, int], dict[str, int]] = {}
    for key, owner in owners.items():
        entry = statistics.get(key, {})
        if entry.get("value") is not None and rules.rule_of(key, owner).method == rules.PART:
            whole = statistics.get(f"{_group_of(key, owner)}.n", {}).get("value", entry["n"])
            wholes.setdefault((key.rpartition(".")[0], whole), {})[key] = entry["value"]
    found = {}
    for (_, whole), counts in wholes.items():
        shown = partition(counts, how, whole)
        found |= {key: counted(people, shown.total) for key, people in shown.parts.items()}
    return found


def _group_of(key: str, owner: Mapping[str, Any]) -> str:
    """The beginning of a key that names analysis and group."""
    rest = key.removeprefix(f"{owner['id']}.")
    return f"{owner['id']}.{rest.partition('.')[0]}"


def _total(key: str, found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The sum of the groups that are shown; redacted where one is not."""
    prefix = key.removesuffix(".n")
    groups = [name for name in found if name.startswith(f"{prefix}.") and name.count(".") == key.count(".") + 1]
    sizes = [found[name]["value"] for name in groups if name.endswith(".n")]
    return redacted({}) if None in sizes or not sizes else counted(sum(sizes), None)


def _decision(key: str, shown: Mapping[str, Any] | None, rule: rules.Rule, owner: Mapping[str, Any] | None) -> Decision:
    """A key that no rule names may hold words of a participants table: then its analysis stands for it."""
    if rule is rules.NO_RULE:
        return Decision(f"{owner['id']}: other keys" if owner else "keys of no analysis", KEPT, "no rule", rule.why)
    if shown is None:
        return Decision(key, KEPT, rule.method, rule.why)
    hidden = shown["printed"] == REDACTED
    return Decision(key, HIDDEN if hidden else RELEASED, rule.method, shown["reason"] if hidden else rule.why)
