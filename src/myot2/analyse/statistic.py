"""One number of the results, with all that a reader needs beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myot2.analyse.rounding import print_number, print_p

NOT_AVAILABLE = "n/a"


@dataclass(frozen=True)
class Statistic:
    """A number, or the reason why there is none.

    Parameters
    ----------
    value : float or int or None
        The number; None with a `reason`.
    n : int or None
        How many participants it rests on.
    ci : tuple of float or None
        95 % confidence interval.
    test, p
        The name of the test and its two-sided p value.
    unit : str or None
        Unit of `value`; None for plain numbers and for fractions (0-1).
    printed : str
        The number as it is to be printed.
    reason : str or None
        Why `value` is None.
    extras : dict
        Further facts, written beside the others.
    """

    value: float | int | None
    printed: str
    n: int | None = None
    ci: tuple[float, float] | None = None
    test: str | None = None
    p: float | None = None
    unit: str | None = None
    reason: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The statistic as the JSON object that docs/stages/analyse.md describes."""
        content: dict[str, Any] = {
            "value": self.value,
            "n": self.n,
            "ci": self.ci,
            "test": self.test,
            "p": self.p,
            "unit": self.unit,
            "printed": self.printed,
        }
        if self.p is not None:
            content["p_printed"] = print_p(self.p)
        if self.reason is not None:
            content["reason"] = self.reason
        return plain({**content, **self.extras})


def number(value: float, decimals: int, **others: Any) -> Statistic:
    """A statistic printed with a fixed count of decimals."""
    return Statistic(value, print_number(value, decimals), **others)


def unavailable(reason: str, **others: Any) -> Statistic:
    """A statistic that cannot be computed, and why."""
    return Statistic(None, NOT_AVAILABLE, reason=reason, **others)


def plain(content: Any) -> Any:
    """The same content in Python's own types, as JSON wants them (numpy scalars and tuples converted)."""
    if isinstance(content, dict):
        return {key: plain(item) for key, item in content.items()}
    if isinstance(content, (list, tuple)):
        return [plain(item) for item in content]
    return content.item() if isinstance(content, np.generic) else content
