"""The files made from the models of configuration and participants: default YAML, JSON schemas, documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from myot2.core.config import Configuration, Simulate
from myot2.core.participants import Participant


def configuration_files() -> dict[Path, str]:
    """Each file's path, from the project's top folder, and its text."""
    return {
        Path("config/config.yaml"): default_yaml(),
        Path("config/config.schema.json"): schema_of(Configuration),
        Path("config/participants.schema.json"): schema_of(Participant),
        Path("docs/configuration.md"): documentation(),
    }


def schema_of(model: type[BaseModel]) -> str:
    """A model's JSON schema as text."""
    return json.dumps(model.model_json_schema(), indent=2) + "\n"


def default_yaml() -> str:
    """Every key at its default, each under its description."""
    head = [
        "# yaml-language-server: $schema=config.schema.json",
        "# Every key of MyoT2 at its default. Change it here, or keep a file per run that holds what differs and give",
        "# it as `snakemake --configfile FILE`. Made by scripts/write_configuration.py from src/myot2/core/config.py.",
        "",
    ]
    return "\n".join([*head, *_yaml_lines(Configuration(), "")]) + "\n"


def documentation() -> str:
    """A Markdown page with one table per section."""
    head = [
        "# Configuration",
        "",
        "A run's file holds what differs from the defaults; unknown keys are refused. This page is written by",
        "`scripts/write_configuration.py` from `src/myot2/core/config.py`.",
    ]
    sections = [("Top level", Configuration), *_sections(Configuration)]
    return "\n".join([*head, *(line for title, model in sections for line in _table(title, model))]) + "\n"


def _sections(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    for name, field in model.model_fields.items():
        if section := _section_of(name, field):
            yield f"{prefix}{name}", section
            yield from _sections(section, f"{prefix}{name}.")


def _section_of(name: str, field: FieldInfo) -> type[BaseModel] | None:
    if name == "simulate":
        return Simulate
    return field.annotation if isinstance(field.default, BaseModel) else None


def _yaml_lines(model: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        yield f"{indent}# {field.description}"
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _yaml_lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {inline(value)}"


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if title != "Top level":
        yield from (str(model.__doc__), "")
    yield from ("| key | default | allowed | meaning |", "|---|---|---|---|")
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        if not _section_of(name, field):
            default = inline(field.get_default(call_default_factory=True))
            yield f"| `{name}` | `{default}` | {allowed(properties[name])} | {field.description} |"


def allowed(schema: dict[str, Any]) -> str:
    """What a key may hold, in words, from its JSON schema."""
    if "$ref" in schema or "allOf" in schema:
        return "keys with values"
    if "anyOf" in schema:
        return " or ".join(allowed(option) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    words = {
        "array": "list",
        "object": "mapping",
        "string": "text",
        "integer": "whole number",
        "boolean": "true, false",
    }
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    limits = [f"{word} {schema[key]:g}" for key, word in bounds.items() if key in schema]
    if schema.get("type") == "null":
        return "null"
    items = schema.get("items", {})
    of = [f"of {allowed(items)}"] if "enum" in items else []
    return ", ".join([words.get(schema["type"], schema["type"]) + "".join(f" {part}" for part in of), *limits])


def inline(value: Any) -> str:
    """A value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    return (
        yaml.safe_dump(plain, default_flow_style=True, width=1000, allow_unicode=True)
        .strip()
        .removesuffix("...")
        .strip()
    )
