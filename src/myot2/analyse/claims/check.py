"""What a check is made of: claims, operands that name them, and the verdict."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, StringConstraints, field_validator
from pydantic_core import core_schema

from myot2.analyse.claims.interval import Interval, exactly
from myot2.analyse.claims.printed import Printed, parse
from myot2.core.config_section import Section

Severity = Literal["error", "warning", "info"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
Title = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

_TERM = r"(?:[a-z][a-z0-9_]*|\d+\.?\d*)"
_OPERAND = re.compile(rf"{_TERM}(?: [+-] {_TERM})*")


class Operand(str):
    """The name of a claim, a plain number, or names and numbers joined by ` + ` and ` - `: 'patients - ass'."""

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(cls._checked, core_schema.str_schema(strict=True))

    @classmethod
    def _checked(cls, text: str) -> Operand:
        if not _OPERAND.fullmatch(text):
            raise ValueError("not the name of a claim, a number, or several of them joined by ' + ' and ' - '")
        return cls(text)

    def terms(self) -> list[tuple[int, str]]:
        """Each term with its sign."""
        first, *others = re.split(r" ([+-]) ", self)
        signs = [1, *(1 if sign == "+" else -1 for sign in others[::2])]
        return list(zip(signs, [first, *others[1::2]], strict=True))

    def names(self) -> list[str]:
        """The claims that it names."""
        return [term for _, term in self.terms() if not term[0].isdigit()]


class Count(Operand):
    """An operand that must be a whole number of at least 1: how many people."""


class Claim(Section):
    """One printed number."""

    value: str = Field(strict=True, description="The number as it is printed, in quotes; trailing zeros matter.")
    what: str = Field(description="What it is the number of.")
    where: str = Field(description="Where it is printed.")
    unit: str | None = Field(None, description="Its unit, for readers.")
    n: Count | None = Field(None, description="The number of people it rests on.")
    key: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.-]+(:[A-Za-z0-9_]+)?$",
        description="The same number in statistics.json: roc.auc, or spearman.ck:p for another part of the entry.",
    )
    exact: bool | None = Field(
        None, description="Whether it is a count (true) or was rounded; null: exact where it has no decimals and no %."
    )
    magnitude: bool = Field(False, description="Whether it is printed without its sign, as z often is.")

    @field_validator("value")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse(text)
        return text

    @property
    def printed(self) -> Printed:
        """The number as read."""
        return parse(self.value, exact=self.exact)


class GroupOfPeople(Section):
    """A set of people that numbers are of."""

    n: Count = Field(description="How many they are.")
    within: str | None = Field(None, description="The larger set that they are part of.")


@dataclass(frozen=True)
class Ledger:
    """What checks may look at: the claims, the sets of people, and the sidecars of images where they are given."""

    claims: Mapping[str, Claim]
    people: Mapping[str, GroupOfPeople] = field(default_factory=dict)
    sidecars: Sequence[Mapping[str, Any]] = ()

    def printed(self, name: str) -> Printed:
        """A claim's printed number."""
        return self.claims[name].printed

    def interval(self, operand: Operand) -> Interval:
        """All values that an operand can have."""
        found = exactly(0)
        for sign, term in operand.terms():
            value = exactly(term) if term[0].isdigit() else self.printed(term).interval
            found = found + (value if sign > 0 else -value)
        return found

    def is_count(self, operand: Operand) -> bool:
        """Whether an operand is one whole number of at least 1."""
        interval = self.interval(operand)
        return interval.is_exact and interval.low == int(interval.low) and interval.low >= 1

    def count(self, operand: Count) -> int:
        """How many people an operand says."""
        return int(self.interval(operand).low)

    def whole(self, operand: Operand) -> int | None:
        """The same of any operand; None where it is no count."""
        return self.count(Count(operand)) if self.is_count(operand) else None

    def text(self, operand: Operand) -> str:
        """An operand with the printed numbers in place of the names."""
        return re.sub(r"[a-z][a-z0-9_]*", lambda name: self.claims[name[0]].value, operand)

    def what(self, operand: Operand) -> str:
        """What an operand is the number of."""
        return re.sub(r"[a-z][a-z0-9_]*", lambda name: self.claims[name[0]].what, operand)


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    `consistent` is None where it could not be checked. `printed` is what the paper says, `expected` what would be
    consistent with the rest, `sentence` says it to a person. `n` is the number of people it rests on, None where it
    is about no people.
    """

    consistent: bool | None
    n: int | None
    printed: str
    expected: str
    sentence: str


class Check(Section):
    """One thing to be checked; each rule is a class below it, and `rule` its name."""

    severity: ClassVar[Severity] = "error"

    id: Title = Field(description="A name of your own for this check.")
    topic: str | None = Field(None, description="Findings of one topic count as one inconsistency.")

    @abstractmethod
    def judge(self, ledger: Ledger) -> Verdict:
        """Hold the claims against one another."""

    def operands(self) -> list[Operand]:
        """Every operand, wherever it stands in the check."""
        return list(_operands_in(self))

    def claims(self) -> list[str]:
        """Every claim that the check looks at, once."""
        return list(dict.fromkeys(name for operand in self.operands() for name in operand.names()))


def _operands_in(value: Any) -> Iterator[Operand]:
    if isinstance(value, Operand):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _operands_in(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from _operands_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _operands_in(item)
