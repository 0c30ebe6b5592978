"""p values adjusted for the number of tests in their family."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

METHODS = {"holm": "holm", "bh": "fdr_bh"}


@dataclass(frozen=True)
class Adjusted:
    """Adjusted p values in the given order, None where there was none; `tested` of `planned` tests have one."""

    method: str
    p: tuple[float | None, ...]
    tested: int
    planned: int


def adjust(p: Sequence[float | None], method: str) -> Adjusted:
    """Adjust one family's p values (0-1; None or NaN for a test that could not be made).

    ``holm`` keeps the chance of any false finding in the family (Scand J Stat 1979;6:65), ``bh`` the expected share
    of false among all findings (Benjamini and Hochberg, J R Stat Soc B 1995;57:289). A test without a p value finds
    nothing and is not counted (as R's p.adjust).

    Raises
    ------
    ValueError
        An unknown method, or a p value outside 0-1.
    """
    from statsmodels.stats.multitest import multipletests

    if method not in METHODS:
        raise ValueError(f"no method '{method}': one of {', '.join(METHODS)}")
    known = [position for position, value in enumerate(p) if value is not None and not math.isnan(value)]
    values = [float(p[position]) for position in known]  # type: ignore[arg-type]
    if any(not 0 <= value <= 1 for value in values):
        raise ValueError("a p value lies outside 0 to 1")
    adjusted: list[float | None] = [None] * len(p)
    if values:
        for position, value in zip(known, multipletests(values, method=METHODS[method])[1], strict=True):
            adjusted[position] = float(value)
    return Adjusted(method, tuple(adjusted), len(values), len(p))


def adjust_families(
    p: Sequence[float | None], families: Sequence[str | None], methods: dict[str, str]
) -> dict[str, Adjusted]:
    """Adjust each family by its method; `p` and `families` run over the same tests, None in no family.

    The p values of a family keep their order.

    Raises
    ------
    ValueError
        As `adjust`, or a family without a method.
    """
    unknown = sorted({name for name in families if name is not None} - set(methods))
    if unknown:
        raise ValueError(f"no method is given for the family {', '.join(unknown)}")
    members = {name: [value for value, family in zip(p, families, strict=True) if family == name] for name in methods}
    return {name: adjust(values, methods[name]) for name, values in members.items() if values}
