"""Readings of the same scan by several raters, or by one rater twice, and which of them are compared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

from myot2.review.decisions import Row

BETWEEN, WITHIN = "between raters", "within a rater"


@dataclass(frozen=True)
class Pair:
    """Two readings that are compared, by name, and the scans that have both, by name."""

    kind: str
    first: str
    second: str
    scans: tuple[str, ...]


def reading_name(row: Row) -> str:
    """The rater and a digit: 1, or 2 where the case was shown again. Such as anna1."""
    return f"{row.rater}{2 if row.repeat == 'yes' else 1}"


def rater_of(reading: str) -> str:
    """The rater of a reading's name."""
    return reading[:-1]


def readings_of(rows: Collection[Row]) -> dict[str, dict[str, Row]]:
    """The last row of each reading of each scan: scan's name, then reading's name."""
    readings: dict[str, dict[str, Row]] = {}
    for row in rows:
        readings.setdefault(row.scan.name, {})[reading_name(row)] = row
    return readings


def pairs_of(rows: Collection[Row], scans: Collection[str]) -> list[Pair]:
    """All pairs that share a scan of `scans`: raters in the order in which they began, then each rater's repeats."""
    readings = readings_of(rows)
    raters = list(dict.fromkeys(row.rater for row in rows))
    asked = [(BETWEEN, f"{one}1", f"{other}1") for one, other in combinations(raters, 2)]
    asked += [(WITHIN, f"{rater}1", f"{rater}2") for rater in raters]
    pairs = []
    for kind, first, second in asked:
        both = tuple(scan for scan in scans if {first, second} <= set(readings.get(scan, {})))
        if both:
            pairs.append(Pair(kind, first, second, both))
    return pairs
