"""DeLong's test of two markers measured in the same people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from myot2.analyse.roc import win_matrix
from myot2.analyse.roc_intervals import delong_parts, wilson
from myot2.analyse.sample import CONFIDENCE


@dataclass(frozen=True)
class PairedAreas:
    """Two areas (0-1) of the same people, their `difference` (first - second), its error and test.

    `ci` is the difference -+ 1.96 errors, which goes with `p`; `ci_score` the 95 % interval to quote where an area is
    near 1: it covers there, too. `left_out` people lack one of the markers and are in neither area.
    """

    n_positive: int
    n_negative: int
    left_out: int
    area_first: float
    area_second: float
    difference: float
    se: float
    z: float
    p: float
    ci: tuple[float, float]
    ci_score: tuple[float, float]


def compare_areas(first: np.ndarray, second: np.ndarray, positive: np.ndarray) -> PairedAreas:
    """Compare the areas of two markers; all of shape (n,), NaN where missing, `positive` true for patients.

    Higher values of either marker speak for a patient. The variance of the difference is that of the differences of
    the structural components (DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837). `ci_score` is made of the
    areas' Wilson intervals and their correlation as Zou (Psychol Methods 2007;12:399) does for two correlations.

    Raises
    ------
    ValueError
        A group has fewer than two complete people, or the markers rank all pairs alike, so the difference of 0 has no
        error.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    positive = np.asarray(positive, dtype=bool)
    complete = np.isfinite(first) & np.isfinite(second)
    cases, controls = complete & positive, complete & ~positive
    n1, n0 = int(cases.sum()), int(controls.sum())
    if min(n1, n0) < 2:
        raise ValueError("a group has fewer than two people with both markers")
    wins = [win_matrix(marker[cases], marker[controls]) for marker in (first, second)]
    advantage = wins[0] - wins[1]
    se = math.sqrt(sum(delong_parts(advantage)))
    if se == 0:
        raise ValueError("the difference of the areas has an error of 0 in these data")
    difference = float(advantage.mean())
    z = difference / se
    margin = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * se
    return PairedAreas(
        n_positive=n1,
        n_negative=n0,
        left_out=int((~complete).sum()),
        area_first=float(wins[0].mean()),
        area_second=float(wins[1].mean()),
        difference=difference,
        se=se,
        z=z,
        p=float(2 * stats.norm.sf(abs(z))),
        ci=(difference - margin, difference + margin),
        ci_score=_square_and_add(wins[0], wins[1], se),
    )


def _square_and_add(first: np.ndarray, second: np.ndarray, se: float) -> tuple[float, float]:
    """Zou's interval of the difference of two areas from their wins, shape (n1, n0), and its standard error."""
    one, other = wilson(first), wilson(second)
    areas = float(first.mean()), float(second.mean())
    variances = sum(delong_parts(first)), sum(delong_parts(second))
    correlation = 0.0
    if min(variances) > 0:
        correlation = (sum(variances) - se**2) / 2 / math.sqrt(variances[0] * variances[1])

    def add(gap: float, rival: float) -> float:
        return math.sqrt(max(gap**2 + rival**2 - 2 * correlation * gap * rival, 0.0))

    difference = areas[0] - areas[1]
    low = difference - add(areas[0] - one[0], other[1] - areas[1])
    return low, difference + add(one[1] - areas[0], areas[1] - other[0])
