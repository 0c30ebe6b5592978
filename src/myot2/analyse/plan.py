"""The analysis plan: what is analysed, in whom, how, and for what purpose; written by people, checked here.

A plan is data (config/plans/study.yaml is the study's). This module says what one may hold; `plan_kinds` what each kind
of analysis needs; `plan_file` reads one. Imported while the workflow is being parsed: it loads pydantic only.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from myot2.analyse.defaults import RESAMPLES
from myot2.analyse.plan_kinds import Analysis, AnyAnalysis, Description, MixedModel, Repeatability, Roc
from myot2.core.config_section import Section
from myot2.core.variants import OtherMask

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$")]
Words = str | list[str]


SIZES = {"muscle": None, "volume": "volume_ml", "voxels": "voxels"}
"""The measure by which a weighting weighs."""

SOURCES = ("column", "measure", "readers", "sum_of")


class Endpoint(Section):
    """A number that every person has or lacks: a column, a measure, the consensus of readers, or a sum."""

    column: str | None = Field(None, description="Column of the participants table; a further column of yours too.")
    measure: str | None = Field(None, description="Column of results/measure/cohort.tsv, such as t2_mean_ms.")
    region: str = Field("thigh", description="Of a measure: the muscle, group of muscles, or thigh.")
    side: Literal["both", "left", "right"] = Field("both", description="Of a measure: the subject's side, or both.")
    mask: OtherMask | Literal["own"] | None = Field(
        None,
        description="Of t2_mean_ms of both thighs: by this mask of analysis.multiverse; own: by the run's own, also "
        "where a person's decision put another in its place.",
    )
    readers: list[str] | None = Field(
        None,
        min_length=2,
        max_length=3,
        description="Columns of two readers' grades: their mean counts, or the only one's. With a third column the "
        "third reading counts where the two differ by more than one grade.",
    )
    sum_of: list[str] | None = Field(
        None, min_length=2, description="Other endpoints, which are added; unknown where one is."
    )
    unit: str | None = Field(None, description="Unit, as it is printed; null for scores.")
    decimals: int = Field(1, ge=0, le=6, description="Decimals of what is printed.")
    range_decimals: int | None = Field(
        None, ge=0, le=6, description="Decimals of smallest and largest value, where they print with others."
    )
    title: str | None = Field(None, description="What it is, in words for figures and tables.")

    @model_validator(mode="after")
    def _one_source(self) -> Endpoint:
        if sum(getattr(self, source) is not None for source in SOURCES) != 1:
            raise ValueError(f"one of {', '.join(SOURCES)} is needed, and no more")
        if self.measure is None and {"region", "side"} & self.model_fields_set:
            raise ValueError("region and side go with a measure")
        if self.mask and (self.measure, self.region, self.side) != ("t2_mean_ms", "thigh", "both"):
            raise ValueError("mask goes with the measure t2_mean_ms of both thighs")
        return self


class Condition(Section):
    """What a cell must hold. A word or a list of words alone stands for `is`."""

    is_: Words | None = Field(
        None, alias="is", description="This word, or one of these; normal and raised are told by the plan's limits."
    )
    not_: Words | None = Field(None, alias="not", description="Any other known word than this, or these.")
    at_least: float | None = Field(None, description="A number of at least this.")
    at_most: float | None = Field(None, description="A number of at most this.")
    above: float | None = Field(None, description="A number above this.")
    below: float | None = Field(None, description="A number below this.")

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not self.model_fields_set:
            raise ValueError("one of is, not, at_least, at_most, above and below is needed")
        return self


def _condition(content: Any) -> Any:
    return {"is": content} if isinstance(content, (str, list)) else content


Cell = Annotated[Condition, BeforeValidator(_condition, json_schema_input_type=Words | Condition)]


class Group(Section):
    """Some of the people, by what the participants table says about them; all conditions must hold."""

    where: dict[str, Cell] = Field(
        description="Per column, or endpoint, what it holds: a word, a list of words, or a condition. The column ild "
        "is worked out: present, absent, or unknown."
    )
    unknown: Literal["left out", "included"] = Field(
        "left out", description="What becomes of people of whom it is not known whether the conditions hold."
    )
    title: str | None = Field(None, description="Who they are, in words for figures and tables.")


class Family(Section):
    """Tests whose p values are corrected together."""

    method: Literal["holm", "bh"] = Field(
        description="Holm (any false finding among them at most 5 %) for confirmatory analyses; Benjamini and Hochberg "
        "(at most 5 % false among the findings) for exploratory ones."
    )
    title: str | None = Field(None, description="What the family asks.")


class Plan(Section):
    """Endpoints, groups, families, and the analyses in the order in which they are run."""

    title: str = Field(description="What the plan is for.")
    seed: int = Field(20230, ge=0, description="Seed of every resampling.")
    resamples: int = Field(RESAMPLES, ge=100, le=100_000, description="Number of bootstrap samples.")
    limits: dict[Name, float] = Field(
        {}, description="Upper limit of normal per column, inclusive: groups may then say `ck: normal` or `ck: raised`."
    )
    endpoints: dict[Name, Endpoint] = Field(description=Endpoint.__doc__)
    groups: dict[Name, Group] = Field(description=Group.__doc__)
    families: dict[Name, Family] = Field({}, description=Family.__doc__)
    analyses: dict[Key, AnyAnalysis] = Field(
        description="Per id, which begins the keys of its numbers in statistics.json: an analysis."
    )

    @property
    def measures(self) -> tuple[str, ...]:
        """The columns of the measures that endpoints and analyses need."""
        sizes = [SIZES[each.weighting] for each in self.analyses.values() if isinstance(each, MixedModel)]
        measures = [each.measure for each in self.endpoints.values()]
        return tuple(dict.fromkeys(name for name in [*measures, *sizes] if name is not None))

    @model_validator(mode="after")
    def _names_are_known(self) -> Plan:
        for key, analysis in self.analyses.items():
            for field, what, names in references(analysis):
                known = getattr(self, what)
                for name in names:
                    _require(name, known, f"analyses.{key}.{field}", what)
        return self

    @model_validator(mode="after")
    def _sums_are_of_others(self) -> Plan:
        for name, endpoint in self.endpoints.items():
            for part in endpoint.sum_of or []:
                _require(part, self.endpoints, f"endpoints.{name}.sum_of", "endpoints")
                if self.endpoints[part].sum_of is not None:
                    raise ValueError(f"endpoints.{name}.sum_of: {part!r} is a sum itself")
        return self

    @model_validator(mode="after")
    def _families_hold_one_role(self) -> Plan:
        for family, content in self.families.items():
            members = {key: each.role for key, each in self.analyses.items() if each.family == family}
            if len(set(members.values())) > 1:
                confirmatory = [key for key, role in members.items() if role == "confirmatory"]
                raise ValueError(
                    f"families.{family} holds confirmatory analyses ({', '.join(confirmatory)}) and exploratory ones; "
                    "give each role a family of its own"
                )
            if content.method != "holm" and "confirmatory" in members.values():
                raise ValueError(f"families.{family} is of confirmatory analyses: its method must be holm")
        return self

    @model_validator(mode="after")
    def _what_is_used_comes_first(self) -> Plan:
        done: list[tuple[str, Analysis]] = []
        for key, analysis in self.analyses.items():
            for field, kind in (("cutoff_of", Roc), ("error_of", Repeatability)):
                wanted = getattr(analysis, field, None)
                known = [name for name, above in done if isinstance(above, kind)]
                if wanted is not None and wanted not in known:
                    word = get_args(kind.model_fields["kind"].annotation)[0]
                    there = ", ".join(known) or "none"
                    raise ValueError(
                        f"analyses.{key}.{field}: {wanted!r} is no {word} analysis above it (there: {there})"
                    )
            done.append((key, analysis))
        return self


def references(analysis: Analysis) -> Iterator[tuple[str, str, Iterable[str]]]:
    """(field, part of the plan, names) of everything that an analysis refers to."""
    for field, info in type(analysis).model_fields.items():
        value = getattr(analysis, field)
        of = (info.json_schema_extra or {}).get("names") if isinstance(info.json_schema_extra, dict) else None
        if of and value is not None:
            yield info.alias or field, of, [value] if isinstance(value, str) else list(value)
    for group, content in analysis.of.items() if isinstance(analysis, Description) else ():
        yield f"of.{group}.summarise", "endpoints", content.summarise


def _require(name: str, known: Iterable[str], where: str, what: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0)
        raise ValueError(f"{where}: {name!r} is not among the plan's {what} (nearest: {near[0] if near else 'none'})")
