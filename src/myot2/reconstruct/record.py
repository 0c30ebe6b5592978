"""What is written about a reconstruction beside its maps: its summary, its slices and steps, and its pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from myot2.reconstruct.inversion import Settings
from myot2.reconstruct.judgement import fat_flags, scan_flags, scan_misfit
from myot2.reconstruct.pattern import Pattern, pattern_of
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.slices import SliceResult

PUBLIC_FACTS = ("tr_ms", "field_t", "refocusing_deg", "vendor", "slice_thickness_mm", "dwell_us", "coils", "averages")
MADE_READY = ("noise", "calibration", "virtual_coils", "notes")
"""What of the header and of its reading may be written: numbers and words of ours, never a name or free text."""

SLICE_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "slice": {"Description": "Slice, from 1, in the order of the image"},
    "step": {"Description": "Gauss-Newton step; 0 is the start"},
    "objective": {"Description": "What is minimised: misfit and priors, in units of the noise"},
    "misfit": {"Description": "Reduced chi-square after the step: 1 less what the unknowns take up"},
    "t2_change": {"Description": "Median relative change of T2 in the step"},
    "iterations": {"Description": "Conjugate-gradient iterations of the step"},
    "step_length": {"Description": "1, or less where the full step did not help"},
}
PATTERN_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "echo": {"Description": "Echo, from 1"},
    "line": {"Description": "Sampled phase-encode line, from 0; the centre of k-space is rows // 2"},
    "repeats": {"Description": "Readouts of which the line is the mean"},
}


def summary(
    scan: RawScan, results: Sequence[SliceResult], settings: Settings, model: str, fat: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything about a scan as a whole that is no map; no name of the header and no path is in it.

    `fat` is what `myot2.reconstruct.fat` tells of it.
    """
    phases = np.array([result.phase_terms_deg for result in results])
    pattern = pattern_of(scan)
    return {
        "Model": model,
        "EchoTimesMs": [round(float(time), 4) for time in scan.echo_times_ms],
        "Matrix": [scan.rows, scan.columns, len(scan.slices)],
        "Acceleration": round(pattern.acceleration, 3),
        "Pattern": pattern.sentence(),
        "ReducedChiSquare": round(scan_misfit(results), 4),
        "ReducedChiSquareBySlice": [round(float(result.misfit), 4) for result in results],
        "OddEvenPhaseDeg": [round(float(term), 3) for term in phases.mean(axis=0)] if phases.size else [],
        "B1Source": results[0].b1_source,
        "TotalVariation": settings.strength,
        "Phase": settings.phase,
        **fat,
        "Flags": scan_flags(results) + fat_flags(model, fat, pattern.central_times_ms),
        "Header": {name: scan.facts.get(name) for name in PUBLIC_FACTS},
        "Preparation": {name: scan.facts.get(name) for name in MADE_READY},
    }


def course_table(scan: RawScan, results: Sequence[SliceResult]) -> pd.DataFrame:
    """One row per slice and step, columns `SLICE_COLUMNS`."""
    rows = []
    for number, (part, result) in enumerate(zip(scan.slices, results, strict=True), start=1):
        measured = 2 * sum(samples.size for samples in part.samples)
        for step, progress in enumerate(result.convergence):
            change = progress.change if np.isfinite(progress.change) else None
            cells = (progress.total, progress.misfit / measured, change, progress.iterations, progress.length)
            rows.append((number, step, *(cell if cell is None else float(f"{cell:.6g}") for cell in cells)))
    table = pd.DataFrame(rows, columns=list(SLICE_COLUMNS))
    return table.astype({"iterations": "int64"})


def pattern_table(pattern: Pattern) -> pd.DataFrame:
    """One row per sampled line, columns `PATTERN_COLUMNS`."""
    echoes, lines = np.nonzero(pattern.sampled)
    counts = pattern.repeats[echoes, lines]
    return pd.DataFrame({"echo": echoes + 1, "line": lines, "repeats": counts}, columns=list(PATTERN_COLUMNS))
