"""A small multiverse for tests of the report: variants of T2 of each person, compared by the real program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from myot2.core.tables import write_tsv

COLUMNS = ["participant_id", "session", "mask", "t2", "statistic", "aggregation", "t2_ms"]


def write_multiverse(root: Path, folder: Path, people: Mapping[str, float | None], reason: str) -> Path:
    """Write analyse/multiverse.tsv of a results folder with participants.tsv and measure/cohort.tsv; return its path.

    `people` says T2 in ms (None: not measured) by participant; `reason` is why nobody has a corrected mask.
    """
    tables = _write_variants(folder / "measure", people, reason)
    path = folder / "analyse/multiverse.tsv"
    inputs = ["--participants", f"{folder}/participants.tsv", "--measures", f"{folder}/measure/cohort.tsv"]
    choices = ["--statistics", "median", "--masks", "corrected", "--out", str(path)]
    choices += ["--by-person", str(folder / "analyse/masks.tsv")]
    command = [sys.executable, str(root / "scripts/compare_variants.py"), *inputs, "--tables", *map(str, tables)]
    subprocess.run([*command, *choices], check=True)
    return path


def _write_variants(folder: Path, people: Mapping[str, float | None], reason: str) -> list[Path]:
    """A table of variants per measured person: mean and median T2, and no corrected mask."""
    paths = []
    for person, t2 in people.items():
        if t2 is None:
            continue
        choices = [("automatic", "mean", t2), ("automatic", "median", t2 - 1), ("corrected", "mean", None)]
        rows = [[person, None, mask, "vendor-map", statistic, "voxel", t2_ms] for mask, statistic, t2_ms in choices]
        paths.append(folder / f"{person}_variants.tsv")
        write_tsv(pd.DataFrame(rows, columns=COLUMNS).assign(reason=[None, None, reason]), paths[-1])
    return paths
