"""What each kind of analysis of a plan needs. `kinds/` holds what it does."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Union, get_args

from pydantic import ConfigDict, Field, model_validator

from myot2.analyse.defaults import IMPUTATIONS
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
    leave_one_out: bool = Field(
        False,
        description="Judge each by the cutoff of everybody else, so that nobody helps to choose the cutoff that finds "
        "them.",
    )


class Correlation(Analysis):
    """Spearman's rank correlation of one endpoint with others."""

    kind: Literal["correlation"]
    endpoint: str = _endpoint("The one.")
    with_: list[str] = _endpoint("The others.", alias="with", min_length=1)
    among: str = _group("In whom.")


class Drawn(Analysis):
    """What an analysis has that draws at random."""

    seed: int | None = Field(None, ge=0, description="Its own seed, where not the plan's.")


class Resampled(Drawn):
    """What an analysis has that draws bootstrap samples."""

    resamples: int | None = Field(None, ge=100, le=100_000, description="Its own number, where not the plan's.")


class AreaIntervals(Resampled):
    """The area under the ROC curve with its 95 % interval by several methods."""

    kind: Literal["area-intervals"]
    endpoint: str = _endpoint("The marker.")
    positive: str = _group("Who is to be found.")
    negative: str = _group("Who is not.")
    methods: list[Literal["wilson", "delong", "logit", "percentile", "bca"]] = Field(
        ["wilson", "logit", "percentile", "bca"], min_length=1, description="The methods."
    )


class RocBootstrap(Resampled):
    """How far the cutoff and the rates found with it can be trusted: bootstrap intervals and optimism."""

    kind: Literal["roc-bootstrap"]
    endpoint: str = _endpoint("The marker.")
    positive: str = _group("Who is to be found.")
    negative: str = _group("Who is not.")


class PairedRoc(Analysis):
    """Whether one marker tells two groups apart better than another, in the same people (DeLong)."""

    kind: Literal["paired-roc"]
    endpoint: str = _endpoint("One marker.")
    against: str = _endpoint("The other.")
    positive: str = _group("Who is to be found.")
    negative: str = _group("Who is not.")


class EffectSize(Analysis):
    """How large the difference of two groups is: Hodges and Lehmann's shift, Cliff's delta."""

    kind: Literal["effect-size"]
    endpoint: str = _endpoint("What is compared.")
    first: str = _group("One group; effects are positive where it is the larger.")
    second: str = _group("The other group.")


class AdjustedComparison(Analysis):
    """Two groups with covariates held equal: a ratio from the regression of logarithms (HC3), and Quade's ranks."""

    kind: Literal["adjusted-comparison"]
    endpoint: str = _endpoint("What is compared; a number above 0.")
    first: str = _group("One group; the ratio is above 1 where it is the larger.")
    second: str = _group("The other group.")
    covariates: list[str] = Field(min_length=1, description="Columns of the participants table.")
    within: dict[str, str] = Field(
        {}, description="Covariate: level; the ratio once more among those only, such as `sex: F`."
    )

    @model_validator(mode="after")
    def _levels_are_of_covariates(self) -> AdjustedComparison:
        for column in self.within:
            if column not in self.covariates:
                raise ValueError(f"within names {column!r}, which is none of the covariates")
        return self


class Agreement(Analysis):
    """Two endpoints that measure the same thing in the same people: limits of agreement and intraclass correlation."""

    kind: Literal["agreement"]
    endpoint: str = _endpoint("One way; differences are this less the other.")
    against: str = _endpoint("The other.")
    among: str = _group("In whom.")
    ratio: bool = Field(False, description="Compare by ratios: where differences grow with the value.")


class Repeatability(Analysis):
    """The error of repetition, from people who were measured in several sessions while nothing changed."""

    kind: Literal["repeatability"]
    endpoint: str = _endpoint("A measure.")
    among: str = _group("In whom nothing changed between the sessions.")


class KnownError(Section):
    """An error of repetition that was found elsewhere."""

    coefficient: float = Field(gt=0, description="The repeatability coefficient, 1.96 sqrt(2) wSD, in the unit.")
    source: str = Field(min_length=3, description="Where it comes from (a paper, a phantom, a pilot).")


