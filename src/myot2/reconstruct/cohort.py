"""All reconstructions of a cohort side by side: how well the data are described, and what a person should look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from myot2.core.stopnote import StopNote
from myot2.core.voxel_status import Status

SCAN_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "participant_id": {"Description": "Participant, as the participants table names it"},
    "session": {"Description": "Session, n/a where there is one only"},
    "status": {"Description": "reconstructed, or stopped here or before"},
    "chi_square": {"Description": "Reduced chi-square: 1 less what the unknowns take up; usual from 0.8 to 1.0"},
    "acceleration": {"Description": "Lines of the matrix over sampled lines"},
    "pattern": {"Description": "The sampled lines in words"},
    "phase_deg": {"Description": "Constant phase of even against odd echoes", "Units": "degree"},
    "b1_source": {"Description": "given, estimated or unused"},
    "fat_left": {"Description": "Share of the signal of fat that is in the model, 1 without suppression; n/a without"},
    "voxels": {"Description": "Voxels of all muscles that are ok in the reconstruction, and fitted in the full scan"},
    "difference_percent": {"Description": "Mean T2 of these against that of the fully sampled scan", "Units": "%"},
    "largest_percent": {"Description": "The same of the muscle with the largest difference", "Units": "%"},
    "rms_percent": {"Description": "Root mean square of the voxels' relative differences", "Units": "%"},
    "flags": {"Description": "What a person should look at, separated by semicolons"},
}
LEAST_VOXELS = 20
"""A muscle of fewer voxels on a side has no mean that could be compared."""


@dataclass(frozen=True)
class Comparison:
    """A reconstructed map against that of every line of the same scan.

    Attributes
    ----------
    voxels : int
    difference, largest, rms : float
        Relative, as in `SCAN_COLUMNS` without per cent; `largest` has a sign.
    """

    voxels: int
    difference: float
    largest: float
    rms: float


def compare(t2_ms: np.ndarray, full_ms: np.ndarray, status: np.ndarray, labels: np.ndarray) -> Comparison | None:
    """Compare two T2 maps within labels (0 elsewhere); None without a voxel that both know."""
    held = (labels > 0) & (status == Status.OK) & np.isfinite(t2_ms) & np.isfinite(full_ms) & (full_ms > 0)
    if not held.any():
        return None

    def difference(where: np.ndarray) -> float:
        return float(t2_ms[where].mean(dtype=float) / full_ms[where].mean(dtype=float) - 1)

    muscles = [held & (labels == label) for label in np.unique(labels[held])]
    of_muscles = [difference(muscle) for muscle in muscles if muscle.sum() >= LEAST_VOXELS] or [difference(held)]
    relative = t2_ms[held].astype(float) / full_ms[held] - 1
    return Comparison(
        voxels=int(held.sum()),
        difference=difference(held),
        largest=max(of_muscles, key=abs),
        rms=float(np.sqrt((relative**2).mean())),
    )


def scans_table(
    scans: Sequence[tuple[str, str | None]],
    summaries: Sequence[Mapping[str, Any] | StopNote],
    comparisons: Sequence[Comparison | None],
) -> pd.DataFrame:
    """One row per scan, columns `SCAN_COLUMNS`."""
    rows = []
    for (person, session), told, compared in zip(scans, summaries, comparisons, strict=True):
        row: dict[str, Any] = {"participant_id": person, "session": session, "status": "stopped"}
        if not isinstance(told, StopNote):
            phase = told["OddEvenPhaseDeg"]
            row |= {
                "status": "reconstructed",
                "chi_square": told["ReducedChiSquare"],
                "acceleration": told["Acceleration"],
                "pattern": told["Pattern"],
                "phase_deg": phase[0] if phase else None,
                "b1_source": told["B1Source"],
                "fat_left": told["FatLeft"],
                "flags": "; ".join(told["Flags"]) or None,
            }
        if compared:
            row |= {
                "voxels": compared.voxels,
                "difference_percent": round(100 * compared.difference, 3),
                "largest_percent": round(100 * compared.largest, 3),
                "rms_percent": round(100 * compared.rms, 3),
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=list(SCAN_COLUMNS)).astype({"voxels": "Int64"})
