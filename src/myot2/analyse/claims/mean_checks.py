"""Checks of means and standard deviations: whether they can be had, and whether groups and whole agree."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from pydantic import Field

from myot2.analyse.claims.check import Check, Count, Ledger, Operand, Verdict
from myot2.analyse.claims.granularity import neighbours, squares_of, sums_of
from myot2.analyse.claims.interval import Interval, number_text, show, total
from myot2.analyse.claims.pooling import Sample, mean_of_rest, pooled_mean, pooled_sd_squared, sum_of
from myot2.core.config_section import Section


class Grim(Check):
    """A mean of whole numbers is one that so many whole numbers can have."""

    rule: Literal["grim"]
    mean: Operand
    n: Count
    step: Operand = Field(Operand("1"), description="What the values are multiples of.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a sum that gives the mean."""
        n, mean = ledger.count(self.n), ledger.interval(self.mean)
        step = Fraction(ledger.interval(self.step).low)
        consistent = bool(sums_of(mean, n, step))
        powerless = not mean.is_exact and mean.high - mean.low >= step / n
        low, high = (number_text(value) for value in neighbours(mean, n, step))
        return Verdict(
            consistent,
            n,
            f"mean {ledger.text(self.mean)}, n = {n}",
            f"{low} or {high}",
            f"{ledger.what(self.mean)}: {n} whole numbers "
            + (f"can have the mean {ledger.text(self.mean)}" if consistent else f"have the means {low} or {high}")
            + ("; any mean of so few decimals could be had" if powerless else "")
            + ("" if consistent else f"; {ledger.text(self.mean)} is printed"),
        )


class Grimmer(Check):
    """A mean and a standard deviation are those that so many whole numbers can have."""

    rule: Literal["grimmer"]
    mean: Operand
    sd: Operand
    n: Count
    scale: tuple[int, int] | None = Field(None, description="Lowest and highest value that can be; null: unbounded.")

    def judge(self, ledger: Ledger) -> Verdict:
        """Look for a sum and a sum of squares that give both."""
        n = ledger.count(self.n)
        found, enumerated = squares_of(ledger.interval(self.mean), ledger.interval(self.sd), n, self.scale)
        both = f"{ledger.text(self.mean)} +- {ledger.text(self.sd)}"
        how = f"of {self.scale[0]} to {self.scale[1]}" if enumerated and self.scale else "(by parity)"
        return Verdict(
            bool(found),
            n,
            f"{both}, n = {n}",
            f"{len(found)} pairs of sum and sum of squares",
            f"{ledger.what(self.mean)}: {n} whole numbers {how} {'can' if found else 'cannot'} have {both}",
        )


class GroupMean(Section):
    """A group's mean and how many it is of."""

    mean: Operand
    n: Count


class GroupSpread(GroupMean):
    """A group's mean and SD."""

    sd: Operand


class PooledMean(Check):
    """The mean of the whole is that of its groups together."""

    rule: Literal["pooled_mean"]
    groups: list[GroupMean] = Field(min_length=2)
    whole: GroupMean

    def judge(self, ledger: Ledger) -> Verdict:
        """Pool the groups; of people in no group, say which mean they must have."""
        samples, everybody = [_sample(group, ledger) for group in self.groups], _sample(self.whole, ledger)
        grouped = sum(sample.n for sample in samples)
        printed = f"{_groups_text(self.groups, ledger)}; all: {ledger.text(self.whole.mean)} (n = {everybody.n})"
        if grouped > everybody.n:
            return _too_many(grouped, everybody.n, printed)
        if grouped < everybody.n:
            rest = mean_of_rest(samples, everybody)
            return Verdict(
                None,
                everybody.n,
                printed,
                f"a mean of {show(rest)} in the other {everybody.n - grouped}",
                f"{grouped} of {everybody.n} people are in the groups; the others' mean would have to be {show(rest)}",
            )
        pooled = pooled_mean(samples)
        return Verdict(
            pooled.overlaps(everybody.mean),
            everybody.n,
            printed,
            show(pooled),
            f"{ledger.what(self.whole.mean)}: the groups together have {show(pooled)}; "
            f"{ledger.text(self.whole.mean)} is printed",
        )


