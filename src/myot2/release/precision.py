"""How coarsely a number is printed so that it is nobody's, and does not tell how many exactly it rests on."""

from __future__ import annotations

import math

from myot2.core.rounding import print_number

MOST_OF_IT = 0.5
"""A sum or a spread of which one person makes up more than this part is that person's number."""

FINEST_AREA = 0.01
SIGNIFICANT = 2
"""Digits of a number that lies between the values of two people, such as a cutoff."""


def nice_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... and their tenths that is no less than `least` (> 0)."""
    power = math.floor(math.log10(least))
    steps = (factor * 10.0**exponent for exponent in (power, power + 1) for factor in (1, 2, 5))
    return next(step for step in steps if step >= least * (1 - 1e-9))


def to_step(value: float, step: float) -> str:
    """The nearest multiple of a step of `nice_step`, with as many decimals as the step has."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return print_number(float(print_number(value / step, 0)) * step, decimals)


def significant(value: float, digits: int = SIGNIFICANT) -> str:
    """The value with so many significant digits."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return print_number(value, digits - 1 - math.floor(math.log10(abs(rounded))))


def quantile_step(q1: float, q3: float, n: int, people: int) -> float | None:
    """The step at which about so many of n people share the printed quantile; None where the quartiles are equal.

    Half of the people lie between the quartiles, so that neighbours are 2 (q3 - q1) / n apart. Equal quartiles are the
    value of half of all people.
    """
    return nice_step(people * 2 * (q3 - q1) / n) if q3 > q1 else None


def area_step(first: int, second: int, people: int) -> float:
    """The step of an area under a curve (0-1) at which so many values of U are printed alike.

    U counts the pairs of one of `first` and one of `second` people; a person who moves by one rank changes it by one.
    """
    return max(FINEST_AREA, nice_step(people / (first * second)))


def mean_decimals(n: int, decimals: int) -> int:
    """Decimals of a mean, at most `decimals`, so few that the sum of whole numbers cannot be told from it.

    With d decimals and n people the sum is known to within n 10^-d, which is to be 1 or more: else the mean of grades
    would tell how many people there are (the GRIM test, Brown and Heathers 2017).
    """
    return max(0, min(decimals, math.floor(math.log10(n))))


def dominates_mean(low: float, high: float, mean: float, n: int) -> bool:
    """Whether the person of the lowest or highest value makes up most of a mean."""
    return max(abs(low), abs(high)) > MOST_OF_IT * n * abs(mean)


def dominates_spread(low: float, high: float, mean: float, sd: float, n: int) -> bool:
    """Whether that person makes up most of a standard deviation (n - 1)."""
    return max(mean - low, high - mean) ** 2 > MOST_OF_IT * (n - 1) * sd**2


def print_p(p: float) -> str:
    """A p value to one significant digit, from 0.1 on to one decimal, or '<0.001'.

    More digits give the statistic and, with it, the number of people (docs/decisions/0011).
    """
    if p < 0.001:
        return "<0.001"
    return print_number(p, 1) if p >= 0.095 else significant(p, 1)
