"""The fallback's reader knows a part of Quarto and refuses the rest."""

from __future__ import annotations

import pytest

from myot2.core.errors import MyoT2Error
from myot2.report.qmd import Cell, Inline, Prose, parse_qmd

CELL = "```{python}\n#| label: fig-a\n#| fig-cap: 'A figure: with a colon'\n#| echo: false\ndraw()\n```\n"


def test_a_document_falls_into_front_matter_prose_inline_expressions_and_cells():
    document = parse_qmd(f"---\ntitle: T\n---\n\nValue `{{python}} x + 1`, done.\n\n{CELL}\nEnd.\n", where="a.qmd")
    assert document.metadata == {"title": "T"}
    assert [type(part) for part in document.parts] == [Prose, Inline, Prose, Cell, Prose]
    assert document.parts[1] == Inline("x + 1", 5)
    cell = document.parts[3]
    assert cell.source == "draw()" and cell.line == 7
    assert cell.options == {"label": "fig-a", "fig-cap": "A figure: with a colon", "echo": False}


def test_code_that_is_only_shown_is_not_searched_for_quarto():
    shown = "```markdown\n{{< video x >}} `{python} 1`\n```\n"
    document = parse_qmd(shown, where="a.qmd")
    assert "".join(part.text for part in document.parts).strip() == shown.strip()


@pytest.mark.parametrize(
    "body",
    [
        "{{< include other.qmd >}}",
        "{{% meta x %}}",
        "```{mermaid}\nflowchart LR\n```",
        "```{dot}\ndigraph {}\n```",
        "```{r}\n1\n```",
        "  ```{python}\n  1\n  ```",
        "```{python echo=FALSE}\n1\n```",
        "```{python}\nnever closed",
        "`{r} 1 + 1`",
        "See @eq-one.",
        "$$x$$ {#eq-one}",
        "See @thm-one.",
        "See [-@fig-one].",
        "See [@fig-one; @fig-two].",
        "See @Fig-one.",
        "::: {layout-ncol=2}\n:::",
        "::: {#fig-all layout='[1,1]'}\n:::",
        "::: {.panel-tabset}\n:::",
        "::: panel {.column-margin}\n:::",
        "::: {.columns}\n:::",
        "::: {.content-visible when-format='html'}\n:::",
        "::: {.aside}\n:::",
        "::: {.callout-danger}\n:::",
        "::: {.callout-note collapse='true'}\n:::",
        "```{python}\n#| layout-ncol: 2\n1\n```",
        "```{python}\n#| fig-subcap: [a, b]\n1\n```",
        "```{python}\n#| output: maybe\n1\n```",
        "```{python}\n#| code-fold: true\n1\n```",
        "```{python}\n#| label: fig-a\n1\n```",
        "```{python}\n#| fig-cap: a caption\n1\n```",
        "```{python}\n#| label: lst-a\n#| lst-cap: b\n1\n```",
        "```{python}\n#| label: [\n1\n```",
    ],
)
def test_what_the_fallback_does_not_know_is_refused_with_its_line(body):
    with pytest.raises(MyoT2Error, match=r"a\.qmd, line [3-6]") as caught:
        parse_qmd(f"Some text.\n\n{body}\n", where="a.qmd")
    assert "Quarto" in caught.value.do


@pytest.mark.parametrize(
    "front_matter",
    [
        "filters: [lightbox]",
        "project: {type: book}",
        "format: {acm-pdf: default}",
        "format: html",
        "format: {html: {theme: cosmo}}",
        "format: {html: {html-math-method: mathjax}}",
        "format: {html: {code-fold: true}}",
        "format: {revealjs: {}}",
        "jupyter: ir",
        "engine: knitr",
        "execute: {freeze: true}",
        "crossref: {fig-title: Abb.}",
        "- a list",
    ],
)
def test_front_matter_that_would_be_ignored_is_refused(front_matter):
    with pytest.raises(MyoT2Error, match="front matter"):
        parse_qmd(f"---\n{front_matter}\n---\n", where="a.qmd")
