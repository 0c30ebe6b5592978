"""Means, standard deviations and sums of groups put together, by interval arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from myot2.analyse.claims.interval import Interval, exactly, total


class Sample(NamedTuple):
    """What is known of one group: the number of its members, the mean, and the standard deviation (n - 1)."""

    n: int
    mean: Interval
    sd: Interval | None = None


def sum_of(sample: Sample, *, whole: bool = False) -> Interval:
    """All sums that the group's values can have; of whole values only whole sums."""
    found = sample.mean * exactly(sample.n)
    if not whole:
        return found
    sums = found.whole_numbers()
    return Interval(Fraction(sums.start), Fraction(sums.stop - 1))  # empty where there is no whole sum


def pooled_mean(samples: Sequence[Sample]) -> Interval:
    """The mean of all groups together."""
    return total([sum_of(sample) for sample in samples]) / exactly(sum(sample.n for sample in samples))


def pooled_sd_squared(samples: Sequence[Sample]) -> Interval:
    """The variance (n - 1) of all groups together.

    (N - 1) s^2 = sum (n_i - 1) s_i^2 + sum over pairs n_i n_j (m_i - m_j)^2 / N. Of two groups it is exact; of more it
    is wider than need be, for the pairs' differences are taken as free of one another.
    """
    people = sum(sample.n for sample in samples)
    within = [abs(sample.sd).squared() * exactly(sample.n - 1) for sample in samples]
    between = [
        (one.mean - other.mean).squared() * exactly(Fraction(one.n * other.n, people))
        for one, other in combinations(samples, 2)
    ]
    return total([*within, *between]) / exactly(people - 1)


def mean_of_rest(samples: Sequence[Sample], everybody: Sample) -> Interval:
    """The mean that those must have who are in no group, for the whole to have its mean."""
    rest = everybody.n - sum(sample.n for sample in samples)
    return (sum_of(everybody) - total([sum_of(sample) for sample in samples])) / exactly(rest)
