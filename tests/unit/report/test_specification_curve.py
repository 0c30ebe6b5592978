"""The specification curve shows every variant once, where its numbers are, whatever is missing."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from myot2.report.figure_style import svg
from myot2.report.specification_curve import specification_figure

MASKS, STATISTICS = ("automatic", "eroded", "corrected"), ("mean", "median")


@pytest.fixture
def table():
    """Six variants: the main path in the middle, one without interval, those of the corrected mask without anything."""
    rows = [
        {"mask": mask, "t2": "vendor-map", "statistic": statistic, "aggregation": "voxel", "main": "no"}
        for mask, statistic in product(MASKS, STATISTICS)
    ]
    table = pd.DataFrame(rows)
    table.loc[0, "main"] = "yes"
    table["auc"] = [0.95, 0.9, 1.0, 0.97, np.nan, np.nan]
    table["auc_ci_low"] = [0.9, 0.8, np.nan, 0.93, np.nan, np.nan]
    table["auc_ci_high"] = [1.0, 1.0, np.nan, 1.0, np.nan, np.nan]
    table["cutoff_ms"] = [36.4, 36.0, 37.0, 35.5, np.nan, np.nan]
    return table


def dots(axes, marker):
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return sorted(
        (float(x), float(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    )


def test_variants_stand_by_rising_auc_with_their_cutoff_and_interval(table):
    area, cutoff, _ = specification_figure(table).axes
    assert dots(area, "o") == [(0, 0.9), (2, 0.97), (3, 1.0)] and dots(area, "D") == [(1, 0.95)]
    assert dots(cutoff, "o") == [(0, 36.0), (2, 35.5), (3, 37.0)] and dots(cutoff, "D") == [(1, 36.4)]
    segments = [path.vertices for collection in area.collections for path in collection.get_paths()]
    drawn = sorted((v[0, 0], v[0, 1], v[1, 1]) for v in segments if len(v) == 2 and np.isfinite(v).all())
    assert drawn == [(0, 0.8, 1.0), (1, 0.9, 1.0), (2, 0.93, 1.0)]


def test_each_variant_has_one_dot_in_each_choice_and_what_nobody_made_is_named(table):
    matrix = specification_figure(table).axes[2]
    labels = [tick.get_text() for tick in matrix.get_yticklabels()]
    assert labels == ["automatic", "eroded", "corrected", "scanner's map", "mean", "median", "all voxels"]
    height = dict(zip(labels, matrix.get_yticks(), strict=True))
    by_place = {place: {y for x, y in [*dots(matrix, "o"), *dots(matrix, "D")] if x == place} for place in range(4)}
    common = {height["scanner's map"], height["all voxels"]}
    assert by_place[0] == common | {height["automatic"], height["median"]}
    assert by_place[1] == common | {height["automatic"], height["mean"]}
    assert by_place[3] == common | {height["eroded"], height["mean"]}
    (text,) = [text for text in matrix.texts if text.get_text() == "not available"]
    assert text.get_position()[1] == height["corrected"]


@pytest.mark.parametrize("kept", [[], [4, 5], [0], [1, 2]])
def test_it_is_drawn_whatever_is_missing(table, kept):
    figure = specification_figure(table.iloc[kept])
    assert svg(figure).startswith("<?xml")
    said = any(text.get_text() == "no data" for text in figure.axes[0].texts)
    assert said == (not table.iloc[kept]["auc"].notna().any())


def test_no_area_above_one_is_on_the_axis(table):
    area = specification_figure(table.assign(auc=1.0, auc_ci_low=np.nan, auc_ci_high=np.nan)).axes[0]
    assert max(area.get_yticks()) == pytest.approx(1.0) and area.get_ylim()[0] < 0.9


def test_equal_tables_give_equal_bytes(table):
    assert svg(specification_figure(table)) == svg(specification_figure(table.copy()))
