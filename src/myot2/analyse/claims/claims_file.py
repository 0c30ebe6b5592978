"""A file of claims: what a paper prints, and what is to be checked of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Union

import yaml
from pydantic import Field, ValidationError, model_validator

from myot2.analyse.claims.accuracy_checks import AucGrid, Binormal, Derivation, SensGrid
from myot2.analyse.claims.check import Check, Claim, Count, GroupOfPeople, Ledger, Name
from myot2.analyse.claims.comparison_checks import Direction, NFromRsP, PFromRs, PFromZ, Spread, SummaryVsTest
from myot2.analyse.claims.count_checks import Everybody, Exclusive, PartsSum, Ratio
from myot2.analyse.claims.fact_checks import Inclusion, Partition, UniqueValue
from myot2.analyse.claims.mean_checks import CrossSum, Grim, Grimmer, PooledMean, PooledSd
from myot2.analyse.claims.protocol_checks import ProtocolVsDicom, VoxelSize
from myot2.core.config_section import Section
from myot2.core.errors import MyoT2Error

RULES: tuple[type[Check], ...] = (
    PartsSum,
    Ratio,
    Exclusive,
    Everybody,
    Grim,
    Grimmer,
    PooledMean,
    PooledSd,
    CrossSum,
    PFromZ,
    PFromRs,
    NFromRsP,
    Direction,
    Spread,
    SummaryVsTest,
    AucGrid,
    SensGrid,
    Binormal,
    Derivation,
    UniqueValue,
    Partition,
    Inclusion,
    ProtocolVsDicom,
    VoxelSize,
)

AnyCheck = Annotated[Union[RULES], Field(discriminator="rule")]  # noqa: UP007  a tuple of types


class Paper(Section):
    """Which paper it is."""

    title: str
    citation: str | None = None
    doi: str | None = None


class ClaimsFile(Section):
    """What a paper prints, and what is to be checked of it; docs/how-to/check-claims.md."""

    paper: Paper
    same_people: bool = Field(
        True,
        description="Whether the statistics and images given are of the paper's own people: then each claim with a key "
        "must come out, and the protocol be theirs. If not, both are only set side by side.",
    )
    people: dict[Name, GroupOfPeople] = Field(default_factory=dict, description="Sets of people, for `derivation`.")
    claims: dict[Name, Claim] = Field(description="The printed numbers.")
    checks: list[AnyCheck] = Field(default_factory=list)

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> ClaimsFile:
        twice = {check.id for check in self.checks if sum(check.id == other.id for other in self.checks) > 1}
        if twice:
            raise ValueError(f"two checks have the id {sorted(twice)[0]!r}")
        for where, names in self._references():
            for name in names:
                if name not in self.claims:
                    raise ValueError(f"{where} names {name!r}, which is no claim (nearest: {_near(name, self.claims)})")
        ledger = self.ledger()
        for where, operands in self._operands():
            for operand in operands:
                if isinstance(operand, Count) and not ledger.is_count(operand):
                    raise ValueError(f"{where}: {operand!r} ({ledger.text(operand)}) is no whole number of at least 1")
        self._refuse_unknown_people()
        return self

    def ledger(self, sidecars: Iterable[Mapping[str, Any]] = ()) -> Ledger:
        """What the checks look at."""
        return Ledger(self.claims, self.people, tuple(sidecars))

    def _references(self) -> list[tuple[str, list[str]]]:
        of_checks = [(f"checks, {check.id}", check.claims()) for check in self.checks]
        others = [(where, [name for operand in found for name in operand.names()]) for where, found in self._operands()]
        return of_checks + others

    def _operands(self) -> list[tuple[str, list[Any]]]:
        return [
            *((f"checks, {check.id}", check.operands()) for check in self.checks),
            *((f"claims, {name}", [claim.n]) for name, claim in self.claims.items() if claim.n),
            *((f"people, {name}", [group.n]) for name, group in self.people.items()),
        ]

    def _refuse_unknown_people(self) -> None:
        named = [(f"people, {name}", group.within) for name, group in self.people.items() if group.within]
        for check in self.checks:
            if isinstance(check, Derivation):
                named += [(f"checks, {check.id}", who) for who in (check.chosen_in, *(j.people for j in check.judged))]
        for where, name in named:
            if name not in self.people:
                raise ValueError(
                    f"{where} names the people {name!r}, who are none (nearest: {_near(name, self.people)})"
                )
        for name in self.people:
            seen, around = {name}, self.people[name].within
            while around is not None:
                if around in seen:
                    raise ValueError(f"people, {name}: a set cannot be within itself")
                seen.add(around)
                around = self.people[around].within


def read_claims(path: str | Path) -> ClaimsFile:
    """Read a file of claims (YAML).

    Raises
    ------
    MyoT2Error
        There is no such file, it is no YAML, or it is not a file of claims: a key is unknown, a value is no text, a
        check names what is not there.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        missing = isinstance(error, OSError)
        raise MyoT2Error(
            expected="a file of claims (YAML)",
            found="no such file" if missing else " ".join(str(error).split()),
            where=path,
            do="Check the path." if missing else "Correct the file.",
        ) from error
    try:
        return ClaimsFile.model_validate(content)
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors()]
        raise MyoT2Error(
            expected="; ".join(problem[0] for problem in problems[:3]),
            found="; ".join(problem[1] for problem in problems[:3]),
            where=path,
            do="docs/how-to/check-claims.md lists what a file of claims holds.",
        ) from error


def _problem(item: Mapping[str, Any]) -> tuple[str, str]:
    """(what was expected, what was found) of one of pydantic's complaints."""
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "string_type" and item["loc"] and item["loc"][-1] == "value":
        return f"{key}: a number in quotes, for trailing zeros matter", repr(item["input"])
    if item["type"] == "value_error":
        return key or "a file that fits together", str(item["ctx"]["error"])
    if item["type"] == "extra_forbidden":
        return "a known key", f"the unknown key {key}"
    if item["type"].startswith("union_tag"):
        given = item["input"].get("rule") if isinstance(item["input"], Mapping) else item["input"]
        names = [rule.model_fields["rule"].annotation.__args__[0] for rule in RULES]
        return f"{key}.rule: one of {', '.join(names)}", repr(given)
    return f"{key}: {item['msg'].removeprefix('Input should be ')}", repr(item["input"])


def _near(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0)), "none")
