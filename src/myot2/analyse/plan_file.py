"""Reading a plan from its file, with what a run changes in it, and saying in plain words what is wrong with one."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from myot2.analyse.plan import Condition, Endpoint, Family, Group, Plan
from myot2.analyse.plan_kinds import KINDS, Described, KnownError, Prespecified
from myot2.core.errors import MyoT2Error

CHANGES = ("endpoints", "groups", "families", "analyses")
_PARTS = {"endpoints": Endpoint, "groups": Group, "families": Family}
_INNER = {"of": Described, "prespecified": Prespecified, "error": KnownError}


def read_plan(path: str | Path, changes: Mapping[str, Any] | None = None) -> Plan:
    """Read a plan (YAML or JSON) and check it.

    Parameters
    ----------
    path : str or Path
        The plan.
    changes : mapping, optional
        What a run changes: `seed`, `resamples` and `limits` replace the plan's (limits one by one); of `endpoints`,
        `groups`, `families` and `analyses` an entry's keys replace those of the plan's entry of that name, a new name
        is added at the end, and None takes the entry out.

    Raises
    ------
    MyoT2Error
        There is no such file, it is no YAML, or it is not a plan: a key is unknown, a value is of the wrong kind, or
        an analysis refers to what the plan does not have.
    """
    content = _read(Path(path))
    for name, change in (changes or {}).items():
        if name in CHANGES:
            content[name] = _changed(content.get(name) or {}, change, f"{path}, changes of {name}")
        elif name == "limits":
            content[name] = {**(content.get(name) or {}), **change}
        else:
            content[name] = change
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors()]
        raise MyoT2Error(
            expected="; ".join(problem[0] for problem in problems),
            found="; ".join(problem[1] for problem in problems),
            where=path,
            do="docs/analysis-plan.md lists every key of a plan.",
        ) from error


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MyoT2Error(
            expected="an analysis plan", found="no such file", where=path, do="Check analysis.plan, or --plan."
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MyoT2Error(
            expected="YAML or JSON", found=" ".join(str(error).split()), where=path, do="Correct the file."
        ) from error
    if not isinstance(content, dict):
        raise MyoT2Error(
            expected="keys with values",
            found=type(content).__name__,
            where=path,
            do="Begin with the study's plan.",
        )
    return content


def _changed(entries: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    result = dict(entries)
    for name, change in changes.items():
        if change is None and name not in result:
            near = difflib.get_close_matches(name, list(result), n=1, cutoff=0)
            raise MyoT2Error(
                expected="the name of an entry that is to be taken out",
                found=repr(name),
                where=where,
                do=f"The nearest is {near[0]!r}." if near else "The plan has none.",
            )
        if change is None:
            del result[name]
        elif isinstance(change, Mapping):
            result[name] = {**(result.get(name) or {}), **change}
        else:
            raise MyoT2Error(
                expected="keys with values, or null",
                found=repr(change),
                where=f"{where}.{name}",
                do="Correct it.",
            )
    return result


def _problem(item: Mapping[str, Any]) -> tuple[str, str]:
    """(what was expected, what was found) of one of pydantic's complaints."""
    location = _without_kind(item["loc"])
    key = ".".join(str(part) for part in location)
    if item["type"] == "value_error":
        return f"{key}: a plan that fits together" if key else "a plan that fits together", str(item["ctx"]["error"])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(location[-1]), _keys_at(item["loc"]), n=1, cutoff=0)
        return f"a known key (nearest: {near[0] if near else 'none'})", f"the unknown key {key}"
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{key}.kind: one of {', '.join(KINDS)}", repr((item["input"] or {}).get("kind"))
    if item["type"] == "model_type" and "where" in location:
        return f"{key}: a word, a list of words, or a condition", repr(item["input"])
    return f"{key}: {item['msg'].removeprefix('Input should be ')}", repr(item["input"])


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand where an unknown one was found."""
    model: type[BaseModel] = Plan
    part, *inner = location[:-1] or (None,)
    if part == "analyses":
        model = KINDS[str(inner[1])] if len(inner) == 2 else _INNER[str(inner[2])]
    elif part is not None:
        model = Condition if "where" in inner else _PARTS[str(part)]
    return [info.alias or name for name, info in model.model_fields.items()]


def _without_kind(location: tuple[str | int, ...]) -> list[str | int]:
    """A place in the plan as its author wrote it: pydantic names the kind after the id of an analysis."""
    return [part for at, part in enumerate(location) if not (location[0] == "analyses" and at == 2)]


def changes_from_json(text: str) -> dict[str, Any]:
    """Changes of a plan given as JSON on a command line.

    Raises
    ------
    ValueError
        The text is no JSON object.
    """
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {text!r}")
    return content
