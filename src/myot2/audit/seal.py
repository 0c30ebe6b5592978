"""The seal of a run: the SHA-256 of every file on which the report rests.

The ledger holds times, so its last hash differs between equal runs and cannot stand in a report whose bytes are to be
equal. The seal holds names and contents alone; the job that writes it is recorded, so the ledger
holds the seal's SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from myot2.core.errors import MyoT2Error
from myot2.core.files import sha256, write_text

SEAL = "results.sha256"


def write_seal(files: Iterable[Path], *, results: Path, path: Path) -> None:
    """Write the SHA-256 of files below the results, sorted by path, in the form of sha256sum.

    Raises
    ------
    MyoT2Error
        A file is missing, or lies outside of the results.
    """
    lines = []
    for file in sorted(set(files)):
        if not file.is_file() or not file.is_relative_to(results):
            raise MyoT2Error(
                expected=f"a file below {results}",
                found="no such file" if not file.is_file() else "a file elsewhere",
                where=file,
                do="Run the workflow, which makes what is missing.",
            )
        lines.append(f"{sha256(file)}  {file.relative_to(results).as_posix()}\n")
    write_text(path, "".join(lines))


def read_seal(path: Path) -> dict[str, str]:
    """SHA-256 by path below the results.

    Raises
    ------
    MyoT2Error
        A line is not in the form of sha256sum.
    """
    sealed = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, separator, name = line.partition("  ")
        if len(digest) != 64 or not separator or not name:
            raise MyoT2Error(
                expected="lines of sha256sum", found=repr(line[:80]), where=path, do="Delete it and run again."
            )
        sealed[name] = digest
    return sealed
