"""The cases that a rater sees, in which order, and which files they are; a client names a case by its number alone."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.core.images import read_sidecar
from myot2.core.scans import Scan
from myot2.core.stopnote import read_stop_note
from myot2.core.tables import read_table

OUTSIDE_LIMIT = 0.05
"""Share of the labels that lies outside the T2 map, from which on a flag asks for a look."""

LEFT_OUT_LIMIT = 0.2
"""Share of muscle voxels without a T2 that can be relied on, from which on a flag asks for a look."""


@dataclass(frozen=True)
class Case:
    """One showing of a scan: its files, risk (0-1 or None), flags in words, and whether it is a repeat."""

    scan: Scan
    image: Path
    own_labels: Path
    t2_map: Path
    t2_labels: Path
    risk: float | None
    flags: tuple[str, ...]
    repeat: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """What can be asked for, by the name that an address has."""
        return {"image": self.image, "t2": self.t2_map, "t2labels": self.t2_labels, "own": self.own_labels}

    def as_repeat(self) -> Case:
        """The same, shown again."""
        return Case(*(getattr(self, name) for name in self.__dataclass_fields__ if name != "repeat"), repeat=True)


def in_order(cases: Sequence[Case], *, seed: int, repeats: float) -> list[Case]:
    """Riskiest first, more flags first among equals, then by lot; at the end the share of repeats, by lot.

    Neither the name nor the group of a scan has a part in it, so that the order tells nothing about them.
    """
    lot = random.Random(seed)
    shuffled = lot.sample(sorted(cases, key=lambda case: case.scan.name), len(cases))
    ordered = sorted(shuffled, key=lambda case: (-(case.risk or 0.0), -len(case.flags)))
    again = lot.sample(ordered, round(repeats * len(ordered)))
    return [*ordered, *(case.as_repeat() for case in again)]


def flags_of(
    scan: Scan, quality: Mapping[str, Mapping[str, Any]], t2_labels: Path, measures: Path
) -> tuple[float | None, tuple[str, ...]]:
    """Risk and flags of a scan: of segment, of align (its sidecar) and of fit (voxels that measure left out).

    Parameters
    ----------
    scan : Scan
    quality : mapping
        Rows of segment's table of scans, by scan name.
    t2_labels : Path
        The label map that align made.
    measures : Path
        The scan's table of measure.
    """
    row = quality.get(scan.name, {})
    risk = None if pd.isna(row.get("risk")) else float(row["risk"])
    flags = [] if pd.isna(row.get("flags")) else [flag.strip() for flag in str(row["flags"]).split(";") if flag.strip()]
    if not read_stop_note(t2_labels):
        outside = read_sidecar(t2_labels).get("LabelsOutsideReferenceShare") or 0
        if outside > OUTSIDE_LIMIT:
            flags.append(f"{outside:.0%} of the labels lie outside the T2 map")
    left_out = _left_out(measures)
    if left_out > LEFT_OUT_LIMIT:
        flags.append(f"{left_out:.0%} of the muscle voxels have no T2 to rely on")
    return risk, tuple(flags)


def read_quality(path: Path) -> dict[str, dict[str, Any]]:
    """Segment's table of scans by scan name; empty where there is none yet."""
    if not path.is_file() or read_stop_note(path):
        return {}
    rows = read_table(path).to_dict("records")
    return {
        Scan(row["participant_id"], None if pd.isna(row.get("session")) else row["session"]).name: row for row in rows
    }


def _left_out(path: Path) -> float:
    if not path.is_file() or read_stop_note(path):
        return 0.0
    table = read_table(path)
    thigh = table[(table["region"] == "thigh") & (table["side"] == "both")]
    if thigh.empty:
        return 0.0
    taken, left_out = (pd.to_numeric(thigh[name], errors="coerce").iloc[0] for name in ("voxels", "voxels_excluded"))
    total = taken + left_out
    return float(left_out / total) if total > 0 else 0.0
