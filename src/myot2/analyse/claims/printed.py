"""What a printed number stands for: the text is kept, for its trailing zeros say how finely it was rounded."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from myot2.analyse.claims.interval import Interval, exactly
from myot2.analyse.rounding import print_number

Form = Literal["number", "percent", "ratio", "duration", "bound"]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_FORMS: dict[Form, re.Pattern[str]] = {
    "number": re.compile(rf"({_NUMBER})"),
    "percent": re.compile(rf"({_NUMBER}) ?%"),
    "ratio": re.compile(r"(\d+) ?: ?(\d+\.?\d*)"),
    "duration": re.compile(r"(\d+) ?min ?(\d+) ?s"),
    "bound": re.compile(r"([<>]) ?(\d*\.?\d+)"),
}
FORMS = "a number (47.4), a percentage (96.9 %), a ratio (1:1.5), a duration (1 min 49 s) or a bound (<0.001)"


@dataclass(frozen=True)
class Printed:
    """A printed number.

    Parameters
    ----------
    text : str
        As it is printed.
    form : str
        What kind of number it is.
    interval : Interval
        What it can stand for: fractions (0-1) for a percentage, b / a for a ratio a:b, seconds for a duration.
    digits : str
        The digits that were rounded, such as '9.0'; of a ratio those of b, of a bound those behind the sign.
    unit_of_digits : Fraction
        What the digits are multiplied by to give the quantity: 1/100 for a percentage.
    """

    text: str
    form: Form
    interval: Interval
    digits: str
    unit_of_digits: Fraction = Fraction(1)

    @property
    def decimals(self) -> int:
        """How many decimals are printed."""
        return len(self.digits.partition(".")[2])

    @property
    def step(self) -> Fraction:
        """The width of the rounding: the unit of the last printed digit, in the quantity's unit."""
        return Fraction(1, 10**self.decimals) * self.unit_of_digits

    def rounding_interval(self) -> Interval:
        """What the number can stand for if it was rounded, though it may be written as a whole number."""
        return self.interval if self.form == "bound" else _rounded(self.digits, self.unit_of_digits)

    def is_what_prints(self, value: float) -> bool:
        """Whether a value, rounded half away from zero to as many decimals, gives this text.

        A bound is met by what lies beyond it, if it is one that is in use: 0.05, 0.01, 0.001 and so on.
        """
        if self.form == "bound":
            usual = self.digits == "0.05" or re.fullmatch(r"0\.0*1", self.digits) is not None
            return usual and Fraction(value) in self.interval
        return self.like_this(value) == _plain(self.digits)

    def like_this(self, value: float) -> str:
        """The digits that a value would be printed with in this number's place."""
        return print_number(value / float(self.unit_of_digits), self.decimals)


def parse(text: str, *, exact: bool | None = None) -> Printed:
    """Read a printed number.

    Parameters
    ----------
    text : str
        The number as it is printed, without its unit. A Unicode minus sign is taken.
    exact : bool, optional
        Whether it is exact (a count) or rounded. None: a number without decimals is exact, everything else rounded.

    Raises
    ------
    ValueError
        It has none of the forms.
    """
    plain = " ".join(text.replace("\u2212", "-").replace("\u00a0", " ").split())
    for form, pattern in _FORMS.items():
        found = pattern.fullmatch(plain)
        if found:
            return _READERS[form](text, found.groups(), exact)
    raise ValueError(f"{text!r} is not {FORMS}")


def _number(text: str, groups: tuple[str, ...], exact: bool | None) -> Printed:
    digits = groups[0]
    is_exact = "." not in digits if exact is None else exact
    return Printed(text, "number", exactly(digits) if is_exact else _rounded(digits), digits)


def _percent(text: str, groups: tuple[str, ...], exact: bool | None) -> Printed:
    unit = Fraction(1, 100)
    interval = exactly(Fraction(groups[0]) * unit) if exact else _rounded(groups[0], unit)
    return Printed(text, "percent", interval, groups[0], unit)


def _ratio(text: str, groups: tuple[str, ...], exact: bool | None) -> Printed:
    first, second = groups
    if int(first) == 0:
        raise ValueError(f"{text!r} is a ratio to nothing")
    unit = Fraction(1, int(first))
    return Printed(text, "ratio", exactly(Fraction(second) * unit) if exact else _rounded(second, unit), second, unit)


def _duration(text: str, groups: tuple[str, ...], exact: bool | None) -> Printed:
    seconds = str(60 * int(groups[0]) + int(groups[1]))
    return Printed(text, "duration", exactly(seconds) if exact else _rounded(seconds), seconds)


def _bound(text: str, groups: tuple[str, ...], exact: bool | None) -> Printed:
    sign, digits = groups
    end = Fraction(digits)
    below = Interval(-math.inf, end, False, False)
    return Printed(text, "bound", below if sign == "<" else Interval(end, math.inf, False, False), digits)


_READERS = {"number": _number, "percent": _percent, "ratio": _ratio, "duration": _duration, "bound": _bound}


def _rounded(digits: str, unit: Fraction = Fraction(1)) -> Interval:
    """Everything that rounds, halves away from zero, to these digits: [x - h, x + h), mirrored below zero."""
    value = Fraction(digits)
    half = Fraction(1, 2 * 10 ** len(digits.partition(".")[2]))
    low, high = (value - half) * unit, (value + half) * unit
    return Interval(low, high, closed_low=value > 0, closed_high=value < 0)


def _plain(digits: str) -> str:
    """The digits as `print_number` writes them: a leading zero, no plus, no minus on a zero."""
    value = Decimal(digits)
    return f"{abs(value) if value.is_zero() else value:f}"
