"""The configuration of the stage reconstruct, and where the T2 map of a run comes from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from myot2.core.config_fit import Fit, fat_source
from myot2.core.config_section import Section


class Reconstruct(Section):
    """T2 from raw k-space, with fit.source: kspace; pulses, T1 and limits are those of the section fit."""

    model: Literal["epg", "mono"] = Field(
        "epg", description="Signal model: phase graph with the pulses of fit.pulses, or mono-exponential as vendors do."
    )
    strength: float = Field(
        3.3, ge=0, description="Weight of the total variation (lambda), in units of the noise; holds for SNR 30 to 120."
    )
    coils: int = Field(8, ge=1, le=64, description="Virtual coils to which the coils are compressed.")
    phase: Literal["none", "constant", "linear", "quadratic"] = Field(
        "linear", description="Phase of even against odd echoes that is estimated, as a polynomial in the plane."
    )
    b1: Literal["joint", "map"] = Field(
        "joint", description="B1 of the phase graph: estimated with T2, which is a fall-back and flagged, or a map."
    )
    b1_map: str | None = Field(
        None,
        description="Path of the maps of relative B1, with {participant_id} and {session} in it where they differ.",
    )
    fat: Literal["auto", "none"] | Annotated[float, Field(gt=0, le=1)] = Field(
        "auto",
        description="Fat in the model epg, its fraction from fit.fat (water and fat images or a given map): auto has "
        "it where the echoes show that fat was not suppressed; none; or the share of its signal that suppression "
        "leaves (1: none was suppressed).",
    )
    echo_times_ms: list[PositiveFloat] | None = Field(
        None, min_length=3, description="Echo times (ms) where the raw header has none or wrong ones."
    )
    synthetic_ms: list[PositiveFloat] = Field(
        [10.0, 80.0],
        min_length=1,
        description="Echo times (ms) of the synthetic images; the first is drawn and aligned.",
    )
    cores: int = Field(2, ge=1, description="Slices of a scan that are reconstructed at a time, each on one core.")


def resolved_source(fit: Fit, *, t2_map: bool, echoes: int) -> Literal["vendor-map", "echoes", "kspace"]:
    """Where T2 comes from: as stated, or for `auto` the scanner's map, else the echoes, else raw k-space."""
    if fit.source != "auto":
        return fit.source
    return "vendor-map" if t2_map else "echoes" if echoes else "kspace"


def fat_told_by(reconstruct: Reconstruct, fit: Fit, dixon: Collection[str]) -> Literal["water-fat", "given"] | None:
    """What tells the fat fraction of the signal model; None for a model without fat.

    In and opposed phase never tell more than half of the fat, so that fat looks like water: they do not serve.
    """
    source = fat_source(fit.fat, dixon)
    return source if source != "in-opposed" and reconstruct.model == "epg" and reconstruct.fat != "none" else None


def contradictions_of_reconstruct(
    reconstruct: Reconstruct, fit: Fit, dixon: Collection[str], further: list[str]
) -> list[tuple[bool, str, str]]:
    """Settings that exclude each other: whether it is amiss, and the two settings.

    `dixon` names the Dixon images that there are, `further` the T2 maps that the multiverse asks for beside the run's
    own.
    """
    kspace = fit.source == "kspace"
    return [
        (
            reconstruct.b1 == "map" and not reconstruct.b1_map,
            "reconstruct.b1: map",
            "reconstruct.b1_map: null",
        ),
        (reconstruct.b1 != "map" and bool(reconstruct.b1_map), "reconstruct.b1: joint", "reconstruct.b1_map"),
        (
            kspace and isinstance(reconstruct.fat, float) and not fat_told_by(reconstruct, fit, dixon),
            f"reconstruct.fat: {reconstruct.fat}, for the model epg and a fat fraction of fit.fat",
            f"reconstruct.model: {reconstruct.model}, fit.fat.fraction: {fit.fat.fraction}, "
            f"ingest.dixon: {', '.join(dixon)}",
        ),
        (
            kspace and bool(further),
            "fit.source: kspace, whose map has a grid of its own",
            f"analysis.multiverse.t2: {', '.join(further)}",
        ),
    ]
