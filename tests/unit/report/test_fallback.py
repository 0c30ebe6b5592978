"""Pandoc with the project's filter does what Quarto does: numbers, references, callouts; and stops where it cannot."""

from __future__ import annotations

import json
import re

import pytest
import typst

from myot2.core.errors import MyoT2Error
from myot2.report.fallback import render
from myot2.report.offline import external_references

HEAD = "---\ntitle: A *title*\nnumber-sections: true\nformat:\n  html: {toc: true}\n  typst: {papersize: a4}\n---\n\n"
BODY = """# First {#sec-first}

See @fig-b, @fig-a, @tbl-one and @sec-second; `@fig-a` as code.

::: {#fig-a}
![](a.svg){fig-alt="A box"}

The first *figure*.
:::

![The second figure.](a.svg){#fig-b}

::: {#tbl-one}
| a | b |
|---|--:|
| 1 | 2 |

A table.
:::

::: {.callout-warning title="Mind"}
Text of the callout with $x^2$.
:::

# Second {#sec-second}

Text.
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'


def rendered(root, folder, text: str, **options) -> str:
    (folder / "a.svg").write_text(SVG)
    (folder / "a.qmd").write_text(text, encoding="utf-8")
    render(folder / "a.qmd", filters=root / "report/filters", **options)
    return (folder / "a.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("render")
    return rendered(root, folder, HEAD + BODY), (folder / "a.pdf").read_bytes()


def test_references_carry_the_number_of_what_they_point_to(page):
    for identifier, name in (
        ("fig-a", "Figure 1"),
        ("fig-b", "Figure 2"),
        ("tbl-one", "Table 1"),
        ("sec-second", "Section 2"),
    ):
        assert re.search(
            rf'<a href="#{identifier}" class="cross-reference"[^>]*>{name.replace(" ", chr(160))}</a>', page[0]
        )
        assert f'id="{identifier}"' in page[0]
    assert "<code>@fig-a</code>" in page[0]


def test_captions_start_with_their_number(page):
    captions = re.findall(r"<(?:figcaption|caption)[^>]*>(.*?)</(?:figcaption|caption)>", page[0], re.DOTALL)
    assert [" ".join(re.sub(r"<[^>]+>", "", text).split()) for text in captions] == [
        "Figure 1: The first figure.",
        "Figure 2: The second figure.",
        "Table 1: A table.",
    ]


def test_a_picture_carries_its_alternative_text(page):
    assert 'alt="A box"' in page[0] and "fig-alt" not in page[0]


def test_a_callout_keeps_its_title_and_text_and_formulas_are_mathml(page):
    assert re.search(r'class="callout callout-warning".*?Mind.*?Text of the callout.*?<math', page[0], re.DOTALL)


def test_the_page_is_self_contained_and_the_pdf_is_one(page):
    assert external_references(page[0]) == []
    assert page[1].startswith(b"%PDF-") and page[1].rstrip().endswith(b"%%EOF")
    assert b"CreationDate" not in page[1]


def test_a_title_can_be_given(root, tmp_path):
    page = rendered(root, tmp_path, HEAD + "Text.\n", title="Other")
    assert "<title>Other</title>" in page and "A <em>title</em>" not in page


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("See @fig-nowhere.", "fig-nowhere"),
        ("See @sec-nowhere.", "sec-nowhere"),
        ("![A caption](a.svg)", "needs a label"),
        ("![](missing.svg)", "missing.svg"),
        ("::: {#fig-a}\n![](a.svg)\n:::", "caption"),
        ("::: {#tbl-a}\nNo table.\n\nA caption.\n:::", "one table"),
        ("![a](a.svg){#fig-a}\n\n![b](a.svg){#fig-a}", "twice"),
    ],
)
def test_what_cannot_be_resolved_stops_the_rendering(root, tmp_path, body, found):
    with pytest.raises(MyoT2Error, match=found):
        rendered(root, tmp_path, HEAD + body + "\n")


@pytest.mark.parametrize("name", ["_quarto.yml", "_extensions"])
def test_a_quarto_project_is_refused(root, tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(MyoT2Error, match="project"):
        rendered(root, tmp_path, HEAD)


def test_in_print_a_tables_caption_stands_on_the_page_on_which_the_table_begins(root, tmp_path):
    table = "::: {{#tbl-{0}}}\n| a | b |\n|---|--:|\n| 1 | 2 |\n| 3 | 4 |\n\nA table.\n:::\n"
    filled = [f"{'A line.' + chr(10) * 2}" * (5 + number % 4) + table.format(number) for number in range(40)]
    rendered(root, tmp_path, HEAD + "\n\n".join(filled))
    pages = "#context [#metadata(({}, {}).map(of => query(of).map(it => it.location().page())))<pages>]"
    with (tmp_path / "a.typ").open("a", encoding="utf-8") as document:
        document.write(pages.format("figure.caption", "table"))
    captions, tables = json.loads(typst.query(str(tmp_path / "a.typ"), "<pages>", field="value", one=True))
    assert len(captions) == 40 and captions == tables and captions[-1] > 8
