"""The configuration of the multiverse: what is tried beside the main path."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import Field

from myot2.core.config_fit import Fit, contradictions_of_fit
from myot2.core.config_section import Section
from myot2.core.variants import OtherAggregation, OtherMask, OtherStatistic, OtherT2


class Multiverse(Section):
    """Other choices than the main path's, which is always among those compared; docs/how-to/multiverse.md."""

    masks: list[OtherMask] = Field(
        ["eroded", "corrected"],
        description="Masks beside the run's own: that one without its outermost voxels, and masks that a person "
        "corrected (review.folder).",
    )
    t2: list[OtherT2] = Field(
        [],
        description="T2 maps beside the run's own: the scanner's, or fits of the raw echoes by other models; each "
        "model is one more fit per scan.",
    )
    statistics: list[OtherStatistic] = Field(["median", "p90"], description="What is taken of T2 beside the mean.")
    aggregations: list[OtherAggregation] = Field(
        ["muscle", "slice"],
        description="Over what, beside all voxels: the mean of the muscles' values, or of the slices'.",
    )


def further_t2(multiverse: Multiverse, fit: Fit) -> list[str]:
    """The T2 maps beside the run's own, each once, in the order asked for."""
    return [name for name in dict.fromkeys(multiverse.t2) if name != own_t2(fit)]


def own_t2(fit: Fit) -> str:
    """What the run's own T2 map is called among the variants."""
    return fit.model if fit.source == "echoes" else fit.source


def contradictions_of_multiverse(
    multiverse: Multiverse, fit: Fit, dixon: Collection[str], *, echoes: int, t2_map: bool
) -> list[tuple[bool, str, str]]:
    """What the variants need that the run does not have: whether it is amiss, and the two settings.

    `dixon`, `echoes` and `t2_map` say which images there are.
    """
    further = further_t2(multiverse, fit)
    models = [name for name in further if name != "vendor-map"]
    return [
        ("vendor-map" in further and not t2_map, "analysis.multiverse.t2: vendor-map", "ingest.t2_map: false"),
        (bool(models) and not echoes, f"analysis.multiverse.t2: {', '.join(models)}", "ingest.echoes: 0"),
        *(
            (amiss, f"analysis.multiverse.t2: {model}, so {one}", other)
            for model in models
            for amiss, one, other in contradictions_of_fit(fit.model_copy(update={"model": model}), dixon)
        ),
    ]
