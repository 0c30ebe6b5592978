"""Two runs side by side: which results differ, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from myot2.audit.digests import read_listing
from myot2.audit.history import History
from myot2.audit.ledger import Record
from myot2.audit.places import OUTSIDE
from myot2.audit.recording import CODE


def differences(one: History, other: History) -> Iterator[tuple[str, str]]:
    """Results that differ between two runs, by name, and the reason in words.

    A result that follows from another that differs is said to follow; where inputs, code, packages and parameters are
    all equal, the job is said not to be reproducible.
    """
    for name in sorted(one.contents.keys() | other.contents.keys()):
        if name not in other.contents or name not in one.contents:
            yield name, f"only in the {'first' if name in one.contents else 'second'} run"
        elif one.contents[name]["sha256"] != other.contents[name]["sha256"]:
            yield name, "; ".join(_reasons(one, other, name)) or "equal inputs, code and parameters: not reproducible"


def _reasons(one: History, other: History, name: str) -> list[str]:
    made, remade = one.makers[name], other.makers[name]
    return [
        *_input_reasons(made, remade),
        *_code_reasons(one, other, made, remade),
        *([] if made["lock"] == remade["lock"] else ["the locked packages differ"]),
        *_parameter_reasons(made["params"], remade["params"]),
        *([] if made["state"] == remade["state"] else [f"it {made['state']}, and {remade['state']} in the second"]),
    ]


def _input_reasons(made: Record, remade: Record) -> list[str]:
    """Inputs by name; those from outside have a pseudonym that is each run's own, and are compared by content."""
    before, after = ({entry["path"]: entry.get("sha256") for entry in one["inputs"]} for one in (made, remade))
    reasons = []
    for path in dict.fromkeys([*before, *after]):
        if path.startswith(OUTSIDE):
            continue
        if path not in before or path not in after:
            reasons.append(f"{path} is an input of the {'first' if path in before else 'second'} alone")
        elif before[path] != after[path]:
            reasons.append(f"{path} differs")
    given = [{digest for path, digest in one.items() if path.startswith(OUTSIDE)} for one in (before, after)]
    return [*reasons, *(["files from outside of the results differ"] if given[0] != given[1] else [])]


def _code_reasons(one: History, other: History, made: Record, remade: Record) -> list[str]:
    if made["code"] == remade["code"]:
        return []
    before, after = _listing(one, made["code"]), _listing(other, remade["code"])
    changed = [path for path in dict.fromkeys([*before, *after]) if before.get(path) != after.get(path)]
    return [f"{path} differs" for path in changed] or ["the code differs"]


def _listing(history: History, digest: str) -> dict[str, str]:
    return read_listing(history.places.audit / CODE / f"{digest}.json") or {}


def _parameter_reasons(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return [f"parameter {name}: {json.dumps(before.get(name))}, then {json.dumps(after.get(name))}" for name in names]
