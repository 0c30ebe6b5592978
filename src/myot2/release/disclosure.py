"""Counts that may be shown: small ones are redacted, all others rounded, and no small one is left to be subtracted.

The rules are OpenSAFELY's (https://docs.opensafely.org/outputs/sdc/): counts up to 7 are redacted, then the others are
rounded to the nearest 5; totals are made of the rounded parts; 0 % and 100 % of a group tell of everybody in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REDACTED = "[REDACTED]"
"""What is printed in the place of a small number, letter by letter as output checkers expect it."""


@dataclass(frozen=True)
class Disclosure:
    """How strict a release is.

    Parameters
    ----------
    redact_up_to : int
        A count of so many people or fewer is redacted, zero too.
    round_to : int
        Other counts are rounded to a multiple of it.

    Raises
    ------
    ValueError
        A limit is below OpenSAFELY's: it may be stricter, never laxer.
    """

    redact_up_to: int = 7
    round_to: int = 5

    def __post_init__(self) -> None:
        if self.redact_up_to < 7 or self.round_to < 5:
            raise ValueError("counts up to 7 at least are redacted, and others rounded to 5 at least")

    @property
    def least(self) -> int:
        """The fewest people whom a number may rest on."""
        return self.redact_up_to + 1

    def count(self, people: int) -> int | None:
        """A count as it may be shown, halves rounded up; None where it is to be redacted."""
        if people <= self.redact_up_to:
            return None
        rounded = (2 * people + self.round_to) // (2 * self.round_to) * self.round_to
        return rounded if rounded > self.redact_up_to else None


@dataclass(frozen=True)
class Parts:
    """Counts that add up, as they may be shown: each part by its name, None where redacted, and the total."""

    parts: Mapping[str, int | None]
    total: int | None


def partition(parts: Mapping[str, int], how: Disclosure, whole: int | None = None) -> Parts:
    """The parts of a whole, so that none of the redacted ones can be had by subtraction.

    Where a part is small, the smallest of the others goes too (secondary suppression), however many are small: else
    three redacted parts of 21 people would be seven each, for a large one among them would have been shown. What the
    parts lack of the whole is a part that is not shown, and may be small too. Where every part is shown, the total is
    their sum.

    Parameters
    ----------
    parts : mapping
        Name to number of people; nobody is in two parts.
    how : Disclosure
        The rules.
    whole : int, optional
        How many people there are; by default all are in some part.

    Raises
    ------
    ValueError
        The parts have more people than the whole.
    """
    everybody = sum(parts.values()) if whole is None else whole
    rest = everybody - sum(parts.values())
    if rest < 0:
        raise ValueError("the parts have more people than the whole")
    shown = {name: how.count(people) for name, people in parts.items()}
    small = None in shown.values() or 0 < rest <= how.redact_up_to
    others = [name for name, value in shown.items() if value is not None]
    if small and others:
        shown[min(others, key=lambda name: (parts[name], name))] = None
    complete = rest == 0 and None not in shown.values()
    return Parts(shown, sum(shown.values()) if complete else how.count(everybody))


def share(part: int, whole: int, how: Disclosure) -> tuple[int, int] | None:
    """Numerator and denominator of a proportion, rounded; None where it or what is left of it is a small count."""
    shown = partition({"in": part, "out": whole - part}, how)
    inside = shown.parts["in"]
    return None if inside is None or shown.total is None else (inside, shown.total)