class PooledSd(Check):
    """The SD of the whole is that of its groups together."""

    rule: Literal["pooled_sd"]
    groups: list[GroupSpread] = Field(min_length=2)
    whole: GroupSpread

    def judge(self, ledger: Ledger) -> Verdict:
        """Pool the groups' variances, and add that between their means."""
        samples, everybody = [_sample(group, ledger) for group in self.groups], _sample(self.whole, ledger)
        grouped = sum(sample.n for sample in samples)
        printed = f"{_groups_text(self.groups, ledger)}; all: {ledger.text(self.whole.sd)} (n = {everybody.n})"
        if grouped > everybody.n:
            return _too_many(grouped, everybody.n, printed)
        if grouped < everybody.n:
            sentence = f"{grouped} of {everybody.n} people are in the groups: the SD of the whole does not follow"
            return Verdict(None, everybody.n, printed, "everybody in a group", sentence)
        square = pooled_sd_squared(samples)
        pooled = show(Interval(max(float(square.low), 0.0) ** 0.5, float(square.high) ** 0.5))
        return Verdict(
            square.overlaps(abs(everybody.sd).squared()),
            everybody.n,
            printed,
            pooled,
            f"{ledger.what(self.whole.sd)}: the groups together have {pooled}; {ledger.text(self.whole.sd)} is printed",
        )


class CrossSum(Check):
    """One total, split in several ways, is the same total."""

    rule: Literal["cross_sum"]
    splits: list[list[GroupMean]] = Field(min_length=2, description="Each way of splitting; its groups' means and n.")
    whole_numbers: bool = Field(True, description="Whether the values are whole numbers.")
    may_be_fewer: Count | None = Field(
        None, description="A group's n that may be too large because values are missing; those that fit are named."
    )

    def judge(self, ledger: Ledger) -> Verdict:
        """Add n times mean over each split."""
        sums = [self._sum(split, ledger, {}) for split in self.splits]
        texts = [
            f"{_groups_text(split, ledger)} adds to {show(added)}"
            for split, added in zip(self.splits, sums, strict=True)
        ]
        fitting = self._fitting(ledger)
        expected = f"{ledger.what(self.may_be_fewer)} = {_list(fitting)}" if fitting else "equal sums"
        people = max(sum(ledger.count(group.n) for group in split) for split in self.splits)
        consistent = self._agree(sums)
        sentence = "; ".join(texts)
        if not consistent:
            sentence += ": no total has both"
            if fitting:
                given = ledger.count(self.may_be_fewer)
                sentence += (
                    f"; it fits with {_list(fitting)} in place of {given} ({people - given + fitting[-1]} in all)"
                )
        return Verdict(consistent, people, " | ".join(texts), expected, sentence)

    def _fitting(self, ledger: Ledger) -> list[int]:
        """Smaller numbers of that group at which the sums agree."""
        if self.may_be_fewer is None:
            return []
        numbers = range(1, ledger.count(self.may_be_fewer))
        return [
            n
            for n in numbers
            if self._agree([self._sum(split, ledger, {self.may_be_fewer: n}) for split in self.splits])
        ]

    def _sum(self, split: list[GroupMean], ledger: Ledger, instead: dict[str, int]) -> Interval:
        samples = [Sample(instead.get(group.n, ledger.count(group.n)), ledger.interval(group.mean)) for group in split]
        return total([sum_of(sample, whole=self.whole_numbers) for sample in samples])

    @staticmethod
    def _agree(sums: list[Interval]) -> bool:
        common = sums[0]
        for added in sums[1:]:
            common = common & added
        return not common.is_empty and not any(added.is_empty for added in sums)


def _sample(group: GroupMean, ledger: Ledger) -> Sample:
    sd = ledger.interval(group.sd) if isinstance(group, GroupSpread) else None
    return Sample(ledger.count(group.n), ledger.interval(group.mean), sd)


def _groups_text(groups: list[GroupMean] | list[GroupSpread], ledger: Ledger) -> str:
    return ", ".join(
        ledger.text(group.mean)
        + (f" +- {ledger.text(group.sd)}" if isinstance(group, GroupSpread) else "")
        + f" (n = {ledger.count(group.n)})"
        for group in groups
    )


def _too_many(grouped: int, everybody: int, printed: str) -> Verdict:
    sentence = f"the groups have {grouped} people, all together {everybody}"
    return Verdict(False, everybody, printed, f"at most {everybody} people in the groups", sentence)


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
