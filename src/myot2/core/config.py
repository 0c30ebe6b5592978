"""The configuration of a run: one typed model, from which the default file, its schema and its documentation are made.

A run's file holds what differs from the defaults below. Unknown keys are refused. `scripts/write_configuration.py`
writes config/config.yaml, config/config.schema.json and docs/configuration.md from this module; a test fails when they
drift.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from myot2.core.errors import MyoT2Error
from myot2.core.given import Product, unknown_fields


class Section(BaseModel):
    """A part of the configuration; a key that it does not name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Participants(Section):
    """The cohort."""

    table: str = Field(
        "config/participants.tsv",
        description="Participants table (.tsv, .csv or .xlsx): one row per participant and session.",
    )
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="Names of your own columns, as ours: yours (for example ck: 'CK [U/l]').",
    )
    values: dict[str, dict[str, str]] = Field(
        default_factory=dict,
        description="Words of your own, per column as yours: ours (for example group: {IIM: patient, HC: control}).",
    )


class Simulate(Section):
    """The digital cohort that stands in for a scanner; leave the section out for real data."""

    preset: Literal["demo", "study"] = Field("demo", description="Size of the cohort and of the matrix.")
    seed: int = Field(20230, ge=0, description="Seed of everything that is drawn at random.")
    refocusing: Literal["ideal", "realistic"] = Field(
        "realistic", description="Refocusing of 180 degrees everywhere, or with B1 field and slice profile."
    )
    snr: float = Field(60.0, gt=0, description="Signal-to-noise ratio of muscle in the first echo.")
    motion_mm: float = Field(0.0, ge=0, le=8, description="Rigid motion between the Dixon and the T2 series (mm).")
    fat_suppression: bool = Field(True, description="Whether fat is suppressed in the multi-echo series.")
    scanner: Literal[
        "siemens",
        "siemens-split",
        "siemens-xa",
        "siemens-xa-whole",
        "philips",
        "philips-enhanced",
        "philips-enhanced-alone",
        "ge",
        "ge-named",
        "uih",
        "canon",
    ] = Field("siemens", description="Make of scanner whose DICOM is written; see docs/stages/simulate.md.")


class Pacs(Section):
    """The archive from which examinations are fetched, where the participants table names one; docs/how-to/pacs.md."""

    folder: str = Field("pacs", description="Folder for what is fetched; it holds identities, so it is no result.")
    calling_ae: str = Field("MYOT2", pattern=r"^[A-Za-z0-9_.-]{1,16}$", description="Our AE title (DIMSE).")
    timeout: float = Field(60.0, gt=0, description="Wait for a connection or an answer (s).")
    retries: int = Field(3, ge=0, le=10, description="Further attempts where an answer fails (DICOMweb).")
    ca_bundle: str | None = Field(None, description="File of trusted certificates (PEM), such as the hospital's own.")
    plain_http: bool = Field(False, description="Allow DICOMweb without encryption beyond this machine.")
    user_variable: str | None = Field(None, description="Name of the environment variable that holds the user name.")
    password_variable: str | None = Field(None, description="Name of the environment variable that holds the password.")
    token_variable: str | None = Field(None, description="Name of the environment variable that holds a bearer token.")
    netrc: str | None = Field(None, description="A netrc file with user and password, in place of the variables.")
    max_objects: int = Field(20_000, gt=0, description="Most objects in a study.")
    max_study_mb: int = Field(4000, gt=0, description="Most of a study (MB).")
    max_object_mb: int = Field(1000, gt=0, description="Most of one object (MB).")
    max_seconds: float = Field(3600.0, gt=0, description="Longest transfer of a study (s).")


