"""The shareable report of a folder of results, made by the three programs as the workflow runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def release(root: Path, results: Path, configuration: Path, labels: Path) -> Path:
    """Release a run's tables and draw its figures; return the folder, which has them in figures/."""
    out = results / "release"
    inputs = ("--results", results, "--config-summary", configuration, "--label-table", labels)
    run(root, "release_tables.py", *inputs, "--out", out)
    run(root, "draw_figures.py", "--released", out, "--out", out / "figures")
    return out


def render_shareable(root: Path, released: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Render shareable.html and .pdf into a folder from released tables; the status is the caller's to look at."""
    outputs = ("--html", out / "shareable.html", "--pdf", out / "shareable.pdf")
    document = ("--report", root / "report/shareable.qmd", "--renderer", "pandoc")
    figures = ("--released", released, "--figures", released / "figures")
    return _started(root, "render_report.py", *document, *figures, *outputs)


def run(root: Path, name: str, *arguments: str | Path) -> None:
    """Run a program that is to end well."""
    done = _started(root, name, *arguments)
    assert done.returncode == 0, done.stderr


def _started(root: Path, name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)
