"""What describes one group's values of one quantity."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Sample:
    """Summary of `n` values; what cannot be had of so few is None.

    `sd` divides by n - 1. Quartiles follow Weibull's rule (rank p (n + 1); SPSS HAVERAGE, R type 6). `ci` is the
    95 % confidence interval of the mean by Student's t.
    """

    n: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    low: float | None = None
    high: float | None = None
    ci: tuple[float, float] | None = None


def summarise(values: np.ndarray) -> Sample:
    """Summarise finite values of shape (n,), n from 0 on."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n == 0:
        return Sample(0)
    mean = statistics.fmean(values.tolist())
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75], method="weibull")
    sd = ci = None
    if n > 1:
        sd = statistics.stdev(values.tolist())
        margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / n**0.5
        ci = (mean - margin, mean + margin)
    return Sample(n, mean, sd, float(median), float(q1), float(q3), float(values.min()), float(values.max()), ci)
