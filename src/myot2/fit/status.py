"""The limits by which a fit is judged, beside the codes (`myot2.core.voxel_status`) that say how it went."""

from __future__ import annotations

import numpy as np

from myot2.core.voxel_status import Status

__all__ = ["LEAST_SNR", "T2_LIMITS_MS", "Status", "with_fat_marked"]

T2_LIMITS_MS = (10.0, 300.0)
"""T2 that ten echoes up to about 100 ms can measure; outside it a fit is kept as it is and marked."""

LEAST_SNR = 3.0
"""First-echo amplitude over noise below which a fit is marked: magnitudes of pure noise are fitted with about two."""


def with_fat_marked(status: np.ndarray, proton_fraction: np.ndarray, limit: float) -> np.ndarray:
    """The codes of a status map, those voxels marked among the ok ones whose fat fraction is above the limit.

    A fraction that is unknown (NaN) is no reason to leave a voxel out.
    """
    above = (status == Status.OK) & (proton_fraction > limit)
    return np.where(above, np.uint8(Status.FAT_ABOVE_LIMIT), status)
