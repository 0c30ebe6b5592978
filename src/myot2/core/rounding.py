"""Numbers as they are printed: half away from zero, as statistics packages and the study do."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def print_number(value: float, decimals: int) -> str:
    """A number with a fixed count of decimals, halves away from zero; no minus sign on a zero.

    Python's own formatting rounds the binary number half to even: ``f"{44.25:.1f}"`` is 44.2, the study prints 44.3.
    The decimal is taken at 15 significant digits, all that a double carries faithfully (C's DBL_DIG), so that noise of
    the last bit, such as 33.849999999999994, does not decide a half.

    Parameters
    ----------
    value : float
        A finite number.
    decimals : int
        Decimals that are printed; a negative count rounds to tens, hundreds and so on.
    """
    unit = Decimal(1).scaleb(-decimals)
    rounded = (Decimal(f"{value:.15g}") / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP) * unit
    return f"{abs(rounded) if rounded.is_zero() else rounded:f}"
