"""Numbers as they are printed: half away from zero, as statistics packages and the study do."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

P_FLOOR = Decimal("0.0005")
"""p values below this print as '<0.001'; at three decimals they would print as 0.000."""


def print_number(value: float, decimals: int) -> str:
    """A number with a fixed count of decimals, halves away from zero; no minus sign on a zero.

    Python's own formatting rounds the binary number half to even: ``f"{44.25:.1f}"`` is 44.2, the study prints 44.3.
    The decimal is taken at 15 significant digits, all that a double carries faithfully (C's DBL_DIG), so that noise of
    the last bit, such as 33.849999999999994, does not decide a half.
    """
    rounded = Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{abs(rounded) if rounded.is_zero() else rounded:f}"


def print_p(p: float) -> str:
    """A p value with three decimals, or '<0.001'."""
    return "<0.001" if Decimal(f"{p:.15g}") < P_FLOOR else print_number(p, 3)


def print_percent(fraction: float) -> str:
    """A fraction (0-1) as a percentage with one decimal, such as '96.9 %'."""
    return f"{print_number(100 * fraction, 1)} %"


def print_interval(ci: tuple[float, float], decimals: int) -> str:
    """Both ends of an interval, such as '0.958 to 1.000'."""
    return " to ".join(print_number(end, decimals) for end in ci)


def print_percents(ci: tuple[float, float]) -> str:
    """Both ends of an interval of fractions (0-1), such as '89.2 % to 99.6 %'."""
    return " to ".join(print_percent(end) for end in ci)
