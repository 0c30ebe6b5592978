"""Checks of diagnostic accuracy: grids of the area and of shares, bell curves, cutoffs judged where they were made."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from scipy import stats

from myot2.analyse.claims.check import Check, Count, Ledger, Operand, Severity, Verdict
from myot2.analyse.claims.granularity import counts_of, pairs_of
from myot2.analyse.claims.interval import Interval, number_text
from myot2.core.config_section import Section

_LEVEL = 0.05


class AucGrid(Check):
    """An area under the ROC curve is a multiple of half a pair."""

    rule: Literal["auc_grid"]
    auc: Operand
    n_positive: Count
    n_negative: Count

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a U, in steps of one half, that gives the area."""
        n1, n0 = ledger.count(self.n_positive), ledger.count(self.n_negative)
        found = pairs_of(ledger.interval(self.auc), n1, n0)
        middle = round(2 * ledger.interval(self.auc).middle * n1 * n0) / 2
        words = " or ".join(number_text(u) for u in found[:3]) + (" or further" if len(found) > 3 else "")
        near = f"{middle:g} / {n1 * n0} = {middle / (n1 * n0):.6f}"
        return Verdict(
            bool(found),
            n1 + n0,
            f"AUC {ledger.text(self.auc)}, n = {n1} and {n0}",
            f"U = {words} of {n1 * n0}" if found else near,
            f"{ledger.what(self.auc)}: {ledger.text(self.auc)} is "
            + (f"U = {words} of {n1 * n0} pairs" if found else f"no number of {n1 * n0} pairs; the nearest is {near}"),
        )


