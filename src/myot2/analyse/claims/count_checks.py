"""Checks of counts: parts and their total, ratios, classes that shut one another out, statements about everybody."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from myot2.analyse.claims.check import Check, Count, Ledger, Operand, Severity, Verdict
from myot2.analyse.claims.interval import show, total
from myot2.analyse.claims.printed import Printed
from myot2.core.config_section import Section


class PartsSum(Check):
    """Parts add to their total."""

    rule: Literal["parts_sum"]
    parts: list[Operand] = Field(min_length=2, description="The parts.")
    total: Operand = Field(description="What they add to.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Hold the sum of the parts against the total."""
        added = total([ledger.interval(part) for part in self.parts])
        parts, whole = " + ".join(ledger.text(part) for part in self.parts), ledger.text(self.total)
        consistent = added.overlaps(ledger.interval(self.total))
        return Verdict(
            consistent,
            ledger.whole(self.total),
            f"{parts} = {whole}",
            show(added),
            f"{', '.join(ledger.what(part) for part in self.parts)}: {parts} adds to {show(added)}"
            + (
                f", as printed ({ledger.what(self.total)})" if consistent else f"; {ledger.what(self.total)} is {whole}"
            ),
        )


class Ratio(Check):
    """A ratio, share or product is that of its two numbers."""

    rule: Literal["ratio"]
    numerator: Operand
    denominator: Operand
    value: Operand = Field(description="numerator / denominator, as printed: 48 %, 1.46, or a:b, which means b / a.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Hold the quotient against the printed value."""
        quotient = ledger.interval(self.numerator) / ledger.interval(self.denominator)
        two = f"{ledger.text(self.numerator)} / {ledger.text(self.denominator)}"
        printed = ledger.printed(self.value) if self.value in ledger.claims else None
        exact = _like(printed, quotient.middle)
        return Verdict(
            quotient.overlaps(ledger.interval(self.value)),
            self._people(ledger, printed),
            f"{two} = {ledger.text(self.value)}",
            exact,
            f"{ledger.what(self.value)}: {two} is {exact}; {ledger.text(self.value)} is printed",
        )

    def _people(self, ledger: Ledger, printed: Printed | None) -> int | None:
        """A share is of its denominator, a:b of both together, and any other quotient of no people."""
        if printed is None or printed.form not in ("percent", "ratio"):
            return None
        both = f"{self.numerator} + {self.denominator}"
        return ledger.whole(Operand(both) if printed.form == "ratio" else self.denominator)


class Overlap(Section):
    """Two classes of which one person can be in both."""

    pair: tuple[str, str] = Field(description="The two classes.")
    why: str = Field(description="By which definitions.")


class Exclusive(Check):
    """Classes that are counted as shutting one another out do so by their definitions."""

    severity: ClassVar[Severity] = "warning"

    rule: Literal["exclusive"]
    classes: dict[str, Operand] = Field(min_length=2, description="Each class and how many are in it.")
    total: Operand = Field(description="How many people there are.")
    overlaps: list[Overlap] = Field(default_factory=list, description="Pairs of classes that one person can be in.")
    precedence: str | None = Field(
        None, description="The paper's rule for who is in two classes, in its own words; null where it states none."
    )

    def judge(self, ledger: Ledger) -> Verdict:
        """Everybody is in one class only, though definitions overlap and no rule says which class comes first."""
        added = total([ledger.interval(part) for part in self.classes.values()])
        each_once = added.overlaps(ledger.interval(self.total))
        parts = " + ".join(f"{ledger.text(part)} {name}" for name, part in self.classes.items())
        reasons = "; ".join(f"{' and '.join(overlap.pair)}: {overlap.why}" for overlap in self.overlaps)
        consistent = not (each_once and self.overlaps and self.precedence is None)
        how = "each person is counted in one class" if each_once else "people are counted in several classes"
        return Verdict(
            consistent,
            ledger.whole(self.total),
            f"{parts} = {ledger.text(self.total)}",
            "one class per person" if consistent else "classes counted apart from one another, or a rule of precedence",
            f"{parts}: {how}"
            + ("" if consistent else f", but definitions overlap ({reasons}) and no rule says which comes first"),
        )


class Everybody(Check):
    """What is said of everybody is found in everybody."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["everybody"]
    statement: str = Field(description="What is said of everybody.")
    people: Count = Field(description="How many they are.")
    share: Operand = Field(description="The share in which it was found.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Hold the printed share against 100 %."""
        n, share = ledger.count(self.people), ledger.interval(self.share)
        consistent = 1 in share
        return Verdict(
            consistent,
            n,
            f"{self.statement}; {ledger.what(self.share)}: {ledger.text(self.share)}",
            "100 %",
            f"'{self.statement}' is said of all {n}, and {ledger.what(self.share)} is {ledger.text(self.share)}"
            + ("" if consistent else ": the two cannot both stand for the same state"),
        )


def _like(printed: Printed | None, value: float) -> str:
    """A value as it would be printed in the place of a number."""
    if printed is None or printed.form not in ("percent", "ratio", "number"):
        return f"{value:.5g}"
    digits = printed.like_this(value)
    if printed.form == "ratio":
        return f"{printed.text.partition(':')[0]}:{digits}"
    return f"{digits} %" if printed.form == "percent" else digits
