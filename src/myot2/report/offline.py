"""A page that reaches for nothing outside itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

from myot2.core.errors import MyoT2Error

_ADDRESS_ATTRIBUTES = frozenset(
    ("src", "href", "xlink:href", "srcset", "poster", "data", "action", "formaction", "background", "cite", "ping")
)
_INSIDE = re.compile(r"\s*(?:#|data:|$)")
_CSS_REFERENCE = re.compile(r"@import\b[^;]*|url\(\s*[\"']?(?!data:|#)[^)]*\)", re.IGNORECASE)


def external_references(page: str) -> list[str]:
    """Every reference of an HTML page to something outside it, in order: addresses in attributes and in style sheets.

    A link within the page (`#...`) and embedded data (`data:`) are inside.
    """
    collector = _Collector()
    collector.feed(page)
    collector.close()
    return collector.found


def require_offline(path: Path, *, beside: Iterable[str] = ()) -> None:
    """Raise `MyoT2Error` where the HTML page at `path` refers to anything outside itself.

    Parameters
    ----------
    path : Path
        The page.
    beside : iterable of str
        Pages of the same report that it may lead to by a link, as relative addresses.
    """
    allowed = {f"<a href={address!r}>" for address in beside}
    references = external_references(path.read_text(encoding="utf-8"))
    found = [reference for reference in references if re.sub(r"#[\w-]*'>$", "'>", reference) not in allowed]
    if found:
        raise MyoT2Error(
            expected="a page that opens without a network and without other files",
            found="; ".join(found[:5]),
            where=path.name,
            do="Embed it (embed-resources: true), give links as text, and show tables as Markdown, not as HTML.",
        )


class _Collector(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        for name, value in attrs:
            if name in _ADDRESS_ATTRIBUTES and not _INSIDE.match(value or ""):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name == "style":
                self._collect_css(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._collect_css(data)

    def _collect_css(self, text: str) -> None:
        self.found += [match[0].strip() for match in _CSS_REFERENCE.finditer(text)]
