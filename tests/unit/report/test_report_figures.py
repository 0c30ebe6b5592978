"""Figures are drawn whatever the data, and equal data give equal bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyBboxPatch

from myot2.report.captions import FIGURES, TABLES
from myot2.report.figure_style import CONTROL, GROUP_MARKS, PATIENT, svg, write_vector
from myot2.report.figures import beeswarm, group_figure, histogram_figure, muscle_figure, roc_figure
from myot2.report.flow_diagram import flow_figure, flow_of
from myot2.report.lookup import Statistics
from myot2.report.scatter import Pairs, correlation_figure, sides_figure
from myot2.report.sections import DRAWN, LAID_OUT

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


FLOW = pd.DataFrame({"status": ["measured", "stopped", "stopped"], "stage": [None, "fit", "ingest"]})


def words_of(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_flow_diagram_shows_each_count_under_its_title_and_a_dash_where_there_is_none():
    counts = {
        "cohort.n": {"value": 74, "printed": "74"},
        "cohort.patient.n": {"value": 64, "printed": "64"},
        "cohort.control.n": {"value": 10, "printed": "10"},
        "cohort.patient.measured": {"value": 63, "printed": "63"},
        "roc.sensitivity": {"value": 0.97, "printed": "96.8 %", "numerator": 61, "denominator": 63},
        "spearman.ild_score": {"value": -0.2, "printed": "-0.226", "n": 61},
    }
    words = words_of(flow_figure(flow_of(Statistics(counts), FLOW)))
    assert words[:3] == ["In the participants table", "n = 74", "64 patients, 10 controls"]
    assert words[3:6] == ["Scans not measured: 2", "fit: 1", "ingest: 1"]
    assert words[6:8] == ["T2 measured", "63 patients, – controls"]
    assert {"ROC: n = 63,", "61 at or above the cutoff", "lung score n = 61", "CK n = –, ALT n = –,"} <= set(words)


def test_the_boxes_of_the_flow_diagram_stay_within_the_figure_however_many_stages_stop_scans():
    stopped = pd.DataFrame({"status": ["stopped"] * 20, "stage": [f"stage {n}" for n in range(20)]})
    figure = flow_figure(flow_of(Statistics({}), stopped))
    assert "elsewhere: 16" in words_of(figure)
    boxes = [patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 5
    for box in boxes:
        assert figure.bbox.contains(box.x0, box.y0) and figure.bbox.contains(box.x1, box.y1)


def test_a_band_is_drawn_around_the_roc_curve_where_there_is_one():
    band = pd.DataFrame({"false_positive_rate": [0, 0.5, 1], "low": [0.2, 0.6, 1], "high": [0.8, 0.9, 1]})
    assert len(roc_figure(ROC, 36.4).axes[0].collections) == 0
    (area,) = roc_figure(ROC, 36.4, band).axes[0].collections
    corners = {tuple(np.round(corner, 6)) for corner in area.get_paths()[0].vertices}
    assert {(0.0, 0.2), (0.0, 0.8), (0.5, 0.6), (0.5, 0.9)} <= corners


def test_a_correlation_panel_shows_each_pair_with_its_words_and_says_where_there_is_none():
    some = Pairs("CK", "U/l", np.array([10.0, 100.0, 900.0]), np.array([40.0, 45.0, 50.0]), "rₛ = 1.000")
    none = Pairs("ALT", "U/l", np.array([]), np.array([]), "not computed")
    first, second = correlation_figure([some, none], 36.4).axes[:2]
    assert first.collections[0].get_offsets().tolist() == [[10, 40], [100, 45], [900, 50]]
    assert first.get_title(loc="left") == "CK\nrₛ = 1.000" and first.get_xscale() == "log"
    assert [text.get_text() for text in second.texts] == ["no data"]


def test_left_and_right_are_compared_muscle_by_muscle():
    sides = pd.DataFrame({"sub-a": [1.0, np.nan], "sub-b": [3.0, -2.0], "sub-c": [0.5, 0.0]}, index=["x", "y"])
    axes = sides_figure(sides, {"sub-a": "patient", "sub-b": "patient", "sub-c": "control"}).axes[0]
    marks = [collection.get_offsets()[:, 0].tolist() for collection in axes.collections]
    assert marks == [[1.0, 3.0], [-2.0], [0.5], [0.0]]
    medians = [line.get_xdata()[0] for line in axes.lines[1:]]
    assert medians == [2.0, -2.0, 0.5, 0.0]


@given(
    st.lists(st.floats(10, 300), max_size=30),
    st.lists(st.floats(10, 300), max_size=30),
)
@settings(deadline=None, max_examples=15)
def test_the_histogram_counts_everybody_once(patients, controls):
    figure = histogram_figure({"patient": patients, "control": controls}, 36.4)
    for axes, values in zip(figure.axes, (patients, controls), strict=True):
        assert sum(patch.get_height() for patch in axes.patches) == len(values)


def lightness(colour: str) -> float:
    """CIE L* of a colour, 0-100: what grey printing leaves (IEC 61966-2-1, CIE 15)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = float(np.dot((0.2126, 0.7152, 0.0722), linear))
    return 116 * np.cbrt(luminance) - 16


def test_the_groups_differ_in_shape_and_in_grey():
    assert lightness(CONTROL) - lightness(PATIENT) > 20
    assert len(set(GROUP_MARKS.values())) == 2


def test_names_are_drawn_as_they_are_and_not_as_formulas():
    table = pd.DataFrame({"sub-a": [40.0]}, index=["$\\frac{1}{0}$ </svg><script>"])
    assert "<script" not in svg(muscle_figure(table, {"sub-a": "patient"}))


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_files_of_figures_have_equal_bytes_and_no_date(tmp_path, suffix):
    for name in ("a", "b"):
        write_vector(group_figure({"patient": PATIENTS, "control": [34.0]}, 36.4), tmp_path / f"{name}{suffix}")
    first = (tmp_path / f"a{suffix}").read_bytes()
    assert first == (tmp_path / f"b{suffix}").read_bytes()
    assert b"CreationDate" not in first and b"dc:date" not in first


def test_every_figure_and_table_with_a_caption_is_drawn_and_stands_in_the_document(root):
    document = (root / "report/report.qmd").read_text(encoding="utf-8")
    assert [figure.label for figure in FIGURES] == list(DRAWN)
    assert [table.label for table in TABLES] == list(LAID_OUT)
    for label in (*DRAWN, *LAID_OUT):
        assert document.count(f'Markdown(show("{label}"))') == 1
