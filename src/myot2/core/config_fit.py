"""The configuration of the stage fit: its sections, and which of their settings exclude each other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, PositiveFloat

from myot2.core.config_section import Section

LEAST_SLR = 2.5
"""Below this product there is no Shinnar-Le Roux excitation whose ripples stay below 1 %."""


class Pulses(Section):
    """The pulses of the multi-echo train, for the phase-graph models; how to find them: docs/stages/fit-pulses.md."""

    slice_profile: Literal["none", "hann-sinc", "slr", "given"] = Field(
        "none",
        description="Shape of the pulses: the same angle across the slice, Hann-windowed sincs, Shinnar-Le Roux "
        "pulses, or samples from files.",
    )
    time_bandwidth: tuple[PositiveFloat, PositiveFloat] = Field(
        (2.0, 2.0), description="Time-bandwidth product of excitation and refocusing pulse: 2 is soft, 6 is sharp."
    )
    refocusing_width: PositiveFloat = Field(
        1.2, description="Nominal thickness of the refocused slice, of that of the excited slice."
    )
    refocusing_deg: float = Field(180.0, gt=0, le=180, description="Nominal refocusing angle (degrees).")
    samples: tuple[str, str] | None = Field(
        None, description="Files with the samples of excitation and refocusing pulse, for slice_profile: given."
    )


class Fat(Section):
    """What is known of fat, from the Dixon images or a map that is given."""

    fraction: Literal["auto", "water-fat", "in-opposed", "given", "none"] = Field(
        "auto",
        description="Where the fat fraction comes from: water and fat images, in and opposed phase, or a map that is "
        "given; auto takes water and fat images where ingest.dixon has both, and none elsewhere.",
    )
    given: str | None = Field(
        None,
        description="Path of the given maps of the fat fraction (0-1), on the grid of the Dixon images or a like one, "
        "with {participant_id} and {session} in it where they differ.",
    )
    limit: float | None = Field(
        0.3,
        gt=0,
        le=1,
        description="Voxels with a larger fat fraction are marked and not measured, in a fit of raw echoes; null: "
        "none are.",
    )
    prior_sd: float = Field(
        0.04, gt=0, le=1, description="Standard deviation of the Dixon fat fraction, as prior of epg-water-fat."
    )
    t2_ms: Literal["calibrated"] | PositiveFloat = Field(
        "calibrated", description="T2 of fat for epg-water-fat (ms): of each person's subcutaneous fat, or a number."
    )
    t1_ms: float = Field(365.0, gt=0, description="T1 of fat (ms).")


class Fit(Section):
    """How T2 is obtained; docs/stages/fit.md says which model suits which acquisition."""

    source: Literal["auto", "vendor-map", "echoes", "kspace"] = Field(
        "vendor-map",
        description="The scanner's own T2 map (the study's way), a fit of the raw echoes, or a reconstruction of raw "
        "k-space; auto: the first of these that there is, by ingest.t2_map and ingest.echoes.",
    )
    model: Literal["mono", "mono-offset", "epg", "epg-water-fat"] = Field(
        "mono",
        description="Signal model of the fit of raw echoes: mono-exponential, the same with an offset, phase graph, or "
        "phase graph of water and fat for echoes without fat suppression.",
    )
    skip_first_echoes: int = Field(
        1,
        ge=0,
        description="Echoes that mono and mono-offset leave out at the start: imperfect refocusing makes the first too "
        "low; 0 to compare with scanners' maps. The phase-graph models use all.",
    )
    noise: Literal["none", "measured"] | PositiveFloat = Field(
        "none",
        description="Noise of one channel, which takes the noise floor away (not for mono-offset): none, measured in "
        "air, or a number in units of the signal.",
    )
    t2_limits_ms: tuple[PositiveFloat, PositiveFloat] = Field(
        (10.0, 300.0), description="T2 outside these limits (ms) is kept in the map, marked, and not measured."
    )
    t1_ms: float = Field(1400.0, gt=0, description="T1 of muscle, for the phase-graph models (ms).")
    b1: Literal["smoothed", "free", "map"] = Field(
        "smoothed",
        description="B1 of the phase-graph models: fitted, smoothed, and T2 fitted again; fitted in each voxel alone; "
        "or from a map.",
    )
    b1_map: str | None = Field(
        None,
        description="Path of the maps of relative B1, with {participant_id} and {session} in it where they differ.",
    )
    pulses: Pulses = Field(Pulses(), description=Pulses.__doc__)
    fat: Fat = Field(Fat(), description=Fat.__doc__)


def contradictions_of_fit(fit: Fit, dixon: Collection[str]) -> list[tuple[bool, str, str]]:
    """What a model needs, and what goes with some models only: whether it is amiss, and the two settings.

    `dixon` names the Dixon images that there are.
    """
    fraction, model = f"fit.fat.fraction: {fit.fat.fraction}", f"fit.model: {fit.model}"
    return [
        (fit.noise != "none" and fit.model == "mono-offset", model, f"fit.noise: {fit.noise}"),
        (
            fit.t2_limits_ms[0] >= fit.t2_limits_ms[1],
            "limits from low to high",
            "fit.t2_limits_ms: {:g}, {:g}".format(*fit.t2_limits_ms),
        ),
        (fit.b1 == "map" and not fit.b1_map, "fit.b1: map", "fit.b1_map: null"),
        (fit.b1 != "map" and bool(fit.b1_map), f"fit.b1: {fit.b1}", "fit.b1_map"),
        (fit.pulses.slice_profile == "given" and not fit.pulses.samples, "given pulses", "fit.pulses.samples: null"),
        (fit.pulses.slice_profile != "given" and bool(fit.pulses.samples), "no given pulses", "fit.pulses.samples"),
        (fit.fat.fraction == "given" and not fit.fat.given, fraction, "fit.fat.given: null"),
        (fit.fat.fraction != "given" and bool(fit.fat.given), fraction, "fit.fat.given"),
        (fit.fat.fraction == "water-fat" and not {"water", "fat"} <= {*dixon}, fraction, "not both in ingest.dixon"),
        (fit.fat.fraction == "in-opposed" and not {"in", "opp"} <= {*dixon}, fraction, "not both in ingest.dixon"),
        (fit.model == "epg-water-fat" and fat_source(fit.fat, dixon) is None, model, "no source of the fat fraction"),
        (
            fit.model == "epg-water-fat" and fit.fat.fraction == "in-opposed" and fit.fat.t2_ms == "calibrated",
            "a fraction that never tells fat from water",
            "fit.fat.t2_ms: calibrated",
        ),
        (
            fit.pulses.slice_profile == "slr" and min(fit.pulses.time_bandwidth) < LEAST_SLR,
            f"Shinnar-Le Roux pulses, whose time-bandwidth product is at least {LEAST_SLR:g}",
            "fit.pulses.time_bandwidth: {:g}, {:g}".format(*fit.pulses.time_bandwidth),
        ),
    ]


def fat_source(fat: Fat, dixon: Collection[str]) -> Literal["water-fat", "in-opposed", "given"] | None:
    """Where the fat fraction comes from, `auto` resolved; None where there is none."""
    stated = fat.fraction
    if stated == "auto":
        return "water-fat" if {"water", "fat"} <= {*dixon} else None
    return None if stated == "none" else stated
