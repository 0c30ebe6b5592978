"""How T1 and T2 weight the fat fraction of a Dixon scan, and the proton fraction behind it.

In a spin echo with echo time TE and repetition time TR water has the weight exp(-TE / T2) (1 - exp(-TR / T1)), and fat
that of its own T1 and T2. With r = weight of water / weight of fat a proton fat fraction f shows as the signal
fraction

    d = f / (f + (1 - f) r),        f = d r / (1 - d + d r).

At TE 51 ms, a T2 of 35 ms and fat of 150 ms r is 0.32: 5 % of fat look like 14 %. In oedema water keeps more of its
signal, and the same fat looks like less; r is therefore taken at the T2 of the voxel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from myot2.core.bids import ms_of

LEAST_ECHO_MS = 10.0
"""Dixon images with a longer echo time are spin echoes: gradient echoes at which fat is told apart end before."""

WATER_T1_MS = 1400.0
"""T1 of muscle at 3 T."""

FAT_T1_MS = 365.0
"""T1 of fat at 3 T."""

FAT_T2_MS = 150.0
"""T2 of fat at 3 T."""

FRACTION_SD = 0.04
"""Standard deviation of a fat fraction from a Dixon scan, its noise and what is wrong with it."""


@dataclass(frozen=True)
class DixonWeight:
    """The weighting of a Dixon scan; all times in ms.

    Attributes
    ----------
    echo_ms, repetition_ms : float
        Of the spin echo; 0 and infinite for a scan that is weighted by proton density.
    water_t1_ms, fat_t2_ms, fat_t1_ms : float
        Of the tissues.
    """

    echo_ms: float = 0.0
    repetition_ms: float = np.inf
    water_t1_ms: float = 1400.0
    fat_t2_ms: float = 150.0
    fat_t1_ms: float = 365.0

    def record(self) -> dict[str, Any]:
        """What a sidecar says of the weighting that was undone."""
        if self.echo_ms == 0:
            return {"DixonWeighting": "proton density"}
        repetition = {"DixonRepetitionTimeMs": self.repetition_ms} if np.isfinite(self.repetition_ms) else {}
        tissue = {"WaterT1Ms": self.water_t1_ms, "FatT2Ms": self.fat_t2_ms, "FatT1Ms": self.fat_t1_ms}
        return {"DixonWeighting": "spin echo", "DixonEchoTimeMs": self.echo_ms, **repetition, **tissue}

    def water_over_fat(self, water_t2_ms: np.ndarray | float) -> np.ndarray:
        """r, the weight of water over that of fat, for the T2 of the water in ms, positive or NaN; any shape."""
        decay = np.exp(self.echo_ms / self.fat_t2_ms - self.echo_ms / np.asarray(water_t2_ms, float))
        return decay * np.expm1(-self.repetition_ms / self.water_t1_ms) / np.expm1(-self.repetition_ms / self.fat_t1_ms)

    def signal_fraction(self, proton_fraction: np.ndarray | float, water_t2_ms: np.ndarray | float) -> np.ndarray:
        """d of f; broadcast against each other."""
        f = np.asarray(proton_fraction, float)
        return f / (f + (1 - f) * self.water_over_fat(water_t2_ms))

    def proton_fraction(self, signal_fraction: np.ndarray | float, water_t2_ms: np.ndarray | float) -> np.ndarray:
        """f of d; broadcast against each other, NaN where either is."""
        d, r = np.asarray(signal_fraction, float), self.water_over_fat(water_t2_ms)
        return d * r / (1 - d + d * r)


def weight_of(sidecar: Mapping[str, Any], **tissue: float) -> DixonWeight:
    """The weighting of a scan by the times (s) of its sidecar; without a spin echo's times it is proton density.

    Parameters
    ----------
    sidecar : mapping
        `EchoTime` and `RepetitionTime` are read.
    **tissue : float
        `water_t1_ms`, `fat_t2_ms` and `fat_t1_ms` where they differ from the defaults.
    """
    echo_ms = ms_of(sidecar["EchoTime"]) if "EchoTime" in sidecar else 0.0
    if echo_ms <= LEAST_ECHO_MS:
        return DixonWeight(**tissue)
    return DixonWeight(echo_ms, ms_of(sidecar["RepetitionTime"]) if "RepetitionTime" in sidecar else np.inf, **tissue)
