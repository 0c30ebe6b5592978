"""Which modules of MyoT2 a program is made of.

Snakemake reruns a job when an input file changes, but does not see what a program imports. Each rule therefore lists
its program and the modules found here as inputs: a change in `fit` reruns `fit` and what follows, and nothing else.
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = "myot2"


def modules_of(program: str | Path, source_folder: str | Path = "src") -> list[str]:
    """Paths of all MyoT2 modules that a Python program imports, directly or through one another, sorted.

    Imports are read from the source text, also those inside functions; nothing is executed.

    Parameters
    ----------
    program : str or Path
        The Python file to start from.
    source_folder : str or Path
        The folder that holds the package, written in front of every path returned.
    """
    folder = Path(source_folder)
    waiting, found = [Path(program)], set()
    while waiting:
        for module in _imported_names(waiting.pop()):
            for path in _files_of(module, folder):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
    return sorted(path.as_posix() for path in found)


def _imported_names(path: Path) -> list[str]:
    """Dotted names below the package that a file imports; 'from a import b' gives a and a.b, for b may be a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE]


def _files_of(module: str, folder: Path) -> list[Path]:
    """The file of a module and those of the packages around it; none where the name is no module."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [*packages, folder.joinpath(*parts).with_suffix(".py")] if path.is_file()]
