"""Proportions with exact confidence intervals."""

from __future__ import annotations

from typing import Any

from scipy import stats

from myot2.analyse.rounding import print_percent
from myot2.analyse.statistic import Statistic, unavailable


def proportion(count: int, total: int, **extras: Any) -> Statistic:
    """`count` of `total` as a fraction (0-1) with Clopper and Pearson's exact 95 % interval (Biometrika 1934;26:404).

    With a `total` of 0 there is no fraction.
    """
    extras = {"numerator": count, "denominator": total, **extras}
    if total == 0:
        return unavailable("there is nobody to count among", n=0, extras=extras)
    interval = stats.binomtest(count, total).proportion_ci(confidence_level=0.95, method="exact")
    ci = (float(interval.low), float(interval.high))
    extras["ci_printed"] = " to ".join(print_percent(end) for end in ci)
    return Statistic(count / total, print_percent(count / total), n=total, ci=ci, extras=extras)
