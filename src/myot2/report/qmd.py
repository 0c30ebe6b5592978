"""A Quarto document taken apart: front matter, prose, inline expressions and code cells.

This is the reader of the fallback renderer. It knows the part of Quarto's syntax that report.qmd uses and refuses all
else with the line and what to do, for a document that silently loses a part is worse than none.
Source of the syntax: quarto.org/docs: computations/inline-code, reference/cells/cells-jupyter and
authoring/cross-references.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from myot2.core.errors import MyoT2Error
from myot2.report.quarto_subset import CELL_OPTIONS, refuse_unsupported_metadata, refuse_unsupported_prose

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*\n", re.DOTALL)
_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>.*?)[ \t]*$")
_ENGINE = re.compile(r"^\{(?P<engine>[A-Za-z]\w*)(?P<rest>[^}]*)\}$")
_INLINE = re.compile(r"`\{(?P<engine>[A-Za-z]\w*)\}[ \t]+(?P<expression>[^`]+)`")


@dataclass(frozen=True)
class Prose:
    """Markdown that passes to pandoc as it stands."""

    text: str


@dataclass(frozen=True)
class Inline:
    """An expression within prose, whose value takes its place."""

    expression: str
    line: int


@dataclass(frozen=True)
class Cell:
    """A Python cell with its `#|` options; `source` is without them."""

    source: str
    options: Mapping[str, Any]
    line: int


@dataclass(frozen=True)
class QuartoDocument:
    """Front matter and body of a .qmd file, in order."""

    metadata: Mapping[str, Any]
    parts: tuple[Prose | Inline | Cell, ...]


def parse_qmd(text: str, *, where: str) -> QuartoDocument:
    """Take a Quarto document apart.

    Parameters
    ----------
    text : str
        The file's content.
    where : str
        Its name, for messages.

    Raises
    ------
    MyoT2Error
        The document uses something that the fallback renderer does not know.
    """
    match = _FRONT_MATTER.match(text)
    metadata = _yaml_mapping(match[1], f"{where}, front matter") if match else {}
    refuse_unsupported_metadata(metadata, f"{where}, front matter")
    start = match.end() if match else 0
    first_line = text[:start].count("\n") + 1
    return QuartoDocument(metadata, tuple(_body(text[start:].splitlines(), first_line, where)))


def _body(lines: list[str], first_line: int, where: str) -> list[Prose | Inline | Cell]:
    parts: list[Prose | Inline | Cell] = []
    prose: list[str] = []
    prose_line = first_line
    at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if not fence:
            prose.append(lines[at])
            at += 1
            continue
        end = _closing(lines, at, fence["fence"])
        here = f"{where}, line {first_line + at}"
        if end is None:
            raise _unsupported("a closing fence for every code block", "a block that never ends", here)
        engine = _ENGINE.match(fence["info"])
        parts += _prose(prose, prose_line, where)
        if engine:
            _refuse_other_engines(engine, fence["indent"], here)
            parts.append(_cell(lines[at + 1 : end], first_line + at, where))
        else:
            parts.append(Prose("\n".join([*lines[at : end + 1], ""])))
        prose, at = [], end + 1
        prose_line = first_line + at
    return parts + _prose(prose, prose_line, where)


def _closing(lines: list[str], at: int, fence: str) -> int | None:
    closing = re.compile(rf"^[ \t]*{fence[0]}{{{len(fence)},}}[ \t]*$")
    return next((number for number in range(at + 1, len(lines)) if closing.match(lines[number])), None)


def _refuse_other_engines(engine: re.Match[str], indent: str, where: str) -> None:
    if engine["engine"] != "python":
        raise _unsupported("Python cells only", f"a cell of {engine['engine']}", where)
    if engine["rest"].strip() or indent:
        raise _unsupported("cells that start with ```{python} at the line's start", "another form of cell", where)


def _cell(lines: list[str], line: int, where: str) -> Cell:
    header = [text[2:].removeprefix(" ") for text in lines if text.startswith("#|")]
    here = f"{where}, line {line}"
    if any(not text.startswith("#|") for text in lines[: len(header)]):
        raise _unsupported("`#|` options only at the top of a cell", "one further down", here)
    options = _yaml_mapping("\n".join(header), here)
    for name, value in options.items():
        if name not in CELL_OPTIONS or not CELL_OPTIONS[name](value):
            raise _unsupported(f"the cell options {', '.join(CELL_OPTIONS)}", f"{name}: {value}", here)
    _refuse_label_without_caption(options, here)
    return Cell("\n".join(lines[len(header) :]), options, line)


def _refuse_label_without_caption(options: Mapping[str, Any], where: str) -> None:
    kind = str(options.get("label", "")).split("-")[0]
    for prefix in ("fig", "tbl"):
        if (kind == prefix) != (f"{prefix}-cap" in options):
            raise _unsupported(f"{prefix}-cap and a label that starts with {prefix}- together", "one of them", where)


def _prose(lines: list[str], first_line: int, where: str) -> list[Prose | Inline | Cell]:
    parts: list[Prose | Inline | Cell] = []
    text = "\n".join([*lines, ""]) if lines else ""
    refuse_unsupported_prose(text, first_line, where)
    at = 0
    for match in _INLINE.finditer(text):
        line = first_line + text[: match.start()].count("\n")
        if match["engine"] != "python":
            raise _unsupported("inline expressions of Python", match[0], f"{where}, line {line}")
        parts += [Prose(text[at : match.start()]), Inline(match["expression"].strip(), line)]
        at = match.end()
    return [*parts, Prose(text[at:])] if text else parts


def _yaml_mapping(text: str, where: str) -> dict[str, Any]:
    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise _unsupported("YAML", str(error).replace("\n", " "), where) from error
    if not isinstance(content, dict):
        raise _unsupported("YAML keys with values", repr(content), where)
    return content


def _unsupported(expected: str, found: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected=expected,
        found=found,
        where=where,
        do="Install Quarto, which knows all of its syntax, or leave this out of the document.",
    )
