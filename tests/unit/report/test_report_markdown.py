"""Markdown made from data shows the data and nothing else."""

from __future__ import annotations

import subprocess

import pypandoc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myot2.report.markdown import claim, escape, pipe_table

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "a | b || c",
    "`code` ```{python}\nimport os\n```",
    "@fig-groups and [@youden1950]",
    "{{< include /etc/passwd >}}",
    "![x](http://example.org/x.png) [y](http://example.org)",
    "$x^2$ ~~no~~ ^up^ *a* __b__ \\textbf{c} --- ... 'q' \"r\"",
    "# heading\n- list\n::: {.div}",
    "http://example.org/x https://example.org",
    "`{python} 1 + 1`",
    "<!-- comment --> &amp; &#60;",
]


def plain_text(markdown: str) -> str:
    done = subprocess.run(
        [pypandoc.get_pandoc_path(), "--from=markdown+autolink_bare_uris", "--to=plain", "--wrap=none"],
        input=markdown,
        text=True,
        capture_output=True,
        check=True,
    )
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_shown_letter_by_letter(text):
    assert plain_text("x" + escape(text)) == "x" + " ".join(text.split())


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
def test_any_printable_text_survives_pandoc(text):
    assert plain_text("x" + escape(text)) == "x" + text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_out_of_a_table_cell(text):
    table = pipe_table(["a", "b"], [[escape(text), "second"]], align="ll", widths=[3, 1])
    page = subprocess.run(
        [pypandoc.get_pandoc_path(), "--from=markdown", "--to=html"],
        input=table,
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    assert page.count("<td") == 2
    assert "<img" not in page and "<script" not in page and "<a " not in page and "<code" not in page


def test_a_row_of_another_length_is_a_defect():
    with pytest.raises(ValueError, match="one entry per column"):
        pipe_table(["a", "b"], [["1"]], align="ll", widths=[1, 1])


def test_a_claim_names_its_key_in_the_page():
    page = subprocess.run(
        [pypandoc.get_pandoc_path(), "--from=markdown", "--to=html"],
        input=claim("roc.auc", "0\\.986"),
        text=True,
        capture_output=True,
        check=True,
    ).stdout
    assert page.strip() == '<p><span class="claim" data-claim="roc.auc">0.986</span></p>'
