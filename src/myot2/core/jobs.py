"""What every job of the workflow finds in its environment."""

from __future__ import annotations

import os
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
    One job uses one core: jobs run side by side, and results do not depend on the number of cores.
    """
    source_folder = str(Path(__file__).parents[2])
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [source_folder, os.environ.get("PYTHONPATH")]))
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