class Ingest(Section):
    """Where the images come from, and which are needed."""

    source: Literal["dicom", "bids", "muscle-bids"] = Field(
        "dicom",
        description="DICOM folders (column dicom of the participants table), a BIDS dataset, or a Muscle-BIDS dataset.",
    )
    dataset: str | None = Field(None, description="Folder of the BIDS or Muscle-BIDS dataset.")
    files: dict[Product, str] = Field(
        default_factory=dict,
        description="Names of the files of such a dataset where they are not the usual ones; docs/how-to/from-bids.md.",
    )
    series: str | None = Field(
        None, description="Table of series, made by `make index` and edited by a person, that says which is what."
    )
    key: str | None = Field(
        None, description="File with the site's secret, by which UIDs become pseudonyms; null: none leaves ingest."
    )
    dixon: list[Literal["in", "opp", "water", "fat"]] = Field(
        ["in", "opp", "water", "fat"], description="Dixon images; empty where there are none."
    )
    echoes: int = Field(10, ge=0, le=99, description="Number of echoes of the multi-echo spin echo; 0 where none.")
    t2_map: bool = Field(True, description="Whether the scanner's own T2 map is needed.")
    t2_map_scale: float | None = Field(
        None, gt=0, description="Factor from stored values to ms; null where the map says it, or only one is plausible."
    )
    cross_check: bool = Field(
        True, description="Whether dcm2niix reads every series as well; a difference stops the participant."
    )
    pacs: Pacs = Field(Pacs(), description=Pacs.__doc__)


class Segment(Section):
    """Where the muscle labels come from."""

    source: Literal["network", "given"] = Field("network", description="The shipped network, or label maps you give.")
    model: str = Field("resources/models/thigh", description="Folder of the network's weights and configuration.")
    given: str | None = Field(
        None,
        description="Path of the given label maps, with {participant_id} and {session} in it where they differ.",
    )


class Align(Section):
    """From the grid of the labels to the grid of the T2 map."""

    refinement: Literal["rigid", "none"] = Field(
        "rigid", description="Rigid registration of the images after alignment by geometry; kept only if it improves."
    )
    minimum_fraction: float = Field(
        0.5, gt=0, le=1, description="Part of a voxel that muscle must fill for the voxel to count."
    )


class Pulses(Section):
    """The pulses of the multi-echo train, for the phase-graph models; docs/stages/fit.md says how to find one's own."""

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

    source: Literal["vendor-map", "echoes"] = Field(
        "vendor-map", description="The scanner's own T2 map (the study's way), or a fit of the raw echoes."
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
        description="Noise of one channel, for mono, which then has no noise floor, and for epg-water-fat, which "
        "otherwise takes it from its residuals: none, measured in air, or a number in units of the signal.",
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


class Measure(Section):
    """What is measured per muscle."""

    erosion_mm: float = Field(0.0, ge=0, description="In-plane erosion of each muscle before T2 is averaged (mm).")
    plausible_ms: tuple[float, float] = Field(
        (1.0, 300.0), description="T2 outside this range (ms) is left out of the averages, and counted."
    )


class Analyse(Section):
    """The statistics."""

    ck_upper_limit: float = Field(
        200.0, gt=0, description="Creatine kinase up to this value (U/l) counts as normal; take your laboratory's."
    )


class Report(Section):
    """The report."""

    title: str = Field("Muscle T2 of the thigh", description="Title of the report.")
    renderer: Literal["auto", "quarto", "pandoc"] = Field(
        "auto", description="Quarto where it is installed, else pandoc and Typst (auto), or one of them."
    )


class Configuration(Section):
    """Everything that a run can be told."""

    results: str = Field("results", description="Folder that receives everything the run makes.")
    label_table: str = Field("config/labels.tsv", description="The label table: which number means which muscle.")
    participants: Participants = Field(Participants(), description=Participants.__doc__)
    simulate: Simulate | None = Field(None, description=Simulate.__doc__)
    ingest: Ingest = Field(Ingest(), description=Ingest.__doc__)
    segment: Segment = Field(Segment(), description=Segment.__doc__)
    align: Align = Field(Align(), description=Align.__doc__)
    fit: Fit = Field(Fit(), description=Fit.__doc__)
    measure: Measure = Field(Measure(), description=Measure.__doc__)
    analyse: Analyse = Field(Analyse(), description=Analyse.__doc__)
    report: Report = Field(Report(), description=Report.__doc__)


def read_configuration(content: Mapping[str, Any], *, where: str | Path) -> Configuration:
    """Check a run's configuration and fill in the defaults.

    Parameters
    ----------
    content : mapping
        What the YAML file holds.
    where : str or Path
        The file, for messages.

    Raises
    ------
    MyoT2Error
        A key is unknown (the nearest valid key is named), a value is of the wrong kind, or two settings exclude each
        other.
    """
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors()]
        raise MyoT2Error(
            expected="; ".join(problem[0] for problem in problems),
            found="; ".join(problem[1] for problem in problems),
            where=where,
            do="docs/configuration.md lists every key with its values.",
        ) from error
    _refuse_contradictions(configuration, where)
    return configuration


