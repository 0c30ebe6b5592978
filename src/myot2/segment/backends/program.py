"""Other people's programs, run as they are installed: without network, one thread, and loud when they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_NOWHERE = "http://127.0.0.1:9"
"""A proxy that answers nobody (the discard port): programs can neither send usage statistics nor fetch weights."""

_QUIET = {
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE),
    "no_proxy": "",
    "NO_PROXY": "",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "PYTHONUNBUFFERED": "1",
}

_SHOWN_LINES = 30


class ProgramError(RuntimeError):
    """A program is not installed, or failed. No fault of the image, as far as can be told: the job fails."""


def run(command: Sequence[str | Path], folder: Path, *, threads: int, environment: Mapping[str, str]) -> None:
    """Run a program in a folder and wait for it; the end of what it printed is in the error if it fails.

    Parameters
    ----------
    command : sequence of str or Path
        Name of the program, found on PATH, and its arguments.
    folder : Path
        Where it runs.
    threads : int
        Value of OMP_NUM_THREADS.
    environment : mapping
        Variables besides those of this process.

    Raises
    ------
    ProgramError
        The program is not on PATH, or ends with another status than 0; its last lines are in the message.
    """
    name, *arguments = map(str, command)
    found = shutil.which(name)
    if found is None:
        raise ProgramError(
            f"expected the program {name} on PATH; found none. Install it in an environment of its own "
            "(docs/how-to/other-models.md) and put that environment's bin folder at the end of PATH."
        )
    # without our modules: the program has its own environment
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    outcome = subprocess.run(
        [found, *arguments],
        cwd=folder,
        env={**kept, **_QUIET, "OMP_NUM_THREADS": str(threads), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if outcome.returncode:
        said = last_lines(outcome.stdout.decode(errors="replace"))
        raise ProgramError(f"{name} ended with status {outcome.returncode}; it said:\n{said}")


def require_output(path: Path, name: str) -> Path:
    """The file that a program was to write, or `ProgramError`."""
    if not path.is_file():
        raise ProgramError(f"{name} ended well, but wrote no {path.name}.")
    return path


def last_lines(text: str) -> str:
    """The end of what a program printed, without its progress bars."""
    lines = [line.rstrip().rpartition("\r")[2] for line in text.split("\n")]
    return "\n".join([line for line in lines if line][-_SHOWN_LINES:])
