"""What six pulse sequences, and a Dixon fat image, show of water and fat: proton density, T1 and T2 to a signal.

T1 and T2 of tissues are those of the simulator's tables (Gold et al., AJR 2004;183:343), at 3 T, as are the signals of
spin and gradient echo. Training images share none of it (`myot2.train.appearance`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myot2.simulate.protocol import DIXON
from myot2.simulate.signal import FAT_T1_MS, FAT_T2_MS, spin_echo, spoiled_gradient_echo

LEAK = 0.03
"""Part of the other substance's signal that a Dixon water or fat image keeps."""

Signal = Callable[[np.ndarray | float, np.ndarray | float], np.ndarray]
"""T1 and T2 (ms) to the signal of proton density 1."""


@dataclass(frozen=True)
class Contrast:
    """A kind of image.

    Attributes
    ----------
    name : str
    signal : callable
        Of water and of fat alike; may be negative.
    water, fat : float
        What the image holds of each; fat of opposite phase is negative.
    required : bool
        Whether it is one of the six contrasts by which the network is judged.
    """

    name: str
    signal: Signal
    water: float = 1.0
    fat: float = 1.0
    required: bool = True

    def of_fat(self) -> float:
        """Signed signal of fat of proton density 1."""
        return self.fat * float(self.signal(FAT_T1_MS, FAT_T2_MS))

    def of_water(self, t1_ms: np.ndarray | float, t2_ms: np.ndarray | float) -> np.ndarray:
        """Signed signal of water of proton density 1."""
        return self.water * self.signal(t1_ms, t2_ms)


def _spin_echo(repetition_ms: float, echo_ms: float) -> Signal:
    return lambda t1, t2: spin_echo(t1, t2, repetition_ms=repetition_ms, echo_ms=echo_ms)


def _gradient_echo(t1: np.ndarray | float, t2: np.ndarray | float) -> np.ndarray:
    """A spoiled gradient echo of a few milliseconds: TR 10 ms, 10 degrees; T2 does not show."""
    return spoiled_gradient_echo(t1, repetition_ms=10.0, flip_deg=10.0) + 0 * np.asarray(t2)


def _inversion_recovery(t1: np.ndarray | float, t2: np.ndarray | float) -> np.ndarray:
    """STIR, TR/TI/TE 5000/245/40 ms, near the null of fat; muscle and fat are both still inverted, so they add up.

    Bernstein, King and Zhou, Handbook of MRI Pulse Sequences, 2004.
    """
    recovered = 1 - 2 * np.exp(-245.0 / np.asarray(t1)) + np.exp(-5000.0 / np.asarray(t1))
    return recovered * np.exp(-40.0 / np.asarray(t2))


_STUDY = _spin_echo(DIXON.repetition_time_ms, DIXON.echo_times_ms[0])

CONTRASTS = {
    contrast.name: contrast
    for contrast in (
        Contrast("T1-weighted", _spin_echo(600.0, 12.0)),
        Contrast("proton density", _spin_echo(3000.0, 15.0)),
        Contrast("T2-weighted in-phase", _STUDY),
        Contrast("opposed-phase", _gradient_echo, fat=-1.0),
        Contrast("Dixon water", _gradient_echo, fat=LEAK),
        Contrast("STIR", _inversion_recovery),
        Contrast("Dixon fat", _gradient_echo, water=LEAK, required=False),
    )
}
"""In-phase is the study's T2-weighted Dixon, which the workflow labels; the other Dixon images are gradient echoes, as
of data/thigh-dixon."""

IN_PHASE = "T2-weighted in-phase"
WATER = "Dixon water"