def _problem(item: Mapping[str, Any]) -> tuple[str, str]:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] != "extra_forbidden":
        return f"{key}: {item['msg'].removeprefix('Input should be ')}", f"{item['input']!r}"
    *sections, last = item["loc"]
    valid = list(_section(sections).model_fields)
    near = difflib.get_close_matches(str(last), valid, n=1, cutoff=0.0)
    prefix = "".join(f"{part}." for part in sections)
    return f"a known key (nearest: {prefix}{near[0]})", f"the unknown key {key}"


def _section(names: list[Any]) -> type[BaseModel]:
    section: type[BaseModel] = Configuration
    for name in names:
        section = Simulate if name == "simulate" else section.model_fields[name].annotation
    return section


def _refuse_contradictions(configuration: Configuration, where: str | Path) -> None:
    ingest, segment, fit = configuration.ingest, configuration.segment, configuration.fit
    contradictions = [
        (fit.source == "echoes" and not ingest.echoes, "fit.source: echoes", "ingest.echoes: 0"),
        (fit.source == "vendor-map" and not ingest.t2_map, "fit.source: vendor-map", "ingest.t2_map: false"),
        (
            segment.source == "network" and "in" not in ingest.dixon,
            "segment.source: network",
            "no 'in' in ingest.dixon",
        ),
        (segment.source == "given" and not segment.given, "segment.source: given", "segment.given: null"),
        *_about_source(configuration),
        *_about_fit(configuration),
    ]
    for contradicts, one, other in contradictions:
        if contradicts:
            raise MyoT2Error(
                expected=f"settings that fit {one}", found=other, where=where, do="Change one of the two settings."
            )


def _about_source(configuration: Configuration) -> list[tuple[bool, str, str]]:
    """What goes with DICOM only, or with a given dataset only."""
    ingest = configuration.ingest
    source = f"ingest.source: {ingest.source}"
    given = ingest.source != "dicom"
    misnamed = [field for pattern in ingest.files.values() for field in unknown_fields(pattern)]
    return [
        (given and not ingest.dataset, source, "ingest.dataset: null"),
        (given and configuration.simulate is not None, source, "simulate"),
        (given and ingest.series is not None, source, "ingest.series"),
        (ingest.series is not None and ingest.key is None, "ingest.series", "ingest.key: null"),
        (given and ingest.t2_map_scale is not None, source, "ingest.t2_map_scale"),
        (not given and ingest.dataset is not None, source, "ingest.dataset"),
        (not given and bool(ingest.files), source, "ingest.files"),
        (bool(misnamed), "ingest.files", f"the unknown field {{{', '.join(misnamed)}}}"),
    ]


def _about_fit(configuration: Configuration) -> list[tuple[bool, str, str]]:
    """What a model needs, and what goes with some models only."""
    fit, dixon = configuration.fit, configuration.ingest.dixon
    fraction, model = f"fit.fat.fraction: {fit.fat.fraction}", f"fit.model: {fit.model}"
    takes_noise = fit.model in ("mono", "epg-water-fat")
    return [
        (fit.noise != "none" and not takes_noise, model, f"fit.noise: {fit.noise}"),
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
        (fit.model == "epg-water-fat" and fat_source(configuration) is None, model, "no source of the fat fraction"),
    ]


def fat_source(configuration: Configuration) -> Literal["water-fat", "in-opposed", "given"] | None:
    """Where the fat fraction comes from, `auto` resolved; None where there is none."""
    stated = configuration.fit.fat.fraction
    if stated == "auto":
        return "water-fat" if {"water", "fat"} <= {*configuration.ingest.dixon} else None
    return None if stated == "none" else stated
