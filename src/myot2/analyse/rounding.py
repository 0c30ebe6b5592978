"""How p values, percentages and intervals are printed; a number by itself is `myot2.core.rounding`'s."""

from __future__ import annotations

from decimal import Decimal

from myot2.core.rounding import print_number

P_FLOOR = Decimal("0.0005")
"""p values below this print as '<0.001'; at three decimals they would print as 0.000."""


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
