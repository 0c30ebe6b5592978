"""Two readers of one HRCT: how far their grades agree, which grade counts, and the score of lung disease."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from myot2.analyse.sample import CONFIDENCE

GRADES = (0, 1, 2, 3, 4)
"""Grades of severity and of extent; their sum is the score, 0 to 8."""
FLAGGED_ABOVE = 1
"""Readers who differ by more grades than this are flagged."""
Weights = Literal["linear", "quadratic"]
Rule = Literal["mean", "third"]


@dataclass(frozen=True)
class Extent:
    """A class of extent: from `low` to `high` percent of the lung, each end counted in where `_in` says so."""

    grade: int
    low: float
    high: float
    low_in: bool
    high_in: bool


EXTENT_CLASSES = (
    Extent(0, 0, 0, True, True),
    Extent(1, 0, 25, False, True),
    Extent(2, 25, 50, False, True),
    Extent(3, 50, 75, False, True),
    Extent(4, 75, 100, False, True),
)
"""Every extent from 0 to 100 % has one grade. The study's own classes leave 0-10 % without one and give 25, 50 and
75 % two."""


@dataclass(frozen=True)
class Kappa:
    """Kappa of `n` people whom both read, 95 % `ci` from `se`; `p` tests a kappa of 0, two-sided.

    `agreement` and `within_one` are the fractions (0-1) of equal grades and of grades at most one apart, with exact
    intervals. `table` counts them, first reader in the rows, shape (grades, grades). `se`, `ci` and `p` are None
    where the table shows no error (perfect agreement; a reader who gave everybody one grade).
    """

    weights: str
    n: int
    kappa: float
    se: float | None
    ci: tuple[float, float] | None
    p: float | None
    agreement: float
    agreement_ci: tuple[float, float]
    within_one: float
    within_one_ci: tuple[float, float]
    table: np.ndarray


@dataclass(frozen=True)
class Consensus:
    """The grades that count, shape (n,), NaN where unknown.

    `flagged` marks people whose readers differ by more than one grade, `single` those whom one reader alone graded;
    both of shape (n,). `unresolved` counts the flagged who wait for a third reading.
    """

    grades: np.ndarray
    flagged: np.ndarray
    single: np.ndarray
    unresolved: int


def weighted_kappa(
    first: np.ndarray, second: np.ndarray, *, weights: Weights | None = "linear", grades: Sequence[int] = GRADES
) -> Kappa:
    """Agreement of two readers beyond chance; shapes (n,), people whom one of them did not read are left out.

    Disagreement weighs |i - j| (``linear``; Cicchetti and Allison) or (i - j)^2 (``quadratic``; Fleiss and Cohen)
    (Cohen, Psychol Bull 1968;70:213); all `grades` count, given or not. With `weights` None every disagreement weighs
    the same, for words without an order (Cohen, Educ Psychol Meas 1960;20:37). Standard errors for the interval and
    for the test of 0 by Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323. The interval is cut at 1.

    Raises
    ------
    ValueError
        Nobody was read by both, a grade is none of `grades`, or both readers gave everybody one and the same grade.
    """
    from statsmodels.stats.inter_rater import cohens_kappa

    table = _cross_table(first, second, grades)
    n = int(table.sum())
    if (table.sum(axis=0) > 0).sum() == 1 and (table.sum(axis=0) == table.sum(axis=1)).all():
        raise ValueError("both readers gave everybody the same grade, so chance explains all agreement")
    with np.errstate(invalid="ignore", divide="ignore"):  # errors of 0 are None below
        scores = np.asarray(grades, dtype=float) if weights else None
        found = cohens_kappa(table, wt=weights, weights=scores)
    kappa, se, se_null = (float(found.kappa), *(_root(v) for v in (found.var_kappa, found.var_kappa0)))
    apart = np.abs(np.subtract.outer(np.arange(len(grades)), np.arange(len(grades))))
    equal, near = int(table[apart == 0].sum()), int(table[apart <= 1].sum())
    z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
    return Kappa(
        weights=weights or "no",
        n=n,
        kappa=kappa,
        se=se,
        ci=None if se is None else (kappa - z * se, min(kappa + z * se, 1.0)),
        p=None if se is None or se_null is None else float(2 * stats.norm.sf(abs(kappa) / se_null)),
        agreement=equal / n,
        agreement_ci=_exact(equal, n),
        within_one=near / n,
        within_one_ci=_exact(near, n),
        table=table,
    )


def consensus(
    first: np.ndarray, second: np.ndarray, third: np.ndarray | None = None, *, rule: Rule = "mean"
) -> Consensus:
    """One grade for each person from two readers, shapes (n,), NaN where unread.

    ``mean`` takes the readers' mean. ``third`` takes the mean where they differ by at most one grade, and elsewhere
    the third reading, or unknown while there is none. Whom one of them alone read has that grade. Nothing unknown is
    taken for 0.

    Raises
    ------
    ValueError
        The shapes differ.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    third = np.full(first.shape, np.nan) if third is None else np.asarray(third, dtype=float)
    if not first.shape == second.shape == third.shape:
        raise ValueError("the readers have grades of different numbers of people")
    single = np.isfinite(first) ^ np.isfinite(second)
    grades = np.where(single, np.where(np.isfinite(first), first, second), (first + second) / 2)
    flagged = np.abs(first - second) > FLAGGED_ABOVE
    if rule == "third":
        grades = np.where(flagged, third, grades)
    return Consensus(grades, flagged, single, int((flagged & np.isnan(third)).sum()))


