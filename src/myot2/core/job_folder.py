"""What jobs leave behind: each has a temporary folder of its own, and nothing stays of those that were killed.

A job that is killed cannot clean up. So the process that runs it makes its temporary folder and removes it, however the
job ended; and where that process is killed as well, the next run of the workflow removes what is left.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from myot2.core.files import WRITING, is_running

_NAME = re.compile(r"(?P<host>.+?)-(?P<pid>\d+)-")
_FOLDER = "myot2-job-"
_ABANDONED_S = 24 * 3600
"""What another machine has not touched for so long is nobody's any more."""


class Rule(Protocol):
    """What is used of a rule of Snakemake."""

    run_func: Any


def give_own_folder(rule: Rule, results: str | Path) -> None:
    """Let every job of a rule have a temporary folder of its own, below the one that Snakemake would give it.

    Results that a job reads and that are from the future are dated as of now.
    """
    run = rule.run_func
    if run is None:
        return

    def run_with_folder(
        input: Any, output: Any, params: Any, wildcards: Any, threads: Any, resources: Any, *rest: Any
    ) -> Any:
        with own_folder(resources.get("tmpdir")) as folder:
            theirs = {name: value for name, value in resources.items() if name != "tmpdir"}
            own = type(resources)(fromdict={**theirs, "tmpdir": str(folder)})
            date_back(map(str, input), below=results)
            return run(input, output, params, wildcards, threads, own, *rest)

    rule.run_func = run_with_folder


def date_back(paths: Iterable[str | Path], *, below: str | Path) -> None:
    """Date results that are from the future as of now: Snakemake refuses a job whose output is older than its input.

    A machine whose clock was wrong for an hour would else stop the cohort for an hour. Files elsewhere are a person's
    own, and stay as they are.
    """
    now = time.time()
    for path in map(Path, paths):
        if path.is_file() and path.absolute().is_relative_to(Path(below).absolute()) and path.stat().st_mtime > now:
            os.utime(path)


@contextmanager
def own_folder(base: str | Path | None = None) -> Iterator[Path]:
    """A new folder in `base` (default: the system's for temporary files), removed with its content at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{socket.gethostname()}-{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(results: str | Path, temporary: str | Path | None = None) -> list[Path]:
    """Remove what killed jobs left below the results and among temporary files; return it, sorted.

    What a process of this machine still writes stays, and so does what another machine touched within a day.
    """
    found = [*_unfinished(Path(results)), *Path(temporary or tempfile.gettempdir()).glob(f"{_FOLDER}*")]
    left = sorted(path for path in found if _is_left(path))
    for path in left:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return left


def _unfinished(folder: Path) -> Iterator[Path]:
    """Files and folders that were being written."""
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in [*folders, *files] if name.startswith(WRITING))
        folders[:] = [name for name in folders if not name.startswith(WRITING)]


def _is_left(path: Path) -> bool:
    told = _NAME.match(path.name.removeprefix(WRITING).removeprefix(_FOLDER))
    if told and told["host"] == socket.gethostname():
        return not is_running(int(told["pid"]))
    try:
        return time.time() - path.lstat().st_mtime > _ABANDONED_S
    except FileNotFoundError:
        return False
