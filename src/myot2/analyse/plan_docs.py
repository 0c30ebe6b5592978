"""The files made from the models of a plan: its JSON schema, for editors, and a page that lists every key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from myot2.analyse.plan import Condition, Endpoint, Family, Group, Plan
from myot2.analyse.plan_kinds import KINDS, Analysis, Described, KnownError, Prespecified
from myot2.core.config_files import allowed, inline, schema_of

_PARTS = {"endpoints": Endpoint, "groups": Group, "groups.where": Condition, "families": Family}


def plan_files() -> dict[Path, str]:
    """Each file's path, from the project's top folder, and its text."""
    return {Path("config/plan.schema.json"): schema_of(Plan), Path("docs/analysis-plan.md"): documentation()}


def documentation() -> str:
    """A Markdown page: the parts of a plan, what every analysis has, and each kind of analysis."""
    lines = [
        "# Every key of an analysis plan",
        "",
        "A plan is a YAML or JSON file such as [config/plans/study.yaml](../config/plans/study.yaml);",
        "[analyse](stages/analyse.md) tells how to write and change one, and which numbers each kind gives. Unknown",
        "keys are refused. This page is written by `scripts/write_configuration.py` from `src/myot2/analyse/plan.py`",
        "and `plan_kinds.py`.",
        *_section("Top level", Plan, None),
    ]
    for name, model in _PARTS.items():
        lines += _section(f"{name}.<{'column' if '.' in name else 'name'}>", model, model.__doc__)
    lines += _section("analyses.<id>", Analysis, "What every analysis has; its kind adds what follows.")
    for kind, model in KINDS.items():
        lines += _section(f"kind: {kind}", model, model.__doc__, without=Analysis)
    for name, model in (
        ("description: of.<group>", Described),
        ("roc: prespecified", Prespecified),
        ("change: error", KnownError),
    ):
        lines += _section(name, model, model.__doc__)
    return "\n".join(lines) + "\n"


def _section(
    title: str, model: type[BaseModel], text: str | None, without: type[BaseModel] | None = None
) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if text:
        yield from (" ".join(text.split()), "")
    yield from ("| key | default | allowed | meaning |", "|---|---|---|---|")
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        if name != "kind" and not (without and name in without.model_fields):
            key = field.alias or name
            yield f"| `{key}` | {_default(field)} | {_allowed(field, properties[key])} | {field.description} |"


def _default(field: FieldInfo) -> str:
    return "(needed)" if field.is_required() else f"`{inline(field.get_default(call_default_factory=True))}`"


def _allowed(field: FieldInfo, schema: dict[str, Any]) -> str:
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        return allowed(schema)
    what = str(extra["names"])
    if "additionalProperties" in schema:
        return f"per name of {what}, keys with values"
    return f"names of {what}" if schema.get("type") == "array" else f"a name of {what}"
