"""What each figure and table of the shareable report is drawn from, and how it is put into the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from myot2.report.markdown import quoted
from myot2.report.sections import FOLDER
from myot2.report.shareable import captions, figures, tables
from myot2.report.shareable.study import Shared
from myot2.report.tables import parameter_table, version_table

DRAWN: Mapping[str, Callable[[Shared], Figure]] = {
    "fig-flow": figures.flow,
    "fig-histogram": figures.histogram,
    "fig-roc": figures.roc,
    "fig-correlations": figures.correlations,
    "fig-muscles": figures.muscles,
}
"""Each figure of `captions.FIGURES`, drawn anew at each call."""

NOTHING_TO_DRAW: Mapping[str, Callable[[Shared], bool]] = {
    "fig-histogram": lambda shared: (
        shared.histogram["group"].value_counts().max() < 2 if len(shared.histogram) else True
    ),
    "fig-roc": lambda shared: shared.roc.empty,
    "fig-correlations": lambda shared: shared.correlations.empty,
    "fig-muscles": lambda shared: not any(map(shared.statistics.has, figures.muscle_keys(shared))),
}
"""When a figure is left out of the page."""

LAID_OUT: Mapping[str, Callable[[Shared], str]] = {
    "tbl-cohort": lambda shared: tables.cohort_table(shared.statistics),
    "tbl-groups": lambda shared: tables.groups_table(shared.statistics),
    "tbl-effect": lambda shared: tables.effect_table(shared.statistics),
    "tbl-accuracy": lambda shared: tables.accuracy_table(shared.statistics),
    "tbl-correlations": lambda shared: tables.correlation_table(shared.statistics),
    "tbl-muscles": lambda shared: tables.muscle_table(shared.statistics, shared.muscles),
    "tbl-muscle-model": lambda shared: tables.muscle_model_table(shared.statistics, shared.muscles),
    "tbl-analyses": lambda shared: tables.analyses_table(shared.analyses),
    "tbl-disclosure": lambda shared: tables.disclosure_table(shared.disclosure),
    "tbl-parameters": lambda shared: parameter_table(shared.configuration),
    "tbl-versions": lambda shared: version_table(),
}
"""Each table of `captions.TABLES` as Markdown."""


def show(label: str, shared: Shared) -> str:
    """A figure or table with its caption, as a labelled block of Markdown; empty where there is nothing to draw.

    Raises
    ------
    StopIteration
        No figure or table has the label.
    """
    if label in NOTHING_TO_DRAW and NOTHING_TO_DRAW[label](shared):
        return ""
    if label.startswith("fig-"):
        figure = next(figure for figure in captions.FIGURES if figure.label == label)
        content = f"![]({FOLDER}/{figure.file}.svg){{fig-alt={quoted(figure.alt)}}}"
        return f"::: {{#{label}}}\n{content}\n\n{figure.caption}\n:::"
    caption = next(table.caption for table in captions.TABLES if table.label == label)
    return f"::: {{#{label}}}\n{LAID_OUT[label](shared)}\n\n{caption}\n:::"
