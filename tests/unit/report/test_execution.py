"""Cells run in the running interpreter, and what they show takes their place."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext

import pytest

from myot2.core.errors import MyoT2Error
from myot2.report.execution import CellFailed, execute
from myot2.report.qmd import parse_qmd

DOCUMENT = """---
execute:
  echo: false
---
```{python}
#| include: false
import sys
from IPython.display import Markdown
x = 41
print("never seen")
```

Text `{python} "a*b"`, `{python} Markdown("**bold**")`, `{python} x + 1`.

```{python}
#| label: tbl-one
#| tbl-cap: "A caption."
Markdown("| a |\\n|---|\\n| 1 |")
```

```{python}
#| echo: true
print(sys.executable)
```

```{python}
#| output: asis
print("*as it is*")
```

```{python}
#| output: false
x
```

```{python}
print("to the log", file=sys.stderr)
```
"""


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return execute(parse_qmd(DOCUMENT, where="a.qmd"), folder=tmp_path_factory.mktemp("run"), where="a.qmd")


def test_inline_text_is_escaped_and_inline_markdown_is_not(body):
    assert "Text a\\*b, **bold**, 42." in body


def test_a_labelled_cell_becomes_a_labelled_block_with_its_caption(body):
    assert "::: {#tbl-one}\n| a |\n|---|\n| 1 |\n\nA caption.\n:::" in body


def test_the_kernel_is_the_running_interpreter(body):
    assert sys.executable in body


def test_options_decide_what_is_shown(body):
    assert "never seen" not in body
    assert "```python\nprint(sys.executable)\n```" in body
    assert "\n*as it is*\n" in body
    assert "41" not in body.replace("42", "")
    assert "to the log" not in body


def test_a_cell_that_raises_fails_the_document_with_its_line_and_traceback(tmp_path):
    document = parse_qmd("Text.\n\n```{python}\n1 / 0\n```\n", where="a.qmd")
    with pytest.raises(CellFailed, match=r"(?s)a\.qmd, line 3: .*ZeroDivisionError: division by zero") as caught:
        execute(document, folder=tmp_path, where="a.qmd")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from IPython.display import HTML\nHTML('<b>x</b>')", "text/html"),
        ("#| label: fig-a\n#| fig-cap: b\nNone", "0 outputs"),
    ],
)
def test_what_the_page_cannot_hold_is_refused(source, found, tmp_path):
    document = parse_qmd(f"```{{python}}\n{source}\n```\n", where="a.qmd")
    with pytest.raises(MyoT2Error, match=found):
        execute(document, folder=tmp_path, where="a.qmd")


@pytest.mark.parametrize("end", ["", "1 / 0"], ids=["finished", "failed"])
def test_no_kernel_outlives_the_document(end, tmp_path):
    source = f"import os\nfrom pathlib import Path\nPath('pid').write_text(str(os.getpid()))\n{end}"
    document = parse_qmd(f"```{{python}}\n{source}\n```\n", where="a.qmd")
    with pytest.raises(CellFailed) if end else nullcontext():
        execute(document, folder=tmp_path, where="a.qmd")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
