"""Checks of facts: one value per fact, classes without holes, people who meet the criteria they were chosen by."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from myot2.analyse.claims.check import Check, Count, Ledger, Operand, Severity, Verdict
from myot2.analyse.claims.interval import EVERYTHING, End, Interval, exactly, number_text
from myot2.core.config_section import Section

_NUMBER = r"\d+\.?\d*"
_CLASS = re.compile(rf"({_NUMBER})|({_NUMBER})-(<?)({_NUMBER})|([<>]=?)({_NUMBER})")


class UniqueValue(Check):
    """One fact has one value, wherever it is printed."""

    rule: Literal["unique_value"]
    fact: str = Field(description="What it is.")
    values: list[Operand] = Field(min_length=2, description="The places where it is printed.")
    n: Count | None = Field(None, description="How many people it is of.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a value that all can stand for."""
        common = EVERYTHING
        for value in self.values:
            common = common & ledger.interval(value)
        printed = [f"{ledger.text(value)} ({_places(value, ledger)})" for value in self.values]
        return Verdict(
            not common.is_empty,
            None if self.n is None else ledger.count(self.n),
            ", ".join(printed),
            "one value",
            f"{self.fact}: {' and '.join(printed)}" + ("" if not common.is_empty else "; one of them at most is right"),
        )


class Partition(Check):
    """The classes of a score cover its whole range, and nothing twice."""

    rule: Literal["partition"]
    quantity: str = Field(description="What is put into classes.")
    classes: dict[str, str] = Field(
        min_length=2, description="Each class's name and range: '0', '10-25', '10-<25', '<10', '>=75'."
    )
    span: str = Field(description="The range that is to be covered, such as '0-100'.")
    step: Operand = Field(
        Operand("0"), description="What the values are multiples of, such as 1 for whole years; 0: any value can be."
    )

    @field_validator("span")
    @classmethod
    def _range(cls, text: str) -> str:
        _class_of(text, None)
        return text

    @field_validator("classes")
    @classmethod
    def _ranges(cls, classes: dict[str, str]) -> dict[str, str]:
        for text in classes.values():
            _class_of(text, EVERYTHING)
        return classes

    def judge(self, ledger: Ledger) -> Verdict:
        """Walk along the classes in the order of their ranges."""
        span, step = _class_of(self.span, None), Fraction(ledger.interval(self.step).low)
        ranges = sorted(
            ((name, _class_of(text, span)) for name, text in self.classes.items()), key=lambda pair: pair[1].low
        )
        problems = [_hole(_before(span), ranges[0][1], step), _hole(ranges[-1][1], _after(span), step)]
        for (_, one), (_, other) in zip(ranges, ranges[1:], strict=False):
            problems += [_hole(one, other, step), _twice(one, other)]
        found = [problem for problem in problems if problem]
        printed = "; ".join(f"{name}: {text}" for name, text in self.classes.items())
        return Verdict(
            not found,
            None,
            printed,
            f"classes that cover {self.span}, each value once",
            f"classes of {self.quantity} ({printed}): "
            + ("; ".join(found) if found else f"they cover {self.span}, each value once"),
        )


class Member(Section):
    """Somebody who was included."""

    who: str
    lacks: list[str] = Field(description="The criteria that are not met, by the names in `criteria`.")


class Inclusion(Check):
    """Whoever was included meets the criteria of inclusion."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["inclusion"]
    criteria: dict[str, str] = Field(min_length=1, description="A name for each criterion, and its words.")
    required: list[str] = Field(default_factory=list, description="Criteria that must be met.")
    at_least: int = Field(0, ge=0, description="How many of the others must be met.")
    members: list[Member] = Field(min_length=1)
    n: Count | None = Field(None, description="How many people were included.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Count, for each member, the criteria that may be met."""
        others = [name for name in self.criteria if name not in self.required]
        failing = []
        for member in self.members:
            missing = [self.criteria[name] for name in self.required if name in member.lacks]
            most = sum(name not in member.lacks for name in others)
            if missing:
                failing.append(f"{member.who} lacks what is required ({', '.join(missing)})")
            elif most < self.at_least:
                failing.append(
                    f"{member.who} meets at most {most} of {', '.join(others)}, and {self.at_least} are needed"
                )
        rule = f"{', '.join(self.required)} and {self.at_least} of {', '.join(others)}"
        return Verdict(
            not failing,
            None if self.n is None else ledger.count(self.n),
            "; ".join(f"{member.who} lacks {', '.join(member.lacks) or 'nothing'}" for member in self.members),
            rule,
            "; ".join(failing) if failing else "whoever is named meets the criteria",
        )


def _places(value: Operand, ledger: Ledger) -> str:
    return ", ".join(ledger.claims[name].where for name in value.names()) or "computed"


def _class_of(text: str, span: Interval | None) -> Interval:
    """A class's range; one that is open to a side ends with the span."""
    found = _CLASS.fullmatch(text.replace("\u2013", "-").replace(" ", "").removesuffix("%"))
    if not found:
        raise ValueError(f"{text!r} is no range such as '0', '10-25', '10-<25', '<10' or '>=75'")
    point, low, below, high, sign, end = found.groups()
    if point:
        return exactly(point)
    if low:
        if Fraction(low) > Fraction(high):
            raise ValueError(f"{text!r} begins above its end")
        return Interval(Fraction(low), Fraction(high), True, not below)
    if span is None:
        raise ValueError(f"{text!r} has one end only")
    if sign.startswith("<"):
        return Interval(span.low, Fraction(end), span.closed_low, sign == "<=")
    return Interval(Fraction(end), span.high, sign == ">=", span.closed_high)


def _before(span: Interval) -> Interval:
    return Interval(-math.inf, span.low, False, not span.closed_low)


def _after(span: Interval) -> Interval:
    return Interval(span.high, math.inf, not span.closed_high, False)


def _hole(one: Interval, other: Interval, step: End) -> str:
    """Values between two classes that are in neither."""
    if other.low - one.high > step:
        return f"nothing covers {number_text(one.high)} to {number_text(other.low)}"
    if other.low == one.high and not one.closed_high and not other.closed_low:
        return f"nothing covers {number_text(one.high)}"
    return ""


def _twice(one: Interval, other: Interval) -> str:
    common = one & other
    if common.is_empty:
        return ""
    if common.is_exact:
        return f"{number_text(common.low)} is in two classes"
    return f"{number_text(common.low)} to {number_text(common.high)} is in two classes"
