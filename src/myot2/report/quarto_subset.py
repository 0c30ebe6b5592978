"""Which part of Quarto the fallback renderer knows: everything else is refused, nothing is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from myot2.core.errors import MyoT2Error


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


CELL_OPTIONS: Mapping[str, Callable[[Any], bool]] = {
    "label": lambda value: _is_text(value) and re.fullmatch(r"[a-z]+(-[A-Za-z0-9]+)*", value) is not None,
    "fig-cap": _is_text,
    "fig-alt": _is_text,
    "tbl-cap": _is_text,
    "echo": _is_switch,
    "include": _is_switch,
    "output": lambda value: _is_switch(value) or value == "asis",
    "tags": lambda value: value == ["parameters"],
}
"""Cell options and which values of each are known."""

_ANY = None
_TOP = {
    "title": _ANY,
    "subtitle": _ANY,
    "lang": _ANY,
    "jupyter": ["python3"],
    "engine": ["jupyter"],
    "execute": {"echo": [True, False], "warning": [False]},
    "bibliography": _ANY,
    "link-bibliography": [True, False],
    "link-citations": [True, False],
    "nocite": _ANY,
    "number-sections": [True, False],
    "toc": [True, False],
    "toc-title": _ANY,
    "toc-depth": _ANY,
    "format": {
        "html": {
            "theme": ["default"],
            "embed-resources": [True],
            "html-math-method": ["mathml"],
            "css": _ANY,
            "toc": [True, False],
            "toc-location": ["right"],
        },
        "typst": {
            "papersize": ["a4"],
            "margin": _ANY,
            "mainfont": _ANY,
            "fontsize": _ANY,
            "toc": [True, False],
            "citeproc": [True],
            "include-in-header": _ANY,
        },
    },
}
"""Front matter: key -> nested keys, or the list of known values, or any value."""

_OTHER_KINDS = "eq|lst|thm|lem|cor|prp|cnj|def|exm|exr|sol|rem|alg|tip|nte|wrn|imp|cau"
_REFUSED_IN_PROSE = (
    (r"\{\{[<%]", "a shortcode"),
    (rf"@(?:{_OTHER_KINDS})-", "a cross reference to no figure, table or section"),
    (r"-@(?:fig|tbl|sec)-|\[[^\]\n]*@(?:fig|tbl|sec)-[^\]\n]*\]", "a cross reference in brackets"),
    (r"@(?:Fig|Tbl|Sec)-", "a cross reference with a capital letter"),
    (rf"\{{#(?:{_OTHER_KINDS})-", "a label of no figure, table or section"),
    (r"\blayout(?:-ncol|-nrow|-valign)?\s*=|\bfig-subcap\b", "a layout of sub-figures"),
    (r"\.(?:panel|column|content|margin|g-col)-|\.(?:columns?|aside|grid|appendix)\b", "a layout class of Quarto"),
    (
        r"\.(?:hidden|incremental|fragment|landscape|notes|theorem|proof)\b",
        "a class with a meaning of its own in Quarto",
    ),
    (r"\.callout-(?!note\b|tip\b|warning\b|caution\b|important\b)", "an unknown kind of callout"),
    (r"\.callout-[a-z]+[^}\n]*\b(?:collapse|appearance|icon)\s*=", "an option of a callout other than its title"),
    (r"^\s*#\|", "a cell option outside a cell"),
)
_REFUSED = tuple((re.compile(pattern, re.MULTILINE), what) for pattern, what in _REFUSED_IN_PROSE)


def refuse_unsupported_prose(text: str, first_line: int, where: str) -> None:
    """Raise `MyoT2Error` where prose uses a feature of Quarto that pandoc and the project's filter do not know."""
    for pattern, what in _REFUSED:
        match = pattern.search(text)
        if match:
            line = first_line + text[: match.start()].count("\n")
            raise _refusal(f"{what} ({match[0].strip()})", f"{where}, line {line}")


def refuse_unsupported_metadata(metadata: Mapping[str, Any], where: str) -> None:
    """Raise `MyoT2Error` where the front matter has a key, or a value, that the fallback renderer does not honour."""
    _compare(metadata, _TOP, "", where)


def _compare(metadata: Mapping[str, Any], known: Mapping[str, Any], prefix: str, where: str) -> None:
    for key, value in metadata.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise _refusal(f"the key {name}", where)
        if isinstance(known[key], dict):
            if not isinstance(value, dict):
                raise _refusal(f"{name}: {value}", where)
            _compare(value, known[key], f"{name}.", where)
        elif known[key] is not _ANY and value not in known[key]:
            raise _refusal(f"{name}: {value}", where)


def _refusal(found: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected="the part of Quarto that the fallback renderer knows (docs/stages/report.md)",
        found=found,
        where=where,
        do="Install Quarto, which knows all of its syntax, or leave this out of the document.",
    )
