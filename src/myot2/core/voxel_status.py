"""What became of the fit of a voxel: the codes of the status maps that fit writes and measure reads."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np


class Status(IntEnum):
    """One code per voxel, the first that applies in this order; anything but `OK` is a reason to leave the voxel out.

    Attributes
    ----------
    NOT_FITTED
        Outside the mask, or a sample is not finite, or there is no positive signal: all maps are NaN.
    OK
        Nothing stands against the fit.
    LOW_SIGNAL
        The amplitude at the first echo used is below a least multiple of the noise.
    AT_BOUND
        T2 lies outside the limits, or so far out that there is no number (NaN).
    NOT_CONVERGED
        The iteration did not settle.
    FAT_ABOVE_LIMIT
        The fat fraction is above what the model can carry.
    """

    NOT_FITTED = 0
    OK = 1
    LOW_SIGNAL = 2
    AT_BOUND = 3
    NOT_CONVERGED = 4
    FAT_ABOVE_LIMIT = 5

    @property
    def words(self) -> str:
        """The name as words: 'low signal'."""
        return self.name.lower().replace("_", " ")

    @property
    def column(self) -> str:
        """The column of the table of measures that counts such voxels."""
        return f"voxels_{self.name.lower()}"


REASONS = tuple(status for status in Status if status is not Status.OK)
"""Why a voxel is left out."""


def levels() -> dict[str, str]:
    """The look-up table of a status map, as a sidecar holds it: code to words."""
    return {str(int(status)): status.words for status in Status}


def count_by_status(codes: np.ndarray) -> Mapping[str, int]:
    """How many voxels have each status, by its words."""
    counts = np.bincount(np.ravel(codes), minlength=len(Status))
    return {status.words: int(counts[status]) for status in Status}
