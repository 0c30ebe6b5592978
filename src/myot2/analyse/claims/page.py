"""A page of ours against statistics.json: every number says which statistic it is, and is what is printed there."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from myot2.analyse.claims.outcome import Outcome
from myot2.analyse.claims.reproduction import Statistics, n_at

ATTRIBUTE = "data-claim"
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def compare_page(html: str, statistics: Statistics) -> list[Outcome]:
    """Hold every number that carries a key against what is printed under it.

    An element with `data-claim="key"` shows `printed` of that key; `data-claim="key:part"` shows `part_printed` of it,
    or `part` where there is no such text (docs/stages/report.md). Runs of white space count as one space.

    Parameters
    ----------
    html : str
        The page.
    statistics : mapping
        The content of statistics.json.

    Returns
    -------
    list of Outcome
        The findings: a key or part that is not there, a text that differs, a page without any number. Empty where the
        page is right.
    """
    claims = claims_in(html)
    if not claims:
        return [_finding(ATTRIBUTE, None, "no number", "numbers with their keys", "The page names no statistic.")]
    found = []
    for address, shown in claims:
        printed = printed_at(statistics, address)
        n = n_at(statistics, address)
        if printed is None:
            words = f"{address} is not among the statistics; the page shows {shown!r}."
            found.append(_finding(address, n, shown, "a known key and part", words))
        elif shown != _one_line(printed):
            words = f"{address} is {printed!r} in the statistics; the page shows {shown!r}."
            found.append(_finding(address, n, shown, printed, words))
    return found


def claims_in(html: str) -> list[tuple[str, str]]:
    """Each element with a key in its order: the key with its part, and the text that is shown."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.finished()


def printed_at(statistics: Statistics, address: str) -> str | None:
    """What is to be shown under `key` or `key:part`; None where there is no such thing."""
    key, _, part = address.partition(":")
    entry: Mapping[str, Any] = statistics.get(key, {})
    value = entry.get("printed") if not part else entry.get(f"{part}_printed", entry.get(part))
    return None if value is None else str(value)


class _Reader(HTMLParser):
    """Collects the text of every element with a key, nested ones too."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, int | None]] = []
        self._claims: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        address = dict(attributes).get(ATTRIBUTE)
        if address is not None:
            self._claims.append((address, []))
        if tag not in _VOID:
            self._open.append((tag, None if address is None else len(self._claims) - 1))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """`<path/>` and the like: open and closed."""
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        names = [name for name, _ in self._open]
        if tag in names:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, text: str) -> None:
        for _, claim in self._open:
            if claim is not None:
                self._claims[claim][1].append(text)

    def finished(self) -> list[tuple[str, str]]:
        return [(address, _one_line("".join(parts))) for address, parts in self._claims]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _finding(address: str, n: int | None, shown: str, expected: str, sentence: str) -> Outcome:
    return Outcome(
        source="page",
        topic=address,
        id=address,
        rule="page",
        status="inconsistent",
        severity="error",
        claims=(address,),
        n=n,
        printed=shown,
        expected=expected,
        sentence=sentence,
    )