class Change(Analysis):
    """Who changed from the first to the last session by more than the error of repetition."""

    kind: Literal["change"]
    endpoint: str = _endpoint("A measure; a fall counts as improvement.")
    among: str = _group("In whom.")
    error_of: str | None = Field(None, description="The repeatability analysis above whose coefficient is taken.")
    error: KnownError | None = Field(None, description=KnownError.__doc__)
    relevant: float = Field(0.0, ge=0, description="A true change of no more than this does not matter.")

    @model_validator(mode="after")
    def _one_error(self) -> Change:
        if (self.error_of is None) == (self.error is None):
            raise ValueError("either error_of or error is needed, and not both")
        return self


class Raters(Analysis):
    """How far two readers' grades agree."""

    kind: Literal["raters"]
    first: str = _endpoint("One reader's grades.")
    second: str = _endpoint("The other's.")
    among: str = _group("In whom.")
    weights: Literal["linear", "quadratic"] = Field("linear", description="How much a larger disagreement weighs.")
    grades: list[int] = Field([0, 1, 2, 3, 4], min_length=2, description="All grades that there are.")


class MissingData(Analysis):
    """What is unknown: how many per endpoint and group, and in which combinations."""

    kind: Literal["missing-data"]
    endpoints: list[str] = _endpoint("What ought to be known.", min_length=1)
    among: list[str] = _group("In whom, group by group; combinations are of all of them.", min_length=1)


class Imputed(Drawn):
    """What an analysis has that fills in the unknown."""

    predictors: list[str] = _endpoint("Further endpoints that help to fill in.", default=[])
    imputations: int = Field(IMPUTATIONS, ge=2, le=1000, description="How many times.")


class ImputedCorrelation(Imputed):
    """Spearman's correlations with the unknown filled in many times, beside those of the known."""

    kind: Literal["imputed-correlation"]
    endpoint: str = _endpoint("The one; people without it are left out, it is never filled in.")
    with_: list[str] = _endpoint("The others, which are filled in.", alias="with", min_length=1)
    among: str = _group("In whom.")


class ImputedComparison(Imputed):
    """The ratio of an adjusted comparison with unknown covariates filled in many times, beside that of the known."""

    kind: Literal["imputed-comparison"]
    endpoint: str = _endpoint("What is compared; people without it are left out, it is never filled in.")
    first: str = _group("One group; the ratio is above 1 where it is the larger.")
    second: str = _group("The other group.")
    covariates: list[str] = Field(
        min_length=1, description="Columns of the participants table: numbers, or two words; they are filled in."
    )


class MixedModel(Resampled):
    """Two groups in every muscle at once, a person's muscles belonging together; a bootstrap where it is singular."""

    kind: Literal["mixed-model"]
    endpoint: str = _endpoint("A measure; its region and side are replaced by each muscle of either side.")
    first: str = _group("One group; effects are positive where it is the larger.")
    second: str = _group("The other group.")
    covariates: list[str] = Field(["age", "sex"], description="Columns of the participants table.")
    log: bool = Field(False, description="Model logarithms; effects are then ratios.")
    method: Literal["auto", "model", "bootstrap"] = Field(
        "auto",
        description="The mixed model, a bootstrap of people, or the bootstrap where the model is singular. The model "
        "takes both groups to spread alike; where they do not, take the bootstrap.",
    )
    weighting: Literal["muscle", "volume", "voxels"] = Field(
        "muscle", description="What each muscle counts for in the average: the same, or by its size."
    )


class Multiverse(Analysis):
    """How area and cutoff depend on how T2 was made; the variants are chosen by analysis.multiverse."""

    kind: Literal["multiverse"]


MODELS = (
    Description,
    Comparison,
    EffectSize,
    AdjustedComparison,
    MuscleComparison,
    Prevalence,
    Correlation,
    Roc,
    AreaIntervals,
    RocBootstrap,
    PairedRoc,
    Detection,
    Agreement,
    Repeatability,
    Change,
    Raters,
    MissingData,
    ImputedCorrelation,
    ImputedComparison,
    MixedModel,
    Multiverse,
)
KINDS: dict[str, type[Analysis]] = {get_args(model.model_fields["kind"].annotation)[0]: model for model in MODELS}
"""Each kind's name and what it needs."""

AnyAnalysis = Annotated[Union[MODELS], Field(discriminator="kind")]  # noqa: UP007 - made of a tuple
