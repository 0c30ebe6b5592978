"""Which means, standard deviations, proportions and areas can be had of whole numbers at all."""

from __future__ import annotations

import math
from fractions import Fraction

from myot2.analyse.claims.interval import Interval, exactly

_MOST_WORK = 3_000_000
"""Steps of the enumeration over a scale; beyond it only the parity is checked."""


def sums_of(mean: Interval, n: int, step: Fraction = Fraction(1)) -> list[Fraction]:
    """Every sum of `n` multiples of `step` whose mean lies in the interval (GRIM).

    Brown and Heathers, Soc Psychol Personal Sci 2017;8:363, doi 10.1177/1948550616673876.
    """
    return [whole * step for whole in (mean * exactly(Fraction(n) / step)).whole_numbers()]


def counts_of(proportion: Interval, n: int) -> list[int]:
    """Every count whose share of `n` lies in the interval (0-1)."""
    return [count for count in (proportion * exactly(n)).whole_numbers() if 0 <= count <= n]


def pairs_of(area: Interval, n_positive: int, n_negative: int) -> list[Fraction]:
    """Every U (won pairs, ties one half) whose area under the ROC curve, U / (n1 n0), lies in the interval."""
    pairs = n_positive * n_negative
    halves = (area * exactly(2 * pairs)).whole_numbers()
    return [Fraction(half, 2) for half in halves if 0 <= half <= 2 * pairs]


def squares_of(
    mean: Interval, sd: Interval, n: int, scale: tuple[int, int] | None = None
) -> tuple[list[tuple[int, int]], bool]:
    """Every (sum, sum of squares) of `n` whole numbers that has the mean and the SD (n - 1) in the intervals.

    Without a scale the sum of squares must be a whole number, be as odd or even as the sum, and be at least that of
    numbers as equal as can be (GRIMMER: Anaya, PeerJ Preprints 2016;4:e2400v1; in the analytic form of Allard 2018).
    That is necessary, not sufficient. With a scale (lowest, highest value) all samples are enumerated, which is both.

    Returns
    -------
    list of tuple of int
        The possible pairs.
    bool
        Whether they were enumerated; too wide a scale or too large an n is not.
    """
    found = []
    for total in sums_of(mean, n):
        spread = abs(sd).squared() * exactly(n - 1) + exactly(total**2 / n)
        least = _most_even(int(total), n)
        found += [
            (int(total), squares)
            for squares in spread.whole_numbers()
            if squares >= least and not (squares - total) % 2
        ]
    if scale is None or n**2 * (scale[1] - scale[0]) * (scale[1] - scale[0] + 1) > _MOST_WORK:
        return found, False
    possible = _enumerate(n, scale[1] - scale[0])
    return [pair for pair in found if _is_among(pair, possible, n, scale[0])], True


def _most_even(total: int, n: int) -> int:
    """The sum of squares of `n` whole numbers with that sum, as equal as can be."""
    low, rest = divmod(total, n)
    return (n - rest) * low**2 + rest * (low + 1) ** 2


def _enumerate(n: int, top: int) -> dict[int, int]:
    """For each sum of `n` numbers from 0 to `top`, a whole number whose bit k says whether the squares can sum to k."""
    possible = {0: 1}
    for _ in range(n):
        further: dict[int, int] = {}
        for total, squares in possible.items():
            for value in range(top + 1):
                further[total + value] = further.get(total + value, 0) | squares << value**2
        possible = further
    return possible


def _is_among(pair: tuple[int, int], possible: dict[int, int], n: int, lowest: int) -> bool:
    """Whether a (sum, sum of squares) is possible, given those of the same numbers less `lowest`."""
    total = pair[0] - n * lowest
    squares = pair[1] - 2 * lowest * pair[0] + n * lowest**2
    return squares >= 0 and bool(possible.get(total, 0) >> squares & 1)


def nearest(values: list[Fraction], wanted: float) -> Fraction:
    """The value that is nearest to a number."""
    return min(values, key=lambda value: abs(float(value) - wanted))


def neighbours(mean: Interval, n: int, step: Fraction = Fraction(1)) -> tuple[Fraction, Fraction]:
    """The two means of `n` multiples of `step` on either side of the interval's middle."""
    units = mean.middle * n / float(step)
    return math.floor(units) * step / n, math.ceil(units) * step / n
