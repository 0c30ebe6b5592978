"""DeLong's test of two markers measured in the same people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from myot2.analyse.roc import win_matrix
from myot2.analyse.sample import CONFIDENCE


@dataclass(frozen=True)
class PairedAreas:
    """Two areas (0-1) of the same people, their `difference` (first - second), its error, test and 95 % interval.

    `left_out` people lack one of the markers and are in neither area.
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


def compare_areas(first: np.ndarray, second: np.ndarray, positive: np.ndarray) -> PairedAreas:
    """Compare the areas of two markers; all of shape (n,), NaN where missing, `positive` true for patients.

    Higher values of either marker speak for a patient. The variance of the difference is that of the differences of
    the structural components (DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837).

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
    variance = advantage.mean(axis=1).var(ddof=1) / n1 + advantage.mean(axis=0).var(ddof=1) / n0
    se = math.sqrt(float(variance))
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
    )