class SensGrid(Check):
    """A sensitivity, specificity or other share is a count of its n."""

    rule: Literal["sens_grid"]
    value: Operand = Field(description="The share: 96.9 %, or 0.969.")
    n: Count
    count: Operand | None = Field(None, description="The count, where it is printed.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a count that gives the share, and hold it against the printed one."""
        n = ledger.count(self.n)
        found = counts_of(ledger.interval(self.value), n)
        stated = None if self.count is None else ledger.interval(self.count)
        consistent = bool(found) and (stated is None or any(count in stated for count in found))
        words = " or ".join(map(str, found)) or "no count"
        beside = "" if self.count is None else f"; {ledger.text(self.count)} is printed"
        nearest = round(ledger.interval(self.value).middle * n)
        return Verdict(
            consistent,
            n,
            f"{ledger.text(self.value)} of {n}" + (f", {ledger.text(self.count)}" if self.count else ""),
            f"{words} of {n}" if found else f"{nearest} / {n} = {100 * nearest / n:.4g} %",
            f"{ledger.what(self.value)}: {ledger.text(self.value)} is {words} of {n}{beside}",
        )


class Binormal(Check):
    """Two normal distributions with the printed means and SDs would give the reported accuracy."""

    severity: ClassVar[Severity] = "info"

    rule: Literal["binormal"]
    positive_mean: Operand
    positive_sd: Operand
    n_positive: Count
    negative_mean: Operand
    negative_sd: Operand
    n_negative: Count
    cutoff: Operand
    sensitivity: Operand
    auc: Operand

    def judge(self, ledger: Ledger) -> Verdict:
        """Flag an accuracy that is unlikely (5 %) under normal distributions however the numbers were rounded.

        Sensitivity: exact binomial test of the count that was found. AUC: Phi((m1 - m0) / sqrt(s1^2 + s0^2)) with
        Hanley and McNeil's standard error (Radiology 1982;143:29).
        """
        n1, n0 = ledger.count(self.n_positive), ledger.count(self.n_negative)
        missed = n1 - np.array(counts_of(ledger.interval(self.sensitivity), n1), dtype=int)
        if not len(missed):
            words = f"{ledger.text(self.sensitivity)} is no share of {n1}"
            return Verdict(None, n1 + n0, words, "a share that can be", words)
        below = _range_of(self._below, [ledger.interval(name) for name in self._sensitivity_operands()])
        area = _range_of(_area, [ledger.interval(name) for name in self._area_operands()])
        p_missed = max(
            float(stats.binomtest(int(count), n1, share).pvalue)
            for count in missed
            for share in np.linspace(*below, 21)
        )
        reported = ledger.interval(self.auc)
        p_area = max(_p_of_area(reported, float(value), n1, n0) for value in np.linspace(*area, 21))
        consistent = min(p_missed, p_area) >= _LEVEL
        predicted = (
            f"{n1 * sum(below) / 2:.1f} of {n1} below {ledger.text(self.cutoff)} and an AUC of {sum(area) / 2:.3f}"
        )
        counts = " or ".join(map(str, missed))
        return Verdict(
            consistent,
            n1 + n0,
            f"{counts} of {n1} below, AUC {ledger.text(self.auc)}",
            predicted,
            f"{ledger.text(self.positive_mean)} +- {ledger.text(self.positive_sd)} as a normal distribution gives "
            f"{predicted}; reported are {counts} and {ledger.text(self.auc)}"
            + ("" if consistent else ": the values are skewed, and mean +- SD is not their summary"),
        )

    def _sensitivity_operands(self) -> tuple[Operand, ...]:
        return self.cutoff, self.positive_mean, self.positive_sd

    def _area_operands(self) -> tuple[Operand, ...]:
        return self.positive_mean, self.negative_mean, self.positive_sd, self.negative_sd

    @staticmethod
    def _below(cutoff: float, mean: float, sd: float) -> float:
        return float(stats.norm.cdf((cutoff - mean) / max(sd, 1e-12)))


class Judged(Section):
    """A number that was found with a cutoff, and in whom."""

    claim: Operand
    people: str = Field(description="The set of people, of `people` in the file.")


class Derivation(Check):
    """A cutoff is judged in other people than those in whom it was chosen."""

    severity: ClassVar[Severity] = "warning"

    rule: Literal["derivation"]
    cutoff: Operand
    chosen_in: str = Field(description="The set of people in whom it was chosen.")
    beforehand: bool = Field(description="Whether it was fixed before these people were looked at.")
    judged: list[Judged] = Field(min_length=1)

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a set that is part of the one in which the cutoff was chosen, or the other way round."""
        again = [
            item for item in self.judged if not self.beforehand and _share_people(item.people, self.chosen_in, ledger)
        ]
        n = ledger.count(ledger.people[self.chosen_in].n)
        numbers = ", ".join(
            f"{ledger.what(item.claim)} {ledger.text(item.claim)} (n = {ledger.count(ledger.people[item.people].n)})"
            for item in again or self.judged
        )
        where = "beforehand" if self.beforehand else f"in {n} people"
        return Verdict(
            not again,
            n,
            f"cutoff {ledger.text(self.cutoff)} chosen {where}; {numbers}",
            "other people, or a cutoff fixed beforehand",
            f"the cutoff {ledger.text(self.cutoff)} was chosen {where}"
            + (f" and judged in some of the same: {numbers} flatter it" if again else f", apart from {numbers}"),
        )


def _share_people(one: str, other: str, ledger: Ledger) -> bool:
    return other in _larger(one, ledger) or one in _larger(other, ledger)


def _larger(name: str, ledger: Ledger) -> list[str]:
    """The set itself and every set that it is part of."""
    found = [name]
    while (around := ledger.people[found[-1]].within) is not None:
        found.append(around)
    return found


def _range_of(function, intervals: list[Interval]) -> tuple[float, float]:
    """Smallest and largest value over all corners; the functions are monotonic in each argument between them."""
    ends = [(float(interval.low), float(interval.high)) for interval in intervals]
    values = [function(*corner) for corner in np.array(np.meshgrid(*ends)).reshape(len(ends), -1).T]
    return min(values), max(values)


def _area(mean1: float, mean0: float, sd1: float, sd0: float) -> float:
    return float(stats.norm.cdf((mean1 - mean0) / max(math.hypot(sd1, sd0), 1e-12)))


def _p_of_area(reported: Interval, area: float, n1: int, n0: int) -> float:
    """Two-sided p of the reported area, the end that is nearer, if the true one is `area`."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (area * (1 - area) + (n1 - 1) * (q1 - area**2) + (n0 - 1) * (q2 - area**2)) / (n1 * n0)
    distance = max(float(reported.low) - area, area - float(reported.high), 0.0)
    if distance == 0:
        return 1.0
    return float(2 * stats.norm.sf(distance / math.sqrt(variance))) if variance > 0 else 0.0
