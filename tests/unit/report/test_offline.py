"""A page that reaches outside itself is found out."""

from __future__ import annotations

import pytest

from myot2.core.errors import MyoT2Error
from myot2.report.offline import external_references, require_offline


@pytest.mark.parametrize(
    "page",
    [
        '<img src="http://example.org/a.png">',
        '<img src="figures/a.png">',
        '<link rel="stylesheet" href="//cdn.example.org/a.css">',
        '<script src="https://cdn.example.org/a.js"></script>',
        '<a href="https://example.org">x</a>',
        "<style>@import 'fonts.css';</style>",
        "<style>p { background: url(http://example.org/a.png) }</style>",
        "<p style=\"background:url('a.png')\">x</p>",
        '<svg><image xlink:href="a.png"/></svg>',
        '<img srcset="a.png 2x">',
    ],
)
def test_every_way_to_load_or_link_something_is_found(page):
    assert len(external_references(f"<!DOCTYPE html><html><body>{page}</body></html>")) == 1


@pytest.mark.parametrize(
    "page",
    [
        '<a href="#sec">x</a><img src="data:image/png;base64,AAAA">',
        "<style>p { background: url(data:image/png;base64,AAAA); clip-path: url(#c) }</style>",
        "<p>doi.org/10.1000/1 http://example.org as text</p>",
        '<script>var a = "http://example.org";</script>',
    ],
)
def test_links_within_the_page_embedded_data_and_plain_text_are_inside(page):
    assert external_references(page) == []


def test_a_page_with_an_outside_reference_is_refused(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<img src="http://example.org/a.png">', encoding="utf-8")
    with pytest.raises(MyoT2Error, match=r"example\.org"):
        require_offline(page)
