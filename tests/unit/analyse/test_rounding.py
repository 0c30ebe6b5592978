"""Printing numbers: half away from zero, p values, percentages."""

from __future__ import annotations

import pytest

from myot2.analyse.rounding import print_number, print_p, print_percent


@pytest.mark.parametrize(
    ("value", "decimals", "printed"),
    [
        (44.25, 1, "44.3"),  # the study's age; Python's own formatting says 44.2
        (2.5, 0, "3"),
        (-2.5, 0, "-3"),
        (0.125, 2, "0.13"),
        (1.005, 2, "1.01"),  # the double is 1.00499999999999989
        (33.849999999999994, 1, "33.9"),
        (33.84999, 1, "33.8"),
        (-0.04, 1, "0.0"),
        (0, 3, "0.000"),
        (24355, 1, "24355.0"),
        (1e-9, 3, "0.000"),
        (1e17, 1, "100000000000000000.0"),
    ],
)
def test_halves_go_away_from_zero_and_zero_has_no_sign(value, decimals, printed):
    assert print_number(value, decimals) == printed


@pytest.mark.parametrize(
    ("p", "printed"),
    [(0.0, "<0.001"), (0.000499999, "<0.001"), (0.0005, "0.001"), (0.0155, "0.016"), (0.4405, "0.441"), (1.0, "1.000")],
)
def test_p_values_have_three_decimals_and_a_floor(p, printed):
    assert print_p(p) == printed


@pytest.mark.parametrize(
    ("fraction", "printed"), [(62 / 64, "96.9 %"), (21 / 22, "95.5 %"), (1, "100.0 %"), (0, "0.0 %")]
)
def test_percentages_have_one_decimal(fraction, printed):
    assert print_percent(fraction) == printed
