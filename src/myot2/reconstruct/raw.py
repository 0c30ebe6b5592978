"""Raw k-space of a scan, ready for the inversion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RawSlice:
    """Sampled lines of one slice: readout transformed, noise white with SD 1 in each of real and imaginary part."""

    lines: tuple[np.ndarray, ...]
    samples: tuple[np.ndarray, ...]
    repeats: tuple[np.ndarray, ...]
    calibration: np.ndarray
