"""What each kind of analysis of a plan needs. `kinds/` holds what it does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from myot2.core.config_section import Section


def _endpoint(description: str, **options: Any) -> Any:
    return Field(description=description, json_schema_extra={"names": "endpoints"}, **options)


def _group(description: str, **options: Any) -> Any:
    return Field(description=description, json_schema_extra={"names": "groups"}, **options)


class Analysis(Section):
    """What every analysis has."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    role: Literal["confirmatory", "exploratory"] = Field(
        "exploratory", description="Whether it tests what was asked before the data were seen."
    )
    family: str | None = Field(
        None,
        description="The tests with which its p values are corrected; null: they are not.",
        json_schema_extra={"names": "families"},
    )
    note: str | None = Field(None, description="A remark, kept in the log.")


class Described(Section):
    """What a description tells of a group, besides numbers and sex."""

    summarise: list[str] = Field([], description="Endpoints that are summarised.")
    count: dict[str, list[str]] = Field(
        {}, description="Columns whose words are counted, each with the words that always have a key."
    )


class Description(Analysis):
    """Who is in the cohort: numbers, sex, and what is listed per group."""

    kind: Literal["description"]
    measured: str = _endpoint("What makes a person a measured one.")
    of: dict[str, Described] = _group("Per group, what is told of it.")


class Comparison(Analysis):
    """Two groups side by side: summaries, and Mann and Whitney's test. Its id is the key of the test."""

    kind: Literal["comparison"]
    endpoint: str = _endpoint("What is compared.")
    first: str = _group("One group; z is positive where it is the larger.")
    second: str = _group("The other group.")
    decimals: int | None = Field(None, ge=0, le=6, description="Decimals, where not the endpoint's.")


class MuscleComparison(Analysis):
    """The same comparison for every muscle and group of muscles of the label table."""

    kind: Literal["muscle-comparison"]
    endpoint: str = _endpoint("A measure; its region is replaced by each muscle in turn.")
    first: str = _group("One group; z is positive where it is the larger.")
    second: str = _group("The other group.")


class Prevalence(Analysis):
    """How many have something, counted among those of whom it is known, and among all."""

    kind: Literal["prevalence"]
    fact: str = Field(description="A column that holds present, absent, or nothing; ild is worked out.")
    among: str = _group("In whom.")
    known_by: str | None = Field(None, description="The examination that tells it, in a word.")
    score: str | None = _endpoint("An endpoint that is summarised in those who have it.", default=None)
    decimals: int | None = Field(None, ge=0, le=6, description="Decimals of the score, where not the endpoint's.")


class Prespecified(Section):
    """A cutoff that was known before the data: sensitivity and specificity at it are free of optimism."""

    cutoff: float = Field(description="At or above it a person is positive; in the endpoint's unit.")
    source: str = Field(min_length=3, description="Where it comes from (a paper, a protocol).")


class Roc(Analysis):
    """The ROC curve, its area, and the cutoff of the highest Youden index; positive at or above it."""

    kind: Literal["roc"]
    endpoint: str = _endpoint("The marker.")
    positive: str = _group("Who is to be found.")
    negative: str = _group("Who is not.")
    prespecified: Prespecified | None = Field(None, description=Prespecified.__doc__)


class Detection(Analysis):
    """How many of a group a cutoff finds that another analysis chose."""

    kind: Literal["detection"]
    endpoint: str = _endpoint("The marker.")
    among: str = _group("In whom.")
    cutoff_of: str = Field(description="The roc analysis above whose cutoff is taken.")


class Correlation(Analysis):
    """Spearman's rank correlation of one endpoint with others."""

    kind: Literal["correlation"]
    endpoint: str = _endpoint("The one.")
    with_: list[str] = _endpoint("The others.", alias="with", min_length=1)
    among: str = _group("In whom.")


KINDS: dict[str, type[Analysis]] = {
    model.model_fields["kind"].annotation.__args__[0]: model
    for model in (Description, Comparison, Roc, Detection, Correlation, Prevalence, MuscleComparison)
}
"""Each kind's name and what it needs."""

AnyAnalysis = Annotated[
    Description | Comparison | Roc | Detection | Correlation | Prevalence | MuscleComparison,
    Field(discriminator="kind"),
]
