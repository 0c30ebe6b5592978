"""Render a Quarto document with Quarto's own program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM = "quarto"


class QuartoFailed(Exception):
    """Quarto ended with an error; the message holds what it said."""


def is_installed() -> bool:
    """Whether Quarto is on PATH."""
    return shutil.which(PROGRAM) is not None


def renderer_name() -> str:
    """Quarto and its version, for the page's footer."""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    return f"Quarto {done.stdout.strip()}"


def render(document: Path, *, title: str | None = None) -> None:
    """Render a .qmd to .html and .pdf beside it, its cells run by the running Python.

    Raises
    ------
    QuartoFailed
        Quarto could not render the document, or a cell raised an exception.
    """
    environment = {**os.environ, "QUARTO_PYTHON": sys.executable, "SOURCE_DATE_EPOCH": "0"}
    for output_format in ("html", "typst"):
        command = [PROGRAM, "render", document.name, "--to", output_format]
        command += ["--metadata", f"title:{title}"] if title else []
        done = subprocess.run(command, cwd=document.parent, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise QuartoFailed(f"quarto render --to {output_format} failed:\n{done.stdout}{done.stderr}")
