"""Intervals with exact ends: every value that a printed number can stand for.

Ends are fractions, so that no binary rounding decides whether two printed numbers agree. An end may belong to the
interval or not: 47.4 stands for [47.35, 47.45).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

End = Fraction | float
"""A fraction, or an infinity."""

_SLACK = 1e-9
"""By how much (relative) an end that went through floating point is moved outwards: it may not accuse anybody."""


@dataclass(frozen=True)
class Interval:
    """All values from `low` to `high`; `closed_low` and `closed_high` say whether the ends belong to it."""

    low: End
    high: End
    closed_low: bool = True
    closed_high: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether no value lies in it."""
        return self.low > self.high or (self.low == self.high and not (self.closed_low and self.closed_high))

    @property
    def is_exact(self) -> bool:
        """Whether it is one value."""
        return self.low == self.high and self.closed_low and self.closed_high

    @property
    def middle(self) -> float:
        """The value half way between the ends."""
        return float((self.low + self.high) / 2)

    def __contains__(self, value: End) -> bool:
        above = self.low < value or (self.closed_low and self.low == value)
        return above and (value < self.high or (self.closed_high and self.high == value))

    def __and__(self, other: Interval) -> Interval:
        """What both have in common; may be empty."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(
            low,
            high,
            all(one.closed_low for one in (self, other) if one.low == low),
            all(one.closed_high for one in (self, other) if one.high == high),
        )

    def overlaps(self, other: Interval) -> bool:
        """Whether a value lies in both."""
        return not (self & other).is_empty

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low, self.closed_high, self.closed_low)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            self.low + other.low,
            self.high + other.high,
            self.closed_low and other.closed_low,
            self.closed_high and other.closed_high,
        )

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        products = [_product(*one, *two) for one in self._ends() for two in other._ends()]
        low, high = min(value for value, _ in products), max(value for value, _ in products)
        return Interval(
            low,
            high,
            any(closed for value, closed in products if value == low),
            any(closed for value, closed in products if value == high),
        )

    def __truediv__(self, other: Interval) -> Interval:
        """The quotients; everything where the divisor may be 0."""
        if Fraction(0) in other or 0 in (other.low, other.high):
            return EVERYTHING
        return self * Interval(1 / other.high, 1 / other.low, other.closed_high, other.closed_low)

    def __abs__(self) -> Interval:
        if self.low >= 0:
            return self
        if self.high <= 0:
            return -self
        top = max(-self.low, self.high)
        return Interval(Fraction(0), top, True, top in self or -top in self)

    def squared(self) -> Interval:
        """The squares of its values."""
        size = abs(self)
        return Interval(size.low**2, size.high**2, size.closed_low, size.closed_high)

    def whole_numbers(self) -> range:
        """The whole numbers in it, which must have ends."""
        first = math.ceil(self.low) + (not self.closed_low and self.low == math.ceil(self.low))
        last = math.floor(self.high) - (not self.closed_high and self.high == math.floor(self.high))
        return range(first, last + 1)

    def image(self, function: Callable[[float], float]) -> Interval:
        """What a monotonic function makes of it, in floating point: both ends a little outwards, and closed."""
        ends = sorted(function(float(end)) for end in (self.low, self.high))
        return Interval(_outwards(ends[0], -1), _outwards(ends[1], 1))

    def _ends(self) -> tuple[tuple[End, bool], tuple[End, bool]]:
        return (self.low, self.closed_low), (self.high, self.closed_high)


EVERYTHING = Interval(-math.inf, math.inf, False, False)


def exactly(value: int | str | Fraction) -> Interval:
    """The interval of one value."""
    return Interval(Fraction(value), Fraction(value))


def total(intervals: list[Interval]) -> Interval:
    """The sums of one value of each."""
    return sum(intervals, start=exactly(0))


def show(interval: Interval) -> str:
    """The interval in words, such as '26' or '147.25 to 150.35'."""
    if interval.is_exact:
        return number_text(interval.low)
    if math.isinf(interval.low):
        return f"below {number_text(interval.high)}"
    if math.isinf(interval.high):
        return f"above {number_text(interval.low)}"
    low, high = number_text(interval.low), number_text(interval.high)
    return low if low == high else f"{low} to {high}"


def number_text(value: End) -> str:
    """A number with at most five significant digits, whole numbers with all of theirs."""
    return f"{int(value)}" if value == int(value) else f"{float(value):.5g}"


def _product(one: End, one_closed: bool, two: End, two_closed: bool) -> tuple[End, bool]:
    if (one == 0 and one_closed) or (two == 0 and two_closed):
        return Fraction(0), True  # whatever the other is, infinities included
    if 0 in (one, two):
        return Fraction(0), False
    return one * two, one_closed and two_closed


def _outwards(value: float, sign: int) -> End:
    return value if math.isinf(value) else Fraction(value + sign * _SLACK * abs(value))
