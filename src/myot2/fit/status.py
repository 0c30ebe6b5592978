"""The limits by which a fit is judged, beside the codes (`myot2.core.voxel_status`) that say how it went."""

from __future__ import annotations

from myot2.core.voxel_status import Status

__all__ = ["LEAST_SNR", "T2_LIMITS_MS", "Status"]

T2_LIMITS_MS = (10.0, 300.0)
"""T2 that ten echoes up to about 100 ms can measure; outside it a fit is kept as it is and marked."""

LEAST_SNR = 3.0
"""First-echo amplitude over noise below which a fit is marked: magnitudes of pure noise are fitted with about two."""
