"""The receiver operating characteristic: every cutoff, the area, its errors, and Youden's choice.

A value is positive (patient) when it is at or above the cutoff.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class RocCurve:
    """All operating points, from the lowest cutoff to the highest; arrays of shape (cutoffs,).

    `cutoffs` are the pooled values' lowest - 1, the midpoints of consecutive distinct values, and highest + 1 (SPSS
    ROC). `hits` counts the positives at or above a cutoff, `rejections` the negatives below it.
    """

    cutoffs: np.ndarray
    hits: np.ndarray
    rejections: np.ndarray
    n_positive: int
    n_negative: int

    @property
    def sensitivity(self) -> np.ndarray:
        """Fraction (0-1) of the positives that are found, per cutoff."""
        return self.hits / self.n_positive

    @property
    def specificity(self) -> np.ndarray:
        """Fraction (0-1) of the negatives that are rejected, per cutoff."""
        return self.rejections / self.n_negative

    @property
    def youden(self) -> np.ndarray:
        """Sensitivity + specificity - 1, per cutoff (Youden, Cancer 1950;3:32)."""
        return self._youden_pairs() / (self.n_positive * self.n_negative)

    def best(self) -> tuple[int, list[int]]:
        """The position of Youden's cutoff, and the positions of all that share its index.

        Among cutoffs of equal index the one of highest specificity is taken, then the lowest. Ties are judged on
        whole numbers, so floating-point noise cannot decide them.
        """
        pairs = self._youden_pairs()
        tied = np.flatnonzero(pairs == pairs.max())
        most_specific = tied[self.rejections[tied] == self.rejections[tied].max()]
        return int(most_specific[0]), tied.tolist()

    def _youden_pairs(self) -> np.ndarray:
        return self.hits * self.n_negative + self.rejections * self.n_positive - self.n_positive * self.n_negative


@dataclass(frozen=True)
class Area:
    """The area under the curve and its errors.

    `u` is Mann and Whitney's U of the positives; `area` = u / (n1 n0). `se_spss` is SPSS's nonparametric standard
    error, `se_delong` DeLong's (None for a group of one); `z` and `p` test an area of 0.5.
    """

    area: float
    u: float
    se_spss: float
    se_delong: float | None
    z: float
    p: float


def roc_curve(positives: np.ndarray, negatives: np.ndarray) -> RocCurve:
    """All operating points of finite values, shapes (n1,) and (n0,), both at least 1."""
    values = np.unique(np.concatenate([positives, negatives]))
    cutoffs = np.concatenate([[values[0] - 1], (values[:-1] + values[1:]) / 2, [values[-1] + 1]])
    hits = len(positives) - np.searchsorted(np.sort(positives), cutoffs, side="left")
    rejections = np.searchsorted(np.sort(negatives), cutoffs, side="left")
    return RocCurve(cutoffs, hits, rejections, len(positives), len(negatives))


def area(positives: np.ndarray, negatives: np.ndarray) -> Area:
    """The area under the curve of finite values, shapes (n1,) and (n0,), both at least 1.

    The trapezoid area is U / (n1 n0), ties counting one half. The test of 0.5 uses the null variance
    (n1 + n0 + 1) / (12 n1 n0) (SPSS ROC, "Asymptotic Sig.").
    """
    n1, n0 = len(positives), len(negatives)
    wins = win_matrix(positives, negatives)
    u = float(wins.sum())
    auc = u / (n1 * n0)
    z = (auc - 0.5) / math.sqrt((n1 + n0 + 1) / (12 * n1 * n0))
    return Area(auc, u, _se_spss(wins), _se_delong(wins), z, float(2 * stats.norm.sf(abs(z))))


def interval(auc: float, standard_error: float) -> tuple[float, float]:
    """The 95 % interval auc -+ 1.96 standard errors, not truncated to 0-1."""
    margin = float(stats.norm.ppf(0.975)) * standard_error
    return auc - margin, auc + margin


def win_matrix(positives: np.ndarray, negatives: np.ndarray) -> np.ndarray:
    """1 where a positive is above a negative, 0.5 where equal, else 0; shape (n1, n0)."""
    difference = np.asarray(positives, dtype=float)[:, None] - np.asarray(negatives, dtype=float)[None, :]
    return (np.sign(difference) + 1) / 2


def _se_spss(wins: np.ndarray) -> float:
    """Hanley and McNeil's error with the empirical Q1 and Q2 (Radiology 1982;143:29; IBM SPSS Algorithms, ROC).

    Q1 is the chance that two positives both exceed one negative: per negative (g^2 + g e + e^2 / 3) / n1^2 with g
    positives above and e equal to it; Q2 likewise per positive.
    """
    n1, n0 = wins.shape
    above, equal = (wins == 1).astype(float), (wins == 0.5).astype(float)
    q1 = _pairs(above.sum(axis=0), equal.sum(axis=0)).mean() / n1**2
    q2 = _pairs(above.sum(axis=1), equal.sum(axis=1)).mean() / n0**2
    auc = wins.mean()
    variance = auc * (1 - auc) + (n1 - 1) * (q1 - auc**2) + (n0 - 1) * (q2 - auc**2)
    return math.sqrt(max(float(variance), 0.0) / (n1 * n0))


def _pairs(greater: np.ndarray, equal: np.ndarray) -> np.ndarray:
    return greater**2 + greater * equal + equal**2 / 3


def _se_delong(wins: np.ndarray) -> float | None:
    """DeLong, DeLong and Clarke-Pearson's error (Biometrics 1988;44:837): the variances of the structural components,
    which are the mean wins of each positive and of each negative."""
    n1, n0 = wins.shape
    if min(n1, n0) < 2:
        return None
    variance = wins.mean(axis=1).var(ddof=1) / n1 + wins.mean(axis=0).var(ddof=1) / n0
    return math.sqrt(float(variance))
