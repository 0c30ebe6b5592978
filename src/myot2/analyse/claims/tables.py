"""The files of the claims check, and its findings in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from myot2.analyse.claims.outcome import Outcome, findings_of
from myot2.core.files import write_json
from myot2.core.tables import write_tsv

FILES = ("claims.json", "claims.tsv", "claims_dictionary.json")

_COLUMNS = {
    "source": "file of claims, or statistics (our own numbers), or page (our own report)",
    "topic": "what it is about; findings of one topic are one inconsistency",
    "id": "name of the check, or of the claim or key",
    "rule": "what was checked; docs/how-to/check-claims.md lists the rules",
    "status": "what came of it",
    "severity": "how much a finding weighs",
    "claims": "claims or keys involved",
    "n": "number of people it rests on; n/a where it is about no people",
    "printed": "what is printed",
    "expected": "what would be consistent with the rest",
    "sentence": "both in a sentence",
}
_LEVELS = {
    "status": {
        "consistent": "the numbers can stand side by side",
        "inconsistent": "they cannot: a finding",
        "not checked": "something is missing",
        "compared": "set side by side with other people's numbers, without a judgement",
    },
    "severity": {
        "error": "a number is wrong",
        "warning": "two statements contradict each other, or a number flatters",
        "info": "a reader should know",
    },
}


def output_paths(folder: str | Path) -> list[Path]:
    """Every file that `write_outcomes` writes."""
    return [Path(folder, name) for name in FILES]


def write_outcomes(outcomes: Sequence[Outcome], folder: str | Path) -> None:
    """Write claims.json, claims.tsv and the data dictionary of the table."""
    record = {
        "summary": [summary_of(source, found) for source, found in _by_source(outcomes)],
        "outcomes": [outcome.to_json() for outcome in outcomes],
    }
    write_json(Path(folder, FILES[0]), record)
    rows = [{**outcome.to_json(), "claims": " ".join(outcome.claims)} for outcome in outcomes]
    table = pd.DataFrame(rows, columns=list(_COLUMNS)).astype({"n": "Int64"})
    write_tsv(table, Path(folder, FILES[1]))
    dictionary = {
        name: {"Description": words} | ({"Levels": _LEVELS[name]} if name in _LEVELS else {})
        for name, words in _COLUMNS.items()
    }
    write_json(Path(folder, FILES[2]), dictionary)


def summary_of(source: str, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """How many checks of a source there were, and what came of them."""
    counts = {status: sum(outcome.status == status for outcome in outcomes) for status in _LEVELS["status"]}
    topics = len({outcome.topic for outcome in findings_of(outcomes)})
    return {"source": source, "checks": len(outcomes), **counts, "topics_with_findings": topics}


def in_words(outcomes: Sequence[Outcome]) -> str:
    """The findings for a person, by source and topic, after a line that counts."""
    lines = []
    for source, found in _by_source(outcomes):
        summary = summary_of(source, found)
        unchecked = f", {summary['not checked']} could not be checked" if summary["not checked"] else ""
        compared = f", {summary['compared']} numbers set side by side" if summary["compared"] else ""
        lines.append(
            f"{source}: {summary['topics_with_findings']} inconsistencies ({summary['inconsistent']} findings in "
            f"{summary['checks']} checks{unchecked}{compared})"
        )
        for topic, findings in groupby(sorted(findings_of(found), key=_place(found)), lambda item: item.topic):
            lines.append(f"  {topic}")
            lines += [f"    {item.severity}: {item.sentence} [{item.rule}, n = {item.n or 'n/a'}]" for item in findings]
    return "\n".join(lines)


def _place(outcomes: Sequence[Outcome]):
    """A sort key that puts a topic's outcomes together, where its first one stands."""
    first: dict[str, int] = {}
    for position, outcome in enumerate(outcomes):
        first.setdefault(outcome.topic, position)
    return lambda outcome: first[outcome.topic]


def _by_source(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    sources = dict.fromkeys(outcome.source for outcome in outcomes)
    return [(source, [outcome for outcome in outcomes if outcome.source == source]) for source in sources]
