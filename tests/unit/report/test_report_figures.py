"""Figures are drawn whatever the data, and equal data give equal bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.report.figure_style import svg
from myot2.report.figures import beeswarm, group_figure, muscle_figure, roc_figure

PATIENTS = [39.9, 41.7, 45.6, 51.2, 57.7]
ROC = pd.DataFrame(
    {"cutoff": [32.0, 36.4, 40.0, 60.0], "sensitivity": [1.0, 0.9, 0.5, 0.0], "specificity": [0.0, 0.8, 1.0, 1.0]}
)


@pytest.mark.parametrize("controls", [[], [34.0], [34.0, 34.0], [33.0, 34.0, 35.0]])
@pytest.mark.parametrize("cutoff", [None, 36.4])
def test_the_group_figure_shows_one_dot_per_person(controls, cutoff):
    axes = group_figure({"patient": PATIENTS, "control": controls}, cutoff).axes[0]
    dots = sum(len(collection.get_offsets()) for collection in axes.collections)
    assert dots == len(PATIENTS) + len(controls)
    assert [tick.get_text() for tick in axes.get_xticklabels()][1] == f"controls\nn = {len(controls)}"
    assert any(text.get_text() == "cutoff" for text in axes.texts) == (cutoff is not None)


def test_the_median_line_of_the_box_is_the_median():
    axes = group_figure({"patient": PATIENTS, "control": []}, None).axes[0]
    assert any(np.allclose(line.get_ydata(), 45.6) and len(line.get_ydata()) == 2 for line in axes.lines)


def test_the_box_spans_the_quartiles_that_the_statistics_print():
    """Weibull's rule puts the quartiles of 5 values at ranks 1.5 and 4.5; matplotlib's own box would take 2 and 4."""
    axes = group_figure({"patient": PATIENTS, "control": []}, None).axes[0]
    edges = axes.patches[0].get_path().vertices[:, 1]
    assert (edges.min(), edges.max()) == pytest.approx(((39.9 + 41.7) / 2, (51.2 + 57.7) / 2))


def test_names_are_left_out_where_there_is_no_room():
    table = pd.DataFrame(np.full((2, 60), 40.0), columns=[f"sub-{n}" for n in range(60)])
    groups = {name: "control" if n < 5 else "patient" for n, name in enumerate(table.columns)}
    assert not [tick.get_text() for axes in muscle_figure(table, groups).axes[:2] for tick in axes.get_xticklabels()]


def test_the_chosen_point_of_the_roc_curve_is_the_cutoffs_own():
    axes = roc_figure(ROC, 36.4).axes[0]
    (marker,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert marker.get_xdata()[0] == pytest.approx(0.2)
    assert marker.get_ydata()[0] == pytest.approx(0.9)


@pytest.mark.parametrize(("roc", "cutoff"), [(ROC, None), (ROC.iloc[:0], None), (ROC.iloc[:0], 36.4)])
def test_without_a_cutoff_or_a_curve_no_point_is_marked(roc, cutoff):
    assert not [line for line in roc_figure(roc, cutoff).axes[0].lines if line.get_marker() == "o"]


def test_the_heat_map_puts_patients_left_and_the_brightest_first():
    table = pd.DataFrame({"sub-a": [40.0, 41.0], "sub-b": [50.0, np.nan], "sub-c": [33.0, 34.0]}, index=["x", "y"])
    figure = muscle_figure(table, {"sub-a": "patient", "sub-b": "patient", "sub-c": "control"})
    named = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in figure.axes[:2]]
    assert named == [["b", "a"], ["c"]]
    cells = figure.axes[0].collections[0].get_array()
    assert np.ma.getmaskarray(cells).tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(),
        pd.DataFrame({"sub-a": [np.nan, np.nan]}, index=["x", "y"]),
        pd.DataFrame({"sub-a": [40.0, 40.0]}, index=["x", "y"]),
        pd.DataFrame(np.full((13, 74), 40.0), columns=[f"sub-{n}" for n in range(74)]),
    ],
)
def test_the_heat_map_is_drawn_whatever_is_missing(table):
    assert svg(muscle_figure(table, dict.fromkeys(table.columns, "patient"))).startswith("<?xml")


def test_equal_data_give_equal_bytes_without_a_date():
    first, second = (svg(group_figure({"patient": PATIENTS, "control": []}, 36.4)) for _ in range(2))
    assert first == second
    assert "dc:date" not in first


@given(st.lists(st.floats(20, 100), min_size=1, max_size=80))
def test_the_swarm_keeps_to_its_column_and_separates_equal_values(values):
    shifts = beeswarm(np.array(values))
    assert np.abs(shifts).max() <= 0.18 + 1e-9
    positions = list(zip(values, np.round(shifts, 9), strict=True))
    assert len(set(positions)) == len(positions)
