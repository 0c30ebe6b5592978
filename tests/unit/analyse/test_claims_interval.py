"""What printed numbers stand for, and arithmetic with it, against brute force."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myot2.analyse.claims.interval import EVERYTHING, Interval, exactly, show, total
from myot2.analyse.claims.printed import parse

ends = st.fractions(min_value=-5, max_value=5, max_denominator=8)
values = st.decimals(min_value=-99, max_value=99, places=6)


@st.composite
def intervals(draw) -> Interval:
    low, high = sorted([draw(ends), draw(ends)])
    closed = (True, True) if low == high else (draw(st.booleans()), draw(st.booleans()))
    return Interval(low, high, *closed)


def members(interval: Interval) -> list[Fraction]:
    """Some values of an interval: its ends where they belong to it, values close to them, and others between."""
    width = interval.high - interval.low
    parts = [Fraction(0), Fraction(1, 10**9), Fraction(1, 3), Fraction(1, 2), 1 - Fraction(1, 10**9), Fraction(1)]
    found = [interval.low + part * width for part in parts] + ([Fraction(0)] if 0 in interval else [])
    return [value for value in found if value in interval]


def printed_as(value: Decimal, decimals: int) -> str:
    """Rounding half away from zero by the standard library's decimals."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP):f}"


@given(values, st.integers(0, 4))
def test_a_number_stands_for_exactly_the_values_that_print_as_it(value, decimals):
    text = printed_as(value, decimals)
    step = Decimal(1).scaleb(-decimals)
    for shift in (-2, -1, 0, 1, 2):
        other = f"{Decimal(text) + shift * step:f}"
        same = Decimal(printed_as(value, decimals)) == Decimal(other)
        assert (Fraction(value) in parse(other, exact=False).interval) == same


@given(values, st.integers(0, 4))
def test_a_number_is_what_prints_the_values_it_stands_for(value, decimals):
    printed = parse(printed_as(value, decimals), exact=False)
    assert printed.is_what_prints(float(value))
    assert not printed.is_what_prints(float(value) + 1.01 * float(printed.step))


@given(intervals(), intervals(), st.sampled_from("+-*/"))
def test_results_of_arithmetic_hold_every_result_of_single_values_and_no_wider_range(one, other, sign):
    operations = {
        "+": (lambda a, b: a + b),
        "-": (lambda a, b: a - b),
        "*": (lambda a, b: a * b),
        "/": (lambda a, b: a / b),
    }
    result = operations[sign](one, other)
    if sign == "/" and (0 in other or 0 in (other.low, other.high)):
        assert result == EVERYTHING
        return
    singles = [operations[sign](a, b) for a in members(one) for b in members(other)]
    assert all(value in result for value in singles)
    assert min(singles) - result.low <= Fraction(1, 10**6) and result.high - max(singles) <= Fraction(1, 10**6)
    assert result.closed_low == (result.low in singles) and result.closed_high == (result.high in singles)


@given(intervals())
def test_squares_and_sizes_are_those_of_the_values(interval):
    for result, function in ((interval.squared(), lambda value: value**2), (abs(interval), abs)):
        singles = [function(value) for value in members(interval)]
        assert all(value in result for value in singles)
        assert min(singles) - result.low <= Fraction(1, 10**6) and result.high - max(singles) <= Fraction(1, 10**6)


@given(intervals(), intervals())
def test_two_intervals_overlap_where_a_value_lies_in_both(one, other):
    corners = {one.low, one.high, other.low, other.high}
    candidates = corners | {(a + b) / 2 for a in corners for b in corners}
    assert one.overlaps(other) == any(value in one and value in other for value in candidates)
    assert one.overlaps(other) == other.overlaps(one)


@given(intervals())
def test_whole_numbers_are_those_that_lie_in_it(interval):
    assert list(interval.whole_numbers()) == [number for number in range(-6, 7) if number in interval]


@given(intervals(), st.sampled_from([math.exp, lambda value: -value, math.atan]))
def test_a_monotonic_function_makes_an_interval_that_holds_every_value(interval, function):
    result = interval.image(function)
    for value in members(interval):
        assert function(float(value)) in result
    assert result.high - result.low <= abs(function(float(interval.high)) - function(float(interval.low))) + 1e-6


@pytest.mark.parametrize(
    ("text", "form", "low", "high", "ends_belong"),
    [
        ("47.4", "number", "47.35", "47.45", (True, False)),
        ("9.0", "number", "8.95", "9.05", (True, False)),
        ("-0.226", "number", "-0.2265", "-0.2255", (False, True)),
        ("\u22120.226", "number", "-0.2265", "-0.2255", (False, True)),
        ("+0.226", "number", "0.2255", "0.2265", (True, False)),
        (".080", "number", "0.0795", "0.0805", (True, False)),
        ("0.0", "number", "-0.05", "0.05", (False, False)),
        ("64", "number", "64", "64", (True, True)),
        ("96.9 %", "percent", "0.9685", "0.9695", (True, False)),
        ("48%", "percent", "0.475", "0.485", (True, False)),
        ("1:1.5", "ratio", "1.45", "1.55", (True, False)),
        ("2:3", "ratio", "1.25", "1.75", (True, False)),
        ("1 min 49 s", "duration", "108.5", "109.5", (True, False)),
    ],
)
def test_each_form_stands_for_its_interval(text, form, low, high, ends_belong):
    printed = parse(text)
    assert printed.form == form
    assert printed.interval == Interval(Fraction(low), Fraction(high), *ends_belong)


def test_a_bound_stands_for_everything_beyond_it():
    below, above = parse("<0.001"), parse("> 75")
    assert Fraction(1, 1001) in below.interval and Fraction(1, 1000) not in below.interval
    assert 75 not in above.interval and 76 in above.interval


def test_a_whole_number_is_a_count_unless_it_is_said_to_be_rounded():
    assert parse("44").interval == exactly(44)
    assert parse("44", exact=False).interval == Interval(Fraction(87, 2), Fraction(89, 2), True, False)
    assert parse("44.0", exact=True).interval == exactly(44)


@pytest.mark.parametrize(
    ("text", "value", "same"),
    [
        ("44.3", 44.25, True),  # half away from zero; Python's own formatting says 44.2
        ("-0.226", -0.2255, True),
        ("100 %", 1.0, True),
        ("48 %", 31 / 64, True),
        ("49 %", 31 / 64, False),
        ("1:1.5", 38 / 26, True),
        ("2:1.5", 38 / 26, False),
        ("<0.001", 8.8e-7, True),
        ("<0.001", 0.001, False),
        ("<0.05", 8.8e-7, True),
        ("<0.002", 8.8e-7, False),  # true, and no bound that anybody prints
        ("<1.001", 8.8e-7, False),
        ("9", 9.0, True),
        ("9.0", 9.04, True),
        ("9.00", 9.04, False),
    ],
)
def test_a_value_prints_as_the_text_or_does_not(text, value, same):
    assert parse(text).is_what_prints(value) == same


@pytest.mark.parametrize("text", ["", "n/a", "47,4", "47.4 ms", "1e3", "0:1", "4.8 +- 1.6", "inf", "10-fold", "<", "%"])
def test_what_is_no_printed_number_is_refused(text):
    with pytest.raises(ValueError):
        parse(text)


def test_intervals_are_told_in_words():
    assert show(exactly("26")) == "26" and show(total([exactly("0.1"), exactly("0.2")])) == "0.3"
    assert show(parse("47.4").interval) == "47.35 to 47.45" and show(parse("<0.001").interval) == "below 0.001"
