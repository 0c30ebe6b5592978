"""Which modules of MyoT2 a program is made of.

Snakemake reruns a job when an input file changes, but does not see what a program imports. Each rule therefore lists
its program and a list of the modules found here, each with its SHA-256, as inputs: a change in `fit` reruns `fit` and
what follows, and nothing else. A list is one input in place of some fifty, which in a cohort of 2,000 scans would be a
million.
"""

from __future__ import annotations

import ast
import os
from functools import cache
from pathlib import Path

from myot2.core.files import sha256, write_text

PACKAGE = "myot2"
CODE_LISTS = Path(".snakemake/code")
"""Where the lists of programs' files are kept, below the working folder."""


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


def write_code_list(program: str, *further: str, folder: Path = CODE_LISTS) -> str:
    """Write the list of a program, its modules and further files, in the form of sha256sum; return its path.

    The list is written where its content changes, and is as old as the youngest file in it, so that it makes a job run
    again when, and only when, the files themselves would.
    """
    files = sorted({program, *modules_of(program), *further})
    path = folder / f"{Path(program).stem}.sha256"
    text = "".join(f"{_digest(file)}  {file}\n" for file in files)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    youngest = max(os.stat(file).st_mtime_ns for file in files)
    if path.stat().st_mtime_ns != youngest:
        os.utime(path, ns=(youngest, youngest))
    return path.as_posix()


def listed_code(path: str) -> list[str]:
    """The files of a list that `write_code_list` wrote; the path itself where it is none."""
    if Path(path).parent != CODE_LISTS:
        return [path]
    return [line.split("  ", 1)[1] for line in Path(path).read_text(encoding="utf-8").splitlines()]


_digest = cache(sha256)


@cache
def _imported_names(path: Path) -> list[str]:
    """Dotted names below the package that a file imports; 'from a import b' gives a and a.b, for b may be a module."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), filename=str(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] == PACKAGE]


@cache
def _files_of(module: str, folder: Path) -> list[Path]:
    """The file of a module and those of the packages around it; none where the name is no module."""
    parts = module.split(".")
    packages = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [*packages, folder.joinpath(*parts).with_suffix(".py")] if path.is_file()]