def ild_score(severity: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Severity + extent, 0-8; shapes (n,), NaN where either is unknown.

    Raises
    ------
    ValueError
        A grade is outside 0-4.
    """
    severity, extent = np.asarray(severity, dtype=float), np.asarray(extent, dtype=float)
    for name, grades in (("severity", severity), ("extent", extent)):
        wrong = grades[(grades < min(GRADES)) | (grades > max(GRADES))]
        if wrong.size:
            raise ValueError(f"a grade of {name} is {wrong[0]:g}, outside {min(GRADES)}-{max(GRADES)}")
    return severity + extent


def extent_grade(percent: float, classes: Sequence[Extent] = EXTENT_CLASSES) -> int:
    """The grade of an extent in percent of the lung.

    Raises
    ------
    ValueError
        No class, or more than one, holds it.
    """
    held = [one.grade for one in classes if _holds(one, percent)]
    if len(held) != 1:
        raise ValueError(f"{percent:g} % belongs to {'no class' if not held else f'grades {held}'}")
    return held[0]


def gaps_and_overlaps(
    classes: Sequence[Extent], low: float = 0, high: float = 100
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Where from `low` to `high` percent no class holds, and where more than one does: (from, to), equal for a point.

    A partition has neither. Judged at every end of a class and between each two neighbouring ends, which is enough:
    classes change nowhere else.
    """
    ends = sorted({low, high, *(end for one in classes for end in (one.low, one.high) if low <= end <= high)})
    pieces = [(end, end) for end in ends] + list(zip(ends[:-1], ends[1:], strict=True))
    held = {piece: sum(_holds(one, sum(piece) / 2) for one in classes) for piece in sorted(pieces)}
    return _joined([piece for piece in held if not held[piece]]), _joined([piece for piece in held if held[piece] > 1])


def _joined(pieces: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Touching points and stretches as one."""
    joined: list[tuple[float, float]] = []
    for low, high in pieces:
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return joined


def _holds(one: Extent, percent: float) -> bool:
    inside = one.low < percent < one.high
    return inside or (percent == one.low and one.low_in) or (percent == one.high and one.high_in)


def _cross_table(first: np.ndarray, second: np.ndarray, grades: Sequence[int]) -> np.ndarray:
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    read = np.isfinite(first) & np.isfinite(second)
    if not read.any():
        raise ValueError("nobody was read by both")
    places = {float(grade): place for place, grade in enumerate(grades)}
    table = np.zeros((len(grades), len(grades)), dtype=int)
    for one, other in zip(first[read], second[read], strict=True):
        for grade in (one, other):
            if grade not in places:
                raise ValueError(f"a grade is {grade:g}, none of {', '.join(map(str, grades))}")
        table[places[one], places[other]] += 1
    return table


def _root(variance: float) -> float | None:
    return math.sqrt(variance) if variance > 1e-12 else None


def _exact(count: int, total: int) -> tuple[float, float]:
    ci = stats.binomtest(count, total).proportion_ci(CONFIDENCE, method="exact")
    return float(ci.low), float(ci.high)
