"""A page against statistics.json."""

from __future__ import annotations

import pytest

from myot2.analyse.claims.page import claims_in, compare_page

STATISTICS = {
    "roc.auc": {"value": 0.9859375, "n": 74, "printed": "0.986", "ci": [0.96, 1.0], "ci_printed": "0.962 to 1.000",
                "u": 631.0},
    "t2.mann_whitney": {"value": 631.0, "n": 74, "printed": "631.0", "p": 8.8e-7, "p_printed": "<0.001"},
    "roc.sensitivity": {"value": 0.96875, "n": 64, "printed": "96.9 %", "numerator": 62},
}  # fmt: skip


def span(address: str, text: str) -> str:
    return f'<p>of <span class="claim" data-claim="{address}">{text}</span></p>'


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("roc.auc", "0.986"),
        ("roc.auc:ci", "0.962 to 1.000"),
        ("roc.auc:n", "74"),
        ("roc.auc:u", "631.0"),
        ("t2.mann_whitney:p", "&lt;0.001"),
        ("roc.sensitivity", "96.9&nbsp;%"),
        ("roc.sensitivity", "<b>96.9</b>\n %"),
        ("roc.sensitivity:numerator", "62"),
    ],
)
def test_a_number_that_is_printed_under_its_key_passes(address, text):
    assert compare_page(span(address, text), STATISTICS) == []


@pytest.mark.parametrize(
    ("address", "text", "expected"),
    [
        ("roc.auc", "0.985", "0.986"),
        ("roc.auc", "", "0.986"),
        ("roc.auc:ci", "0.962 to 0.999", "0.962 to 1.000"),
        ("roc.auc:n", "64", "74"),
        ("t2.mann_whitney:p", "&lt;0.01", "<0.001"),
        ("roc.aux", "0.986", "a known key and part"),
        ("roc.auc:z", "0.986", "a known key and part"),
        ("roc.auc:p", "0.986", "a known key and part"),
    ],
)
def test_another_number_or_an_unknown_key_is_found(address, text, expected):
    (finding,) = compare_page(span("roc.auc", "0.986") + span(address, text), STATISTICS)
    assert finding.expected == expected and finding.is_finding and finding.id == address


def test_a_page_without_numbers_is_found():
    assert len(compare_page("<p>0.986</p>", STATISTICS)) == 1


def test_elements_inside_and_around_do_not_confuse_the_texts():
    page = '<div data-claim="a">1<br><img src=x><span data-claim="b">2<i>3</b></span>4</div>'
    page += '<svg><path data-claim="c"/></svg>5'
    assert claims_in(page) == [("a", "1234"), ("b", "23"), ("c", "")]
