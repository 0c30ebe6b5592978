"""What became of each voxel of a reconstruction, and what is to be said of a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from myot2.core.voxel_status import Status
from myot2.reconstruct.inversion import MISFIT_RANGE
from myot2.reconstruct.slices import SliceResult

LEAST_SNR = 3.0
"""Signal at the first echo over the noise of one channel, below which a voxel is marked, as in `myot2.fit.status`."""

LATEST_MIDDLE_MS = 45.0
"""Earliest echo time at the centre of k-space above which a little fat moves T2 of muscle by more than 2 %: 2 % of fat
are 4 % of the signal at TE 50 and 16 % at TE 100 (benchmarks/reconstruction_accuracy.py; TE 40 and 90 are within)."""

UNKNOWN_FAT = "fat not in the model and not known to be suppressed, middle of k-space in late echoes only"


def statuses(result: SliceResult, first_echo_ms: float, t2_limits_ms: tuple[float, float]) -> np.ndarray:
    """One code of `myot2.core.voxel_status` for each voxel, uint8 of shape (rows, columns).

    M0 is in units of the noise, for coil maps whose squares sum to 1: M0 exp(-TE / T2) at the first echo is the SNR
    that the image has with every line sampled.
    """
    known = np.isfinite(result.t2_ms) & (result.m0 > 0)
    t2 = np.where(known, result.t2_ms, 1.0)
    weak = result.m0 * np.exp(-first_echo_ms / t2) < LEAST_SNR
    outside = (t2 < t2_limits_ms[0]) | (t2 > t2_limits_ms[1])
    codes = np.select(
        [~known, weak, outside], [Status.NOT_FITTED, Status.LOW_SIGNAL, Status.AT_BOUND], default=Status.OK
    )
    return codes.astype(np.uint8)


def scan_misfit(results: Sequence[SliceResult]) -> float:
    """Reduced chi-square of a scan: the mean over its slices, which have equally many samples."""
    return float(np.mean([result.misfit for result in results]))


def scan_flags(results: Sequence[SliceResult]) -> list[str]:
    """What a person has to know of a scan, each once, in words without numbers; the numbers stand in its tables."""
    low, high = MISFIT_RANGE
    outside = [number for number, result in enumerate(results, start=1) if not low <= result.misfit <= high]
    flags = []
    if not low <= scan_misfit(results) <= high:
        flags.append(f"chi-square outside {low:g} to {high:g}")
    elif outside:
        flags.append(f"chi-square of {_slices(outside)} outside {low:g} to {high:g}")
    if any(result.b1_source == "estimated" for result in results):
        flags.append("B1 estimated, not measured")
    unsettled = [n for n, result in enumerate(results, start=1) if any("settled" in text for text in result.warnings)]
    if unsettled:
        flags.append(f"{_slices(unsettled)} not settled")
    return flags


def fat_flags(model: str, fat: Mapping[str, Any], central_times_ms: Sequence[float]) -> list[str]:
    """Fat that may be in the echoes but not in the model, where the middle of k-space is known from late echoes only.

    Parameters
    ----------
    model : {'epg', 'mono'}
        The mono-exponential one is further off for other reasons, which its users know.
    fat : mapping
        What `myot2.reconstruct.fat` tells of it.
    central_times_ms : sequence of float
        Echo times that sample the centre of k-space.
    """
    unknown = model == "epg" and fat["FatLeft"] is None and not fat["FatSuppressed"]
    late = bool(central_times_ms) and min(central_times_ms) > LATEST_MIDDLE_MS
    return [UNKNOWN_FAT] if unknown and late else []


def _slices(numbers: Sequence[int]) -> str:
    return f"slice{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
