"""How coarsely numbers are printed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.release import precision

SIZES = st.integers(8, 200)


@given(st.floats(1e-4, 1e5))
def test_a_nice_step_is_no_finer_than_asked_and_less_than_two_and_a_half_times_as_coarse(least):
    step = precision.nice_step(least)
    assert least * (1 - 1e-6) <= step <= 2.5 * least * (1 + 1e-6)
    assert math.isclose(
        step / 10 ** math.floor(math.log10(step) + 1e-9), round(step / 10 ** math.floor(math.log10(step) + 1e-9))
    )


@given(st.floats(-1000, 1000), st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 200.0]))
def test_what_is_printed_to_a_step_is_its_nearest_multiple(value, step):
    printed = float(precision.to_step(value, step))
    assert abs(printed - value) <= step / 2 * (1 + 1e-6) + 1e-9
    assert math.isclose(printed / step, round(printed / step), abs_tol=1e-6)


@given(SIZES, SIZES)
def test_eight_values_of_the_rank_sum_print_the_same_area(first, second):
    """By counting: of all values of U, how many share a printed area; the last step at either end is half."""
    step = precision.area_step(first, second, 8)
    points = round(3 * step * first * second) + 1
    printed = [
        precision.to_step(u / (first * second), step) for u in range(first * second // 2, first * second // 2 + points)
    ]
    inside = printed[printed.index(next(text for text in printed if text != printed[0])) :]
    if inside[-1] != inside[0]:
        assert inside.count(inside[0]) >= 8


@given(st.integers(8, 300), st.integers(0, 2), st.lists(st.integers(0, 8), min_size=1, max_size=300))
def test_the_mean_of_grades_does_not_tell_how_many_people_there_are(n, decimals, grades):
    """GRIM: as printed, the mean is possible with every other number of people of the same rounded count."""
    shown = precision.mean_decimals(n, decimals)
    mean = round(sum(grades) / len(grades), shown)
    half = 0.5 * 10.0**-shown
    assert math.floor((mean + half) * n + 1e-9) >= math.ceil((mean - half) * n - 1e-9)


@given(st.lists(st.floats(1, 100), min_size=8, max_size=60), st.integers(0, 59))
def test_who_dominates_a_mean_makes_up_more_than_half_of_it(values, number):
    array = np.asarray(values)
    told = precision.dominates_mean(array.min(), array.max(), array.mean(), len(array))
    assert told == (array.max() / array.sum() > 0.5)


def test_one_outlier_dominates_the_spread_and_eight_even_values_do_not():
    even, outlier = np.arange(20.0), np.append(np.arange(19.0), 400.0)
    for values, dominated in ((even, False), (outlier, True)):
        numbers = (values.min(), values.max(), values.mean(), values.std(ddof=1), len(values))
        assert precision.dominates_spread(*numbers) == dominated


def test_quantiles_are_printed_in_steps_that_eight_people_share():
    values = np.random.default_rng(3).normal(47, 9, 4000)
    q1, q3 = np.quantile(values, [0.25, 0.75])
    for n in (32, 64, 200, 1000):
        step = precision.quantile_step(q1, q3, n, 8)
        within = np.mean(np.abs(values - np.median(values)) <= step / 2) * n
        assert within >= 7, "in a step around the median"
    assert precision.quantile_step(4.0, 4.0, 64, 8) is None


@pytest.mark.parametrize(
    ("p", "printed"),
    [(8e-7, "<0.001"), (0.00099, "<0.001"), (0.0034, "0.003"), (0.0158, "0.02"), (0.118, "0.1"), (0.44, "0.4"),
     (0.0999, "0.1"), (0.094, "0.09"), (0.97, "1.0")],
)  # fmt: skip
def test_p_has_one_digit(p, printed):
    assert precision.print_p(p) == printed


@pytest.mark.parametrize(
    ("value", "printed"), [(36.4, "36"), (12.23, "12"), (1487.8, "1500"), (0.0344, "0.034"), (-9.96, "-10"), (0, "0")]
)
def test_a_number_between_two_people_has_two_digits(value, printed):
    assert precision.significant(value) == printed


def test_a_correlation_its_p_and_its_interval_do_not_tell_n():
    """With rs to two decimals and p to one digit at least three other n of the same rounded count are possible."""
    from scipy import stats

    def printed(rs: float, n: int) -> str:
        t = rs * math.sqrt((n - 2) / (1 - rs**2))
        return precision.print_p(2 * float(stats.t.sf(abs(t), n - 2)))

    for rs, n in ((0.3613, 64), (0.3007, 64), (-0.226, 61), (0.3021, 64)):
        possible = [
            other
            for other in range(5 * round(n / 5) - 2, 5 * round(n / 5) + 3)
            if any(
                printed(near, other) == printed(rs, n)
                for near in np.linspace(round(rs, 2) - 0.005, round(rs, 2) + 0.005, 21)
            )
        ]
        assert len(possible) >= 4
