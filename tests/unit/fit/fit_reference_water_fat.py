"""A plain reference of the model `epg-water-fat`: the posterior maximised by SciPy, one voxel at a time.

The phase graph is that of `myot2.fit.epg`, which is tested against isochromats by itself; tables, linearised steps and
compiled code have no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from myot2.fit.epg import Train, signals


@dataclass(frozen=True)
class Posterior:
    """What is maximised; the amplitude is sought as a multiple of `scale`, T2 of water by its logarithm.

    `dixon` holds TE and TR in ms of the spin echo that measured the fraction, None for one of proton density.
    """

    train: Train
    sigma: float
    fraction_sd: float
    scale: float
    fat_t2_ms: float = 150.0
    fat_t1_ms: float = 365.0
    dixon: tuple[float, float] | None = None

    def echoes(self, m0: float, t2_ms: float, fraction: float, b1: float) -> np.ndarray:
        """The model, shape (echoes,)."""
        at = np.array([b1])
        water = signals(self.train, np.array([t2_ms]), at)[0, 0]
        fat = signals(replace(self.train, t1_ms=self.fat_t1_ms), np.array([self.fat_t2_ms]), at)[0, 0]
        return m0 * ((1 - fraction) * water + fraction * fat)

    def seen(self, t2_ms: float, fraction: float) -> float:
        """The fraction that the Dixon scan sees, without noise."""
        if self.dixon is None:
            return fraction
        te, tr = self.dixon
        water = (1 - fraction) * np.exp(-te / t2_ms) * (1 - np.exp(-tr / self.train.t1_ms))
        fat = fraction * np.exp(-te / self.fat_t2_ms) * (1 - np.exp(-tr / self.fat_t1_ms))
        return fat / (fat + water)

    def fit(self, echoes: np.ndarray, prior: float, start: tuple[float, ...], b1: float | None) -> tuple[float, ...]:
        """M0, T2 (ms), fraction, B1 and SD of T2 (ms); B1 is free where it is None, and then starts from start[3]."""

        def residual(p: np.ndarray) -> np.ndarray:
            m0, t2, fraction, at = p[0] * self.scale, np.exp(p[1]), p[2], p[3] if b1 is None else b1
            misfit = (self.echoes(m0, t2, fraction, at) - echoes) / self.sigma
            return np.append(misfit, (self.seen(t2, fraction) - prior) / self.fraction_sd)

        first = [start[0] / self.scale, np.log(start[1]), start[2], *([start[3]] if b1 is None else [])]
        best = least_squares(residual, first, xtol=1e-11, ftol=1e-11, x_scale="jac")
        spread = np.sqrt(np.linalg.inv(best.jac.T @ best.jac)[1, 1])
        t2 = float(np.exp(best.x[1]))
        return best.x[0] * self.scale, t2, best.x[2], best.x[3] if b1 is None else b1, t2 * float(spread)
