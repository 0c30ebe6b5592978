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

import yaml
from pydantic import BaseModel, Field, ValidationError

from myot2.core.config_analysis import Analysis
from myot2.core.config_export import Export, contradictions_of_export
from myot2.core.config_fit import Fit, contradictions_of_fit
from myot2.core.config_learn import Learn
from myot2.core.config_multiverse import contradictions_of_multiverse, further_t2
from myot2.core.config_reconstruct import Reconstruct, contradictions_of_reconstruct, resolved_source
from myot2.core.config_review import Review
from myot2.core.config_section import Section
from myot2.core.config_segment import Segment, contradictions_of_segment
from myot2.core.errors import MyoT2Error
from myot2.core.given import Product, unknown_fields


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


class SimulateKspace(Section):
    """Raw k-space of the multi-echo series, written beside the DICOM of the digital cohort; docs/stages/simulate.md."""

    write: bool = Field(False, description="Whether raw k-space is written.")
    coils: int = Field(8, ge=2, le=64, description="Receive coils, loops around the thighs.")
    blocks: int = Field(5, ge=1, le=32, description="Parts of k-space of which each echo takes one.")
    acceleration: int = Field(2, ge=1, le=8, description="One line in so many is sampled within a part.")
    block_order: list[int] | None = Field(
        None, min_length=1, description="The part that each echo takes, from 0 on; null: ascending."
    )
    partial_fourier: float = Field(1.0, gt=0.5, le=1, description="The part of k-space that is sampled at all.")
    odd_even_deg: tuple[float, float, float] = Field(
        (6.0, 3.0, -4.0),
        description="Phase of even against odd echoes (degrees): constant, and to the edge along rows and columns.",
    )


class Simulate(Section):
    """The digital cohort that stands in for a scanner; leave the section out for real data."""

    preset: Literal["demo", "kspace", "study"] = Field("demo", description="Size of the cohort and of the matrix.")
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
    kspace: SimulateKspace = Field(SimulateKspace(), description=SimulateKspace.__doc__)


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


class Align(Section):
    """From the grid of the labels to the grid of the T2 map."""

    refinement: Literal["rigid", "none"] = Field(
        "rigid", description="Rigid registration of the images after alignment by geometry; kept only if it improves."
    )
    minimum_fraction: float = Field(
        0.5, gt=0, le=1, description="Part of a voxel that muscle must fill for the voxel to count."
    )


class Measure(Section):
    """What is measured per muscle."""

    erosion_mm: float = Field(0.0, ge=0, description="In-plane erosion of each muscle before T2 is averaged (mm).")
    plausible_ms: tuple[float, float] = Field(
        (1.0, 300.0), description="T2 outside this range (ms) is left out of the averages, and counted."
    )


class Disclosure(Section):
    """How strict the shareable build is: OpenSAFELY's limits, or stricter ones; docs/how-to/share-results.md."""

    redact_up_to: int = Field(7, ge=7, description="A count of so many people or fewer is redacted.")
    round_to: int = Field(5, ge=5, description="Other counts are rounded to a multiple of it.")


class Report(Section):
    """The report."""

    title: str = Field("Muscle T2 of the thigh", description="Title of the report.")
    renderer: Literal["auto", "quarto", "pandoc"] = Field(
        "auto", description="Quarto where it is installed, else pandoc and Typst (auto), or one of them."
    )
    shareable: bool = Field(
        False, description="Whether a second report is made, without any number that is one person's."
    )
    disclosure: Disclosure = Field(Disclosure(), description=Disclosure.__doc__)


class Train(Section):
    """The training of a model of your own; nothing else depends on it."""

    recipe: str = Field("config/train/reduced.yaml", description="Every parameter and seed of the training.")
    maps: str | None = Field(None, description="Folder of thigh label maps, where the recipe learns from them.")
    whole_leg: str | None = Field(None, description="Label map of a whole leg, which completes them.")


class Configuration(Section):
    """Everything that a run can be told."""

    results: str = Field("results", description="Folder that receives everything the run makes.")
    label_table: str = Field("config/labels.tsv", description="The label table: which number means which muscle.")
    participants: Participants = Field(Participants(), description=Participants.__doc__)
    simulate: Simulate | None = Field(None, description=Simulate.__doc__)
    ingest: Ingest = Field(Ingest(), description=Ingest.__doc__)
    reconstruct: Reconstruct = Field(Reconstruct(), description=Reconstruct.__doc__)
    segment: Segment = Field(Segment(), description=Segment.__doc__)
    align: Align = Field(Align(), description=Align.__doc__)
    fit: Fit = Field(Fit(), description=Fit.__doc__)
    review: Review = Field(Review(), description=Review.__doc__)
    measure: Measure = Field(Measure(), description=Measure.__doc__)
    analysis: Analysis = Field(Analysis(), description=Analysis.__doc__)
    report: Report = Field(Report(), description=Report.__doc__)
    export: Export = Field(Export(), description=Export.__doc__)
    train: Train = Field(Train(), description=Train.__doc__)
    learn: Learn = Field(Learn(), description=Learn.__doc__)


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
    configuration = _with_source(configuration)
    _refuse_contradictions(configuration, where)
    return configuration


def read_configuration_file(path: str | Path) -> Configuration:
    """Read a run's configuration from its file.

    Raises
    ------
    MyoT2Error
        There is no such file, it is no YAML, or see `read_configuration`.
    """
    path = Path(path)
    if not path.is_file():
        raise MyoT2Error(expected="a configuration", found="no such file", where=path, do="Check --configfile.")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        found = " ".join(str(error).split())
        raise MyoT2Error(expected="YAML", found=found, where=path, do="Correct the file.") from error
    return read_configuration(content or {}, where=path)


def _with_source(configuration: Configuration) -> Configuration:
    """The same with `fit.source: auto` resolved, so that nobody downstream has to."""
    ingest, fit = configuration.ingest, configuration.fit
    source = resolved_source(fit, t2_map=ingest.t2_map, echoes=ingest.echoes)
    return configuration.model_copy(update={"fit": fit.model_copy(update={"source": source})})


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
        *_about_source(configuration),
        *contradictions_of_segment(segment, ingest.dixon),
        *contradictions_of_fit(fit, ingest.dixon),
        *contradictions_of_reconstruct(
            configuration.reconstruct, fit, ingest.dixon, further_t2(configuration.analysis.multiverse, fit)
        ),
        *_about_kspace(configuration),
        *contradictions_of_export(
            configuration.export,
            source=ingest.source,
            key=ingest.key,
            matched=bool(ingest.echoes or ingest.t2_map),
        ),
        *contradictions_of_multiverse(
            configuration.analysis.multiverse, fit, ingest.dixon, echoes=ingest.echoes, t2_map=ingest.t2_map
        ),
    ]
    for contradicts, one, other in contradictions:
        if contradicts:
            raise MyoT2Error(
                expected=f"settings that fit {one}", found=other, where=where, do="Change one of the two settings."
            )


def _about_kspace(configuration: Configuration) -> list[tuple[bool, str, str]]:
    """What simulated raw data need to be there, and to be possible."""
    simulate = configuration.simulate
    if simulate is None:
        return []
    kspace = simulate.kspace
    outside = [block for block in kspace.block_order or [] if not 0 <= block < kspace.blocks]
    return [
        (
            configuration.fit.source == "kspace" and not kspace.write,
            "fit.source: kspace of a digital cohort",
            "simulate.kspace.write: false",
        ),
        (
            bool(outside),
            f"simulate.kspace.blocks: {kspace.blocks}",
            f"simulate.kspace.block_order: {', '.join(map(str, outside))}",
        ),
    ]


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
