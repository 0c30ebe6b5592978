"""Render a Quarto document without Quarto: Jupyter runs it, pandoc and Typst set it.

Pandoc comes with the wheel pypandoc_binary, Typst with the wheel typst; no system program, browser or network is used.
Equal documents and inputs give equal bytes: no date, host or path goes into the outputs, and Typst uses only the fonts
that it carries.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pypandoc
import typst

from myot2.core.errors import MyoT2Error
from myot2.report.execution import execute
from myot2.report.qmd import parse_qmd

_TIMEOUT_S = 300
_READER = "markdown+autolink_bare_uris-implicit_figures"
_NOT_FOR_PANDOC = ("format", "jupyter", "engine", "execute", "number-sections", "toc", "toc-title", "toc-depth")


def renderer_name() -> str:
    """Which programs the fallback is made of, for the page's footer."""
    return f"MyoT2's own renderer (pandoc {pypandoc.get_pandoc_version()}, Typst {version('typst')})"


def render(document: Path, *, filters: Path, title: str | None = None) -> None:
    """Render a .qmd to .html and .pdf beside it.

    Parameters
    ----------
    document : Path
        The .qmd file, in a folder that holds all it reads; the cells run in that folder, and files are written to it.
    filters : Path
        The folder of the pandoc filter and templates (report/filters).
    title : str, optional
        Title, as Markdown, in place of the document's own.

    Raises
    ------
    MyoT2Error
        The document uses what the fallback does not know, or pandoc or Typst finds a fault in it.
    CellFailed
        A cell raised an exception.
    """
    folder = document.parent
    _refuse_project(folder)
    parsed = parse_qmd(document.read_text(encoding="utf-8"), where=document.name)
    body = execute(parsed, folder=folder, where=document.name)
    metadata = {key: value for key, value in parsed.metadata.items() if key not in _NOT_FOR_PANDOC}
    if title:
        metadata["title"] = title
    for kind in ("html", "typst"):
        options = {**parsed.metadata, **parsed.metadata.get("format", {}).get(kind, {})}
        _pandoc(body, kind, options, metadata, document, filters.resolve())
    _typst(document.with_suffix(".typ"))


def _refuse_project(folder: Path) -> None:
    for name in ("_quarto.yml", "_quarto.yaml", "_extensions", "_brand.yml", "_metadata.yml"):
        if (folder / name).exists():
            raise MyoT2Error(
                expected="a single Quarto document",
                found=f"{name}, which belongs to a Quarto project",
                where=name,
                do="Install Quarto, which knows projects and extensions, or move the settings into the document.",
            )


def _pandoc(
    body: str, kind: str, options: Mapping[str, Any], metadata: Mapping[str, Any], document: Path, filters: Path
) -> None:
    """Convert the executed body to HTML, or to Typst's language."""
    output = document.with_suffix({"html": ".html", "typst": ".typ"}[kind])
    settings = output.with_name(f"{kind}-metadata.json")
    # Pandoc reads it as YAML, which knows no pairs of \\u escapes for one character.
    values = json.dumps({**metadata, **_template_values(kind, options)}, ensure_ascii=False)
    settings.write_text(values, encoding="utf-8")
    command = [
        pypandoc.get_pandoc_path(),
        f"--from={_READER}",
        f"--to={'html5' if kind == 'html' else 'typst'}",
        "--standalone",
        "--wrap=none",
        "--fail-if-warnings",
        f"--metadata-file={settings.name}",
        f"--lua-filter={filters / 'quarto.lua'}",
        f"--template={filters / f'page.{kind}'}",
        f"--output={output.name}",
    ]
    command += ["--citeproc"] if "bibliography" in metadata else []
    command += ["--number-sections"] if options.get("number-sections") else []
    command += ["--toc", f"--toc-depth={options.get('toc-depth', 3)}"] if options.get("toc") else []
    if kind == "html":
        command += ["--mathml", "--embed-resources", "--section-divs"]
        command += [f"--css={sheet}" for sheet in _as_list(options.get("css"))]
    else:
        command += [f"--include-in-header={name}" for name in _as_list(options.get("include-in-header"))]
    done = subprocess.run(
        command, input=body, text=True, encoding="utf-8", capture_output=True, cwd=document.parent, timeout=_TIMEOUT_S
    )
    if done.returncode:
        raise MyoT2Error(
            expected=f"a document that pandoc converts to {kind} without a warning",
            found=" ".join(done.stderr.split()),
            where=document.name,
            do="Correct the document, or what its cells show.",
        )


def _template_values(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    names = {"html": ("toc-title",), "typst": ("papersize", "margin", "mainfont", "fontsize")}[kind]
    return {name: options[name] for name in names if name in options}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _typst(source: Path) -> None:
    """Compile Typst's language to a PDF that carries no date and uses only Typst's own fonts."""
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    compiler = typst.Compiler(str(source), root=str(source.parent), font_paths=fonts)
    try:
        pdf = compiler.compile(format="pdf", timestamp=0)
    except typst.TypstError as error:
        raise MyoT2Error(
            expected="a document that Typst sets as PDF",
            found=" ".join(str(error).split()),
            where=source.name,
            do="Correct the document, or what its cells show.",
        ) from error
    source.with_suffix(".pdf").write_bytes(pdf)
