"""What every job of the workflow finds in its environment."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path

THREAD_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


def prepare_environment() -> None:
    """Set the environment that jobs inherit.

    `python` is the one that runs Snakemake, unless a job's conda environment comes first; either finds this package.
    One job uses one core: jobs run side by side, and results do not depend on the number of cores. Code that numba
    compiles is kept in `compiled_folder`, so that the first jobs compile and all others load. matplotlib keeps its list
    of fonts beside it: a home folder may be small, slow or, on a cluster's nodes, missing, and settings of its owner
    are not to change figures.
    """
    source_folder = str(Path(__file__).parents[2])
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source_folder, os.environ.get("PYTHONPATH")]))
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    os.environ["NUMBA_CACHE_DIR"] = str(compiled_folder())
    os.environ["MPLCONFIGDIR"] = str(Path.cwd() / ".snakemake/matplotlib")


def compiled_folder() -> Path:
    """Where compiled code is kept: below the working folder, which can be written even where the program cannot.

    One folder per text of the package and kind of processor. numba alone would look at the time and size of the file
    that holds a function, not at the constants that it takes from others, and jobs of unlike processors could overwrite
    one another's index. All jobs of a folder compile the same code in the same order, and numba renames whole files
    into place: a race costs time and nothing else.
    """
    digest = hashlib.sha256(_processor().encode())
    package = Path(__file__).parents[1]
    for module in sorted(package.rglob("*.py")):
        digest.update(module.relative_to(package).as_posix().encode() + b"\0" + module.read_bytes())
    return Path.cwd() / ".snakemake/compiled" / digest.hexdigest()[:16]


def _processor() -> str:
    """What tells kinds of processors apart: their name and instructions."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8", errors="replace").splitlines() if listing.exists() else []
    told = {line for line in lines if line.startswith(("model name", "flags", "CPU part", "Features"))}
    return "\n".join([platform.machine(), platform.processor(), *sorted(told)])
