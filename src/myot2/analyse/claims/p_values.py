"""p values that go with a printed z or rank correlation, and the n that goes with a printed pair."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy import stats

from myot2.analyse.claims.interval import Interval

POSSIBLE = Interval(Fraction(0), Fraction(1))
MOST_PEOPLE = 20_000
"""Beyond so many people no n is looked for."""


def p_of_z(z: Interval) -> Interval:
    """The two-sided p values of the normal distribution."""
    return abs(z).image(lambda value: float(2 * stats.norm.sf(value)))


def p_of_rs(rs: Interval, n: int) -> Interval:
    """The two-sided p values of a correlation of `n` pairs: t = rs sqrt((n - 2) / (1 - rs^2)), n - 2 degrees."""
    return abs(rs).image(lambda value: _p_of_rs(value, n))


def numbers_of_people(rs: Interval, p: Interval) -> list[int]:
    """Every n from 3 to `MOST_PEOPLE` at which a correlation in `rs` has a p value in `p`."""
    size, n = abs(rs), np.arange(3, MOST_PEOPLE + 1)
    lowest, highest = (_p_of_rs(float(end), n) for end in (size.high, size.low))
    fits = (lowest <= float(p.high) * (1 + 1e-9)) & (highest >= float(p.low) * (1 - 1e-9))
    return n[fits].tolist()


def _p_of_rs(rs: float, n: int | np.ndarray) -> float | np.ndarray:
    if rs >= 1:
        return np.zeros_like(n, dtype=float) if isinstance(n, np.ndarray) else 0.0
    return 2 * stats.t.sf(rs * np.sqrt((n - 2) / (1 - rs * rs)), n - 2)
