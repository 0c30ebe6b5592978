"""People in bins: each bin, step and mark holds more people than a count that is redacted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.release.binning import GRID, histogram, roc_steps, scatter_points
from myot2.release.disclosure import Disclosure

HOW = Disclosure()
T2 = st.lists(st.floats(28, 90), min_size=0, max_size=120).map(np.asarray)


@given(T2)
def test_every_bin_holds_more_than_seven_people_by_counting_them_again(values):
    bins = histogram(values, HOW)
    for one in bins:
        low, high = -np.inf if one.low is None else one.low, np.inf if one.high is None else one.high
        people = int(((values >= low) & (values < high)).sum())
        assert people > 7 and one.people == HOW.count(people)
    assert (len(bins) == 0) == (HOW.count(len(values)) is None)


@given(T2)
def test_the_outer_bins_are_open_and_edges_lie_on_the_grid_whoever_takes_part(values):
    bins = histogram(values, HOW)
    edges = [one.high for one in bins[:-1]]
    assert [one.low for one in bins[1:]] == edges
    if bins:
        assert bins[0].low is None and bins[-1].high is None
    assert not edges or any(all(edge % width == 0 for edge in edges) for width in GRID)


@given(st.lists(st.floats(38, 52), min_size=60, max_size=90), st.floats(52, 500))
def test_how_far_out_the_highest_is_changes_nothing(values, far):
    assert histogram(np.array([*values, 52.0]), HOW) == histogram(np.array([*values, far + 0.0]), HOW) or far < 60


@given(st.lists(st.integers(30, 60), min_size=28, max_size=90), st.lists(st.integers(28, 55), min_size=28, max_size=90))
def test_every_corner_of_the_curve_is_many_people_from_the_next_on_each_axis(patients, controls):
    steps = roc_steps(np.array(patients, float), np.array(controls, float), HOW)
    assert steps[0] == (0.0, 0.0) and steps[-1] == (1.0, 1.0)
    for axis, group in ((0, controls), (1, patients)):
        levels = sorted({corner[axis] for corner in steps})
        assert all(
            (high - low) * HOW.count(len(group)) > 7 - 0.011 * len(group)
            for low, high in zip(levels, levels[1:], strict=False)
        )
        assert all(one[axis] <= other[axis] for one, other in zip(steps, steps[1:], strict=False))


def test_the_steps_lie_on_the_curve_to_within_half_a_step():
    random = np.random.default_rng(5)
    patients, controls = random.normal(44, 6, 100), random.normal(38, 5, 80)
    for false, true in roc_steps(patients, controls, HOW):
        rates = [((controls >= cut).mean(), (patients >= cut).mean()) for cut in np.linspace(20, 70, 2001)]
        assert min(max(abs(false - x), abs(true - y)) for x, y in rates) <= 0.07  # half of ten among 80


@pytest.mark.parametrize("sizes", [(64, 10), (27, 90), (8, 4)])
def test_a_small_group_has_no_curve(sizes):
    random = np.random.default_rng(1)
    assert roc_steps(random.normal(45, 5, sizes[0]), random.normal(34, 2, sizes[1]), HOW) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(30, 60)), min_size=0, max_size=120))
def test_every_mark_is_the_mean_of_eight_people_or_more_and_equal_values_stay_together(pairs):
    values, t2 = np.array([pair[0] for pair in pairs], float), np.array([pair[1] for pair in pairs], float)
    points = scatter_points(values, t2, HOW)
    assert len(points) == 0 or len(points) >= 3
    assert all(point.people >= 10 and point.people % 5 == 0 for point in points)
    assert [point.value for point in points] == sorted(point.value for point in points)
    if points:
        assert len(points) <= len(pairs) // 8
        assert all(min(t2) - 0.05 <= point.other <= max(t2) + 0.05 for point in points)


def test_marks_move_by_no_more_than_an_eighth_of_what_one_person_moves():
    random = np.random.default_rng(2)
    values, t2 = random.normal(300, 90, 64), random.normal(47, 9, 64)
    before = scatter_points(values, t2, HOW)
    for person in range(64):
        moved = t2.copy()
        moved[person] += 16.0
        after = scatter_points(values, moved, HOW)
        shifts = [abs(one.other - other.other) for one, other in zip(before, after, strict=True)]
        assert max(shifts) <= 16 / 8 + 0.1 and sum(shift > 0.1 for shift in shifts) == 1
