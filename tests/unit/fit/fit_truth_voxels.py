"""Many voxels of known truth: isochromat sums between nodes of T2 and B1, Rician noise, and the bound of each voxel.

An isochromat sum takes about a millisecond, so the echoes of thousands of voxels are interpolated by splines of degree
five in ln T2 and B1; in the tests of this module they agree with direct sums to 2e-6 of the magnetisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from fit_truth_bloch import Train, echo_signals
from fit_truth_bounds import FAT_T1_MS, FAT_T2_MS
from scipy.interpolate import RectBivariateSpline

PARAMETERS = ("m0", "t2_ms", "fat_fraction", "b1")


class Table:
    """Echoes of one tissue, with their sign, for any T2 and B1 in a range.

    Parameters
    ----------
    train : Train
    t2_ms, b1 : tuple of float
        Least and largest value.
    t1_ms : float
    """

    def __init__(
        self,
        train: Train,
        t2_ms: tuple[float, float] = (10.0, 300.0),
        b1: tuple[float, float] = (0.5, 1.3),
        t1_ms=1400.0,
    ):
        t2_nodes, b1_nodes = np.geomspace(*t2_ms, 40), np.linspace(*b1, 49)
        signals = np.stack([echo_signals(train, t2_nodes, t1_ms=t1_ms, b1=value).real for value in b1_nodes], axis=-1)
        self._splines = [RectBivariateSpline(np.log(t2_nodes), b1_nodes, echo, kx=5, ky=5) for echo in signals]

    def __call__(self, t2_ms: np.ndarray, b1: np.ndarray) -> np.ndarray:
        """Echoes, shape (echoes, voxels), of arrays of shape (voxels,)."""
        return np.stack([spline.ev(np.log(t2_ms), b1) for spline in self._splines])

    def slope(self, t2_ms: np.ndarray, b1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the echoes by T2 in 1/ms and by B1."""
        by_log_t2 = np.stack([spline.ev(np.log(t2_ms), b1, dx=1) for spline in self._splines])
        return by_log_t2 / t2_ms, np.stack([spline.ev(np.log(t2_ms), b1, dy=1) for spline in self._splines])


@dataclass(frozen=True)
class Voxels:
    """Voxels of water and fat in a multi-echo train.

    Attributes
    ----------
    truth : mapping of str to np.ndarray
        `PARAMETERS`, each of shape (voxels,).
    clean : np.ndarray
        Echoes without noise, shape (echoes, voxels).
    derivatives : np.ndarray
        Of `clean` by the parameters, shape (parameters, echoes, voxels).
    """

    truth: Mapping[str, np.ndarray]
    clean: np.ndarray
    derivatives: np.ndarray

    def noisy(self, sigma: float, seed: int) -> np.ndarray:
        """Magnitudes with Rician noise, shape (echoes, voxels)."""
        rng = np.random.default_rng(seed)
        return np.hypot(self.clean + rng.normal(0, sigma, self.clean.shape), rng.normal(0, sigma, self.clean.shape))

    def t2_bound(
        self, sigma: float, known: tuple[str, ...] = ("fat_fraction",), prior_sd: Mapping[str, float] | None = None
    ) -> np.ndarray:
        """Cramer-Rao bound of T2 in ms for each voxel (see `fit_truth_bounds`), shape (voxels,)."""
        free = [name for name in PARAMETERS if name not in known]
        jacobian = self.derivatives[[PARAMETERS.index(name) for name in free]]
        information = np.einsum("pev,qev->vpq", jacobian, jacobian) / sigma**2
        for name, sd in (prior_sd or {}).items():
            information[:, free.index(name), free.index(name)] += sd**-2
        return np.sqrt(np.linalg.inv(information)[:, free.index("t2_ms"), free.index("t2_ms")])


def make_voxels(water: Table, fat: Table | None = None, **truth: np.ndarray) -> Voxels:
    """Voxels of the given m0, t2_ms, b1 and, with a table of fat, fat_fraction; arrays of shape (voxels,)."""
    share = truth.setdefault("fat_fraction", np.zeros(len(truth["t2_ms"])))
    m0, t2, b1 = truth["m0"], truth["t2_ms"], truth["b1"]
    fat_t2 = np.full(len(t2), FAT_T2_MS)
    of_water, (by_t2, by_b1) = water(t2, b1), water.slope(t2, b1)
    of_fat, fat_by_b1 = (fat(fat_t2, b1), fat.slope(fat_t2, b1)[1]) if fat else (np.zeros_like(of_water),) * 2
    mixed = (1 - share) * of_water + share * of_fat
    derivatives = [mixed, m0 * (1 - share) * by_t2, m0 * (of_fat - of_water)]
    derivatives.append(m0 * ((1 - share) * by_b1 + share * fat_by_b1))
    return Voxels(truth, np.abs(m0 * mixed), np.sign(mixed) * np.stack(derivatives))


def fat_table(train: Train, b1: tuple[float, float] = (0.5, 1.3)) -> Table:
    """The fat of `fit_truth_bounds.water_fat`, for T2 around its value."""
    return Table(train, (0.8 * FAT_T2_MS, 1.25 * FAT_T2_MS), b1, FAT_T1_MS)
