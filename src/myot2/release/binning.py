"""People in bins, for figures: every bin and every step holds more people than a count that is redacted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from myot2.core.rounding import print_number
from myot2.release.disclosure import Disclosure
from myot2.release.precision import significant

GRID = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Widths of bins that are tried, in the unit of the values; edges are multiples of the width, whoever takes part."""

LOGARITHMIC_SPAN = 20.0
"""Values that span more than this factor are averaged as logarithms, as they are drawn."""

LEAST_STEPS = 3
"""A curve of fewer steps says nothing that its area does not."""

LEAST_POINTS = 3


@dataclass(frozen=True)
class Bin:
    """So many people (rounded) with a value from `low` to below `high`; None: open, so that it tells no extreme."""

    low: float | None
    high: float | None
    people: int


@dataclass(frozen=True)
class Point:
    """So many people (rounded) around one point: `value` to two significant digits, `other` to one decimal."""

    value: float
    other: float
    people: int


def histogram(values: np.ndarray, how: Disclosure) -> list[Bin]:
    """Bins of the finest width of `GRID` at which each holds enough people, both tails open.

    Parameters
    ----------
    values : np.ndarray
        Shape (n,), finite.
    how : Disclosure
        The rules.

    Returns
    -------
    list of Bin
        From the lowest on; one bin open on both sides where no width will do, none where there are too few people.
    """
    if how.count(len(values)) is None:
        return []
    for width in GRID:
        found = _at_width(values, width, how)
        if found:
            return found
    return [Bin(None, None, how.count(len(values)) or 0)]


def _at_width(values: np.ndarray, width: float, how: Disclosure) -> list[Bin] | None:
    """Cells of a width, the tails merged until each holds enough; None where a cell between them does not."""
    cells = np.floor(values / width).astype(int)
    first = cells.min()
    counts = np.bincount(cells - first)
    low = int(np.searchsorted(np.cumsum(counts), how.least))
    high = len(counts) - 1 - int(np.searchsorted(np.cumsum(counts[::-1]), how.least))
    if low >= high:
        return None
    merged = [counts[: low + 1].sum(), *counts[low + 1 : high], counts[high:].sum()]
    shown = [how.count(int(people)) for people in merged]
    if None in shown:
        return None
    edges = [float((first + cell) * width) for cell in range(low + 1, high + 1)]
    return [Bin(*ends, people or 0) for *ends, people in zip([None, *edges], [*edges, None], shown, strict=True)]


def roc_steps(positives: np.ndarray, negatives: np.ndarray, how: Disclosure) -> list[tuple[float, float]]:
    """A ROC curve that moves in steps of many people, as Kaplan-Meier curves are released.

    Each axis by itself counts people in levels that lie further apart than a count that is redacted; a point of the
    curve goes to the nearest level. Rates are of the rounded totals.

    Returns
    -------
    list of tuple
        False positive rate and sensitivity (0-1, two decimals) of each corner, from (0, 0) to (1, 1); empty where an
        axis would have fewer than `LEAST_STEPS` steps.
    """
    levels = [_levels(len(group), how) for group in (negatives, positives)]
    if min(map(len, levels)) <= LEAST_STEPS:
        return []
    corners = [(0.0, 0.0)]
    for cutoff in np.unique(np.concatenate([positives, negatives]))[::-1]:
        above = [int(np.sum(group >= cutoff)) for group in (negatives, positives)]
        rates = [_rate(people, steps, how) for people, steps in zip(above, levels, strict=True)]
        if tuple(rates) != corners[-1]:
            corners.append((rates[0], rates[1]))
    return corners


def _levels(people: int, how: Disclosure) -> list[int]:
    """0 and people, and between them multiples of the least multiple of `round_to` that is not redacted."""
    step = (how.redact_up_to // how.round_to + 1) * how.round_to
    return [0, *range(step, people - how.least + 1, step), people]


def _rate(people: int, levels: list[int], how: Disclosure) -> float:
    nearest = min(levels, key=lambda level: (abs(level - people), -level))
    whole = how.count(levels[-1]) or levels[-1]
    return 1.0 if nearest == levels[-1] else float(print_number(nearest / whole, 2))


def scatter_points(values: np.ndarray, others: np.ndarray, how: Disclosure) -> list[Point]:
    """Means of neighbours by rank of `values`: people of equal value stay together, each point has enough of them.

    Parameters
    ----------
    values, others : np.ndarray
        Shape (n,), finite: one pair per person.

    Returns
    -------
    list of Point
        By rising value; empty where there would be fewer than `LEAST_POINTS`.
    """
    groups = list(_neighbours(values, how.least))
    if len(groups) < LEAST_POINTS:
        return []
    logarithmic = values.min() > 0 and values.max() > LOGARITHMIC_SPAN * values.min()
    points = []
    for members in groups:
        chosen = values[members]
        middle = float(np.exp(np.log(chosen).mean()) if logarithmic else chosen.mean())
        other = float(print_number(float(others[members].mean()), 1))
        points.append(Point(float(significant(middle)), other, how.count(len(members)) or 0))
    return points


def _neighbours(values: np.ndarray, least: int) -> Iterator[np.ndarray]:
    """Indices of each group of neighbours; the last takes those who would be too few by themselves."""
    order = np.argsort(values, kind="stable")
    ends = np.flatnonzero(np.diff(values[order])) + 1
    start = 0
    for end in ends:
        if end - start >= least and len(values) - end >= least:
            yield order[start:end]
            start = end
    if len(values) - start >= least:
        yield order[start:]
