"""Run a Quarto document's cells in a Jupyter kernel and put what they show in their place."""

from __future__ import annotations

import ast
import base64
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from myot2.core.errors import MyoT2Error
from myot2.core.files import write_json
from myot2.report.markdown import escape, quoted
from myot2.report.qmd import Cell, Inline, Prose, QuartoDocument

_KERNEL = "myot2"
_CELL_TIMEOUT_S = 600
_IMAGES = {"image/svg+xml": ".svg", "image/png": ".png"}
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CellFailed(Exception):
    """A cell raised; the message holds its line and traceback."""


def execute(document: QuartoDocument, *, folder: Path, where: str) -> str:
    """Run all cells in order, in one kernel of the running interpreter, and return the body as Markdown.

    Parameters
    ----------
    document : QuartoDocument
        The document, taken apart.
    folder : Path
        The working folder of the cells; images that they show are written to its subfolder `shown`.
    where : str
        The document's name, for messages.

    Raises
    ------
    CellFailed
        A cell raised an exception, or the kernel died.
    MyoT2Error
        A cell shows something that the page cannot hold.
    """
    runs = [part for part in document.parts if not isinstance(part, Prose)]
    outputs = iter(_run(runs, folder, where))
    echo = bool(document.metadata.get("execute", {}).get("echo", True))
    body = []
    for part in document.parts:
        if isinstance(part, Prose):
            body.append(part.text)
        elif isinstance(part, Inline):
            body.append(_inline(next(outputs), f"{where}, line {part.line}"))
        else:
            body.append(_block(part, next(outputs), echo=echo, folder=folder, where=f"{where}, line {part.line}"))
    return "".join(body)


def _run(parts: list[Cell | Inline], folder: Path, where: str) -> list[list[Mapping[str, Any]]]:
    """The outputs of each cell and each inline expression."""
    if not parts:
        return []
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(part.source if isinstance(part, Cell) else part.expression, id=f"cell-{number}")
            for number, part in enumerate(parts)
        ]
    )
    with TemporaryDirectory(prefix="myot2-kernel-") as kernel_folder:
        client = NotebookClient(
            notebook,
            km=_kernel_manager(Path(kernel_folder)),
            timeout=_CELL_TIMEOUT_S,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute(cleanup_kc=True)  # the manager is ours, so nbclient would leave the kernel running
        except CellExecutionError as error:
            failed = next(n for n, cell in enumerate(notebook.cells) if _has_error(cell))
            text = _ANSI.sub("", str(error))
            raise CellFailed(f"{where}, line {parts[failed].line}: the cell raised\n{text}") from None
        except DeadKernelError as error:
            raise CellFailed(f"{where}: the kernel died (out of memory, or killed)") from error
    return [cell.outputs for cell in notebook.cells]


def _kernel_manager(folder: Path) -> AsyncKernelManager:
    """A manager that starts the running interpreter, whatever kernels are installed on the machine.

    Jupyter's default transport listens on the loopback address only, and every message is signed.
    """
    write_json(
        folder / "kernels" / _KERNEL / "kernel.json",
        {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--log-level=40"],
            "display_name": _KERNEL,
            "language": "python",
        },
    )
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
    return AsyncKernelManager(
        kernel_name=_KERNEL, kernel_spec_manager=specs, connection_file=str(folder / "connection.json")
    )


def _has_error(cell: Mapping[str, Any]) -> bool:
    return any(output["output_type"] == "error" for output in cell["outputs"])


def _inline(outputs: list[Mapping[str, Any]], where: str) -> str:
    """What an inline expression becomes: Markdown as it stands, all else as escaped text (as Quarto does)."""
    data = [output["data"] for output in outputs if output["output_type"] == "execute_result"]
    if len(data) != 1:
        raise _cannot_hold("one value of an inline expression", f"{len(data)} values", where)
    if "text/markdown" in data[0]:
        return data[0]["text/markdown"]
    text = data[0]["text/plain"]
    return escape(ast.literal_eval(text) if text[:1] in "'\"" else text)


def _block(cell: Cell, outputs: list[Mapping[str, Any]], *, echo: bool, folder: Path, where: str) -> str:
    """What a cell becomes: its code where asked for, then its outputs, in a labelled block where it has a label."""
    if cell.options.get("include") is False:
        _shown(cell, outputs, folder, where)
        return "\n"
    code = f"\n```python\n{cell.source.strip()}\n```\n" if cell.options.get("echo", echo) else ""
    shown = _shown(cell, outputs, folder, where) if cell.options.get("output", True) else []
    label = cell.options.get("label", "")
    caption = cell.options.get("fig-cap") or cell.options.get("tbl-cap")
    if caption is None:
        return code + "".join(f"\n{block}\n" for block in shown) + "\n"
    if len(shown) != 1:
        raise _cannot_hold(f"one output of the captioned cell {label}", f"{len(shown)} outputs", where)
    return f"{code}\n::: {{#{label}}}\n{shown[0]}\n\n{caption.strip()}\n:::\n\n"


def _shown(cell: Cell, outputs: list[Mapping[str, Any]], folder: Path, where: str) -> list[str]:
    blocks = []
    for number, output in enumerate(outputs):
        if output["output_type"] == "stream":
            blocks += _stream(output, asis=cell.options.get("output") == "asis")
        else:
            blocks.append(_displayed(output["data"], cell, number, folder, where))
    return blocks


def _stream(output: Mapping[str, Any], *, asis: bool) -> list[str]:
    if output["name"] == "stderr":
        sys.stderr.write(output["text"])
        return []
    return [output["text"] if asis else f"```\n{output['text'].rstrip()}\n```"]


def _displayed(data: Mapping[str, Any], cell: Cell, number: int, folder: Path, where: str) -> str:
    kinds = set(data)
    if "text/markdown" in kinds:
        return data["text/markdown"]
    for kind, suffix in _IMAGES.items():
        if kind in kinds:
            return _image(data[kind], suffix, cell, number, folder)
    if kinds == {"text/plain"}:
        return f"```\n{data['text/plain']}\n```"
    raise _cannot_hold("Markdown, an SVG or PNG image, or text as a cell's output", ", ".join(sorted(kinds)), where)


def _image(content: str, suffix: str, cell: Cell, number: int, folder: Path) -> str:
    name = f"shown/{cell.options.get('label', f'cell-line-{cell.line}')}-{number}{suffix}"
    (folder / "shown").mkdir(exist_ok=True)
    (folder / name).write_bytes(base64.b64decode(content) if suffix == ".png" else content.encode())
    alt = cell.options.get("fig-alt", "")
    return f"![]({name}){{fig-alt={quoted(alt)}}}" if alt else f"![]({name})"


def _cannot_hold(expected: str, found: str, where: str) -> MyoT2Error:
    return MyoT2Error(
        expected=expected, found=found, where=where, do="Show Markdown (IPython.display.Markdown) or an image instead."
    )
