"""What each figure and table of the report is drawn from, and how it is put into the page with its caption."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.figure import Figure

from myot2.report import agreement, captions, figures, inference_tables, raters, readers, review, tables
from myot2.report.analysis_log import analyses_table
from myot2.report.flow_diagram import flow_figure, flow_of
from myot2.report.inputs import GROUPS
from myot2.report.lookup import printed_part
from myot2.report.markdown import quoted
from myot2.report.reconstruction import reconstruction_table
from myot2.report.scatter import Pairs, correlation_figure, sides_figure
from myot2.report.specification_curve import specification_figure
from myot2.report.study import Findings, Study

FOLDER = "inputs/figures"
"""Where the figures lie beside the document."""

QUANTITIES = {
    "ck": ("CK", "U/l"),
    "alt": ("ALT", "U/l"),
    "ast": ("AST", "U/l"),
    "ldh": ("LDH", "U/l"),
    "ild_score": ("lung disease (ILD)", "score"),
}


def _cutoff(found: Findings) -> float | None:
    return found.statistics.value("roc.cutoff")


def _t2(found: Findings) -> dict[str, pd.Series]:
    return {group: found.t2_of(group) for group in GROUPS}


def _groups(found: Findings) -> dict[str, str | None]:
    return {scan: found.group_of(scan) for scan in found.muscles.columns}


def _pairs(found: Findings, name: str) -> Pairs:
    t2 = found.t2_of("patient")
    both = pd.DataFrame({"value": found.clinical(name), "t2": t2}).dropna()
    entry = found.statistics.content.get(f"spearman.{name}", {})
    p = printed_part(entry, "p_printed") or ""
    words = (
        f"rₛ = {entry['printed']}\np {p if p.startswith('<') else f'= {p}'}, n = {entry['n']}"
        if found.statistics.has(f"spearman.{name}")
        else "not computed"
    )
    title, unit = QUANTITIES[name]
    return Pairs(title, unit, both["value"].to_numpy(), both["t2"].to_numpy(), words)


DRAWN: Mapping[str, Callable[[Findings], Figure]] = {
    "fig-flow": lambda found: flow_figure(flow_of(found.statistics, found.flow)),
    "fig-groups": lambda found: figures.group_figure(_t2(found), _cutoff(found)),
    "fig-histogram": lambda found: figures.histogram_figure(_t2(found), _cutoff(found)),
    "fig-roc": lambda found: figures.roc_figure(found.roc, _cutoff(found), found.band),
    "fig-multiverse": lambda found: specification_figure(found.multiverse),
    "fig-correlations": lambda found: correlation_figure([_pairs(found, name) for name in QUANTITIES], _cutoff(found)),
    "fig-muscles": lambda found: figures.muscle_figure(found.muscles, _groups(found)),
    "fig-sides": lambda found: sides_figure(found.sides, _groups(found)),
    "fig-masks": lambda found: agreement.agreement_figure(
        agreement.mask_pairs(found.masks, found.people), found.statistics
    ),
}
"""Each figure of `captions.FIGURES`, drawn anew at each call."""

LAID_OUT: Mapping[str, Callable[[Study], str]] = {
    "tbl-cohort": lambda study: tables.cohort_table(study.statistics),
    "tbl-missing": lambda study: inference_tables.missing_table(study.statistics),
    "tbl-flow": lambda study: tables.flow_table(study.flow),
    "tbl-stopped": lambda study: tables.stopped_table(study.flow),
    "tbl-effect": lambda study: inference_tables.effect_table(study.statistics),
    "tbl-crossed": lambda study: tables.crossed_table(_t2(study), _cutoff(study)),
    "tbl-accuracy": lambda study: inference_tables.accuracy_table(study.statistics),
    "tbl-correlations": lambda study: tables.correlation_table(study.statistics),
    "tbl-imputed": lambda study: inference_tables.imputed_table(study.statistics),
    "tbl-readers": lambda study: readers.readers_table(study.statistics),
    "tbl-muscles": lambda study: tables.muscle_table(study.statistics, study.labels.muscles),
    "tbl-muscle-model": lambda study: inference_tables.muscle_model_table(study.statistics, study.labels.muscles),
    "tbl-labels": lambda study: tables.quality_table(study.quality),
    "tbl-masks": lambda study: agreement.agreement_table(study.statistics),
    "tbl-review": lambda study: review.review_table(study.review),
    "tbl-review-muscles": lambda study: raters.muscles_table(study.review_muscles),
    "tbl-raters": lambda study: raters.raters_table(study.raters),
    "tbl-rater-muscles": lambda study: raters.muscles_table(study.rater_muscles),
    "tbl-voxels": lambda study: tables.voxel_table(study.voxels),
    "tbl-reconstruction": lambda study: reconstruction_table(study.reconstruction),
    "tbl-analyses": lambda study: analyses_table(study.log),
    "tbl-parameters": lambda study: tables.parameter_table(study.configuration),
    "tbl-versions": lambda study: tables.version_table(),
}
"""Each table of `captions.TABLES` as Markdown."""


ONLY_IF: Mapping[str, Callable[[Study], bool]] = {
    "fig-masks": lambda study: study.statistics.has("masks.bias"),
    "tbl-masks": lambda study: study.statistics.has("masks.bias"),
    "tbl-readers": lambda study: readers.were_two(study.statistics),
    "tbl-review": lambda study: study.review["decision"].notna().any(),
    "tbl-review-muscles": lambda study: (study.review_muscles["changed"] > 0).any(),
    "tbl-raters": lambda study: not study.raters.empty,
    "tbl-rater-muscles": lambda study: (study.rater_muscles["changed"] > 0).any(),
    "tbl-reconstruction": lambda study: not study.reconstruction.empty,
}
"""What a run need not have; a sentence says so in its place, where a reader would look for it."""

NOTES: Mapping[str, Callable[[Study], str]] = {
    label: lambda study, entries=entries: tables.reasons(study.statistics, entries(study))
    for label, entries in {
        "tbl-effect": lambda study: inference_tables.effects(study.statistics),
        "tbl-accuracy": lambda study: inference_tables.accuracies(study.statistics),
        "tbl-correlations": lambda study: tables.correlations(study.statistics),
        "tbl-imputed": lambda study: inference_tables.imputed(study.statistics),
        "tbl-muscle-model": lambda study: inference_tables.muscle_effects(study.statistics, study.labels.muscles),
    }.items()
}
"""What is said below a table: why numbers are lacking."""


def readers_section(study: Study) -> str:
    """Heading and words of the section on two readers; empty where one alone read."""
    if not readers.were_two(study.statistics):
        return ""
    return f"## Two readers of the lungs {{#sec-readers}}\n\n{readers.readers_sentence(study.statistics)}"


def show(label: str, study: Study) -> str:
    """A figure or table with its caption, as a labelled block of Markdown that Quarto and the fallback number.

    Empty where `ONLY_IF` says that the run has nothing for it.

    Raises
    ------
    KeyError
        No figure or table has the label.
    """
    if label in ONLY_IF and not ONLY_IF[label](study):
        return ""
    if label.startswith("fig-"):
        figure = next(figure for figure in captions.FIGURES if figure.label == label)
        content = f"![]({FOLDER}/{figure.file}.svg){{fig-alt={quoted(figure.alt)}}}"
        return f"::: {{#{label}}}\n{content}\n\n{figure.caption}\n:::"
    caption = next(table.caption for table in captions.TABLES if table.label == label)
    note = NOTES[label](study) if label in NOTES else ""
    return f"::: {{#{label}}}\n{LAID_OUT[label](study)}\n\n{caption}\n:::" + (f"\n\n{note}" if note else "")
