"""Checks of comparisons: p values, the n behind them, directions, spreads, and tests beside summaries."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from scipy import stats

from myot2.analyse.claims.check import Check, Count, Ledger, Operand, Severity, Verdict
from myot2.analyse.claims.interval import Interval, show
from myot2.analyse.claims.p_values import MOST_PEOPLE, POSSIBLE, numbers_of_people, p_of_rs, p_of_z

_RANK_TESTS = ("mann_whitney", "wilcoxon", "kruskal_wallis", "spearman")
_LEVEL_OF_SPREAD = 0.01
Test = Literal["mann_whitney", "wilcoxon", "kruskal_wallis", "spearman", "student", "welch", "anova", "pearson"]


class PFromZ(Check):
    """A p value is that of its z."""

    rule: Literal["p_from_z"]
    z: Operand
    p: Operand
    n: Count | None = Field(None, description="How many people were compared.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Two-sided p of the normal distribution."""
        found = p_of_z(ledger.interval(self.z))
        return _p_verdict(found, f"z = {ledger.text(self.z)}", self.p, _n(self.n, ledger), ledger)


class PFromRs(Check):
    """A p value is that of its rank correlation and n."""

    rule: Literal["p_from_rs"]
    rs: Operand
    n: Count
    p: Operand

    def judge(self, ledger: Ledger) -> Verdict:
        """Two-sided p of t with n - 2 degrees of freedom."""
        n = ledger.count(self.n)
        found = p_of_rs(ledger.interval(self.rs), n)
        return _p_verdict(found, f"rs = {ledger.text(self.rs)} of {n}", self.p, n, ledger)


class NFromRsP(Check):
    """The n that a rank correlation and its p value imply is the one that is stated."""

    rule: Literal["n_from_rs_p"]
    rs: Operand
    p: Operand
    n: Count = Field(description="The number of people that the paper implies.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for every n that gives both."""
        stated = ledger.count(self.n)
        numbers = numbers_of_people(ledger.interval(self.rs), ledger.interval(self.p))
        pair = f"rs = {ledger.text(self.rs)} with p = {ledger.text(self.p)}"
        words = _run(numbers) if numbers else f"none up to {MOST_PEOPLE}"
        return Verdict(
            stated in numbers,
            stated,
            f"{pair}, n = {stated}",
            f"n = {words}",
            f"{ledger.what(self.rs)}: {pair} implies n = {words}; {stated} ({ledger.what(self.n)}) "
            + ("is among them" if stated in numbers else "is not"),
        )


class Direction(Check):
    """The sign of a correlation agrees with the difference between those high and low in one of its quantities."""

    severity: ClassVar[Severity] = "warning"

    rule: Literal["direction"]
    correlation: Operand
    high: Operand = Field(description="The mean of one quantity among those who have the other, or much of it.")
    low: Operand = Field(description="The mean of the same quantity among those who have little or none.")
    n: Count | None = Field(None, description="How many people the correlation is of.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Compare the two signs; where one is not certain, they agree."""
        rs, difference = ledger.interval(self.correlation), ledger.interval(self.high) - ledger.interval(self.low)
        signs = _sign(rs), _sign(difference)
        consistent = 0 in signs or signs[0] == signs[1]
        means = f"{ledger.text(self.high)} and {ledger.text(self.low)}"
        return Verdict(
            consistent,
            _n(self.n, ledger),
            f"rs = {ledger.text(self.correlation)}; {means}",
            "a correlation of the other sign" if not consistent else "this sign",
            f"{ledger.what(self.correlation)} is {ledger.text(self.correlation)}; {ledger.what(self.high)} and "
            f"{ledger.what(self.low)} are {means}: the signs {'agree' if consistent else 'contradict each other'}",
        )


class Spread(Check):
    """Two groups that are compared spread alike, or the difference is more than a shift."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["spread"]
    first: Operand = Field(description="SD of the first group.")
    first_n: Count
    second: Operand = Field(description="SD of the second group.")
    second_n: Count
    limit: float = Field(2.0, gt=1, description="Up to this ratio of the SDs the groups count as alike.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Flag a ratio of SDs that is beyond the limit however they were rounded, and beyond chance (F test, 1 %)."""
        sds, ns = [abs(ledger.interval(sd)) for sd in (self.first, self.second)], self._numbers(ledger)
        wide, narrow = (0, 1) if sds[0].middle >= sds[1].middle else (1, 0)
        ratio = float(sds[wide].low / sds[narrow].high)  # the smallest that rounding allows
        p = 2 * float(stats.f.sf(ratio**2, ns[wide] - 1, ns[narrow] - 1)) if min(ns) > 1 else 1.0
        consistent = ratio <= self.limit or p >= _LEVEL_OF_SPREAD
        both = f"{ledger.text(self.first)} (n = {ns[0]}) and {ledger.text(self.second)} (n = {ns[1]})"
        return Verdict(
            consistent,
            sum(ns),
            f"SD {both}",
            f"SDs that differ by no more than {self.limit:g} times",
            f"{ledger.what(self.first)} and {ledger.what(self.second)}: {both}"
            + ("" if consistent else f", at least {ratio:.2g} times as wide: a test of means needs Welch's variances"),
        )

    def _numbers(self, ledger: Ledger) -> tuple[int, int]:
        return ledger.count(self.first_n), ledger.count(self.second_n)


class SummaryVsTest(Check):
    """A p value printed beside means is of a test of means, or the test is named there."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["summary_vs_test"]
    p: Operand
    summary: Literal["mean", "median"] = Field(description="What is printed beside the p value.")
    test: Test = Field(description="The test that it is of, by the paper's methods.")
    labelled: bool = Field(description="Whether the test is named where the p value stands.")
    n: Count | None = Field(None, description="How many people were compared.")

    def judge(self, ledger: Ledger) -> Verdict:
        """A rank test does not compare means, nor does a test of means compare medians."""
        kind = "median" if self.test in _RANK_TESTS else "mean"
        consistent = self.labelled or kind == self.summary
        test = self.test.replace("_", "-").title()
        return Verdict(
            consistent,
            _n(self.n, ledger),
            f"p = {ledger.text(self.p)} beside {self.summary}s",
            f"the test named beside it, or {kind}s",
            f"{ledger.what(self.p)} ({ledger.text(self.p)}) is of {test}'s test and stands beside {self.summary}s"
            + ("" if consistent else f", without the test's name: it does not compare the {self.summary}s"),
        )


def _p_verdict(found: Interval, source: str, p: Operand, n: int | None, ledger: Ledger) -> Verdict:
    printed = ledger.interval(p)
    return Verdict(
        (found & POSSIBLE).overlaps(printed),
        n,
        f"{source}, p = {ledger.text(p)}",
        f"p = {show(found)}",
        f"{ledger.what(p)}: {source} gives p = {show(found)}; {ledger.text(p)} is printed",
    )


def _n(n: Count | None, ledger: Ledger) -> int | None:
    return None if n is None else ledger.count(n)


def _sign(interval: Interval) -> int:
    """1 or -1 where every value has that sign, else 0."""
    return 0 if 0 in interval else (1 if interval.low >= 0 else -1)


def _run(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
