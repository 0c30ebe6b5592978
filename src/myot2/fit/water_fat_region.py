"""Water and fat in the mean signal of a region, without a prior: M0, fat fraction, T2 of water and B1.

For means only. Four unknowns are too many for a voxel: with ten echoes to 100 ms at an SNR of 50 the Cramer-Rao bound
of T2 is 8.5 ms where there is little fat and 16 ms at 50 %. The mean of a thousand voxels has thirty times that SNR. It
answers for the mean of T2 and B1 only as far as these vary little within the region.

The two amplitudes are linear, and not negative; for given T2 and B1 they follow from the echoes (variable projection).
The best of a grid, on each side of the turning B1, is where the search for T2 and B1 begins. What comes to lie on a
bound is not a best value, so that nothing follows for its error: it has no standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

from myot2.core.voxel_status import Status
from myot2.fit.epg import coefficients
from myot2.fit.epg_table import LEAST_B1, MOST_B1, Table
from myot2.fit.water_fat_table import WaterFatTable

T2_RANGE_MS = (10.0, 120.0)
"""Where T2 of water is looked for: above, water is taken for fat."""

_B1_STEP = 0.0125
_GRID_T2 = np.geomspace(*T2_RANGE_MS, 24)
_DIFFERENCE = 1e-4
# A search with bounds ends just inside of them: so near (ln T2, B1) is on the bound.
_ON_BOUND = 1e-3


@dataclass(frozen=True)
class RegionFit:
    """One value per region, shape (regions,).

    Attributes
    ----------
    t2_ms, t2_sd_ms : np.ndarray
        T2 of water in ms, NaN where there is no water, and its standard deviation, NaN unless the status is OK.
    fat_fraction, fat_fraction_sd : np.ndarray
        Of the proton density, 0 to 1, and its standard deviation, NaN where there is no fat or the status is not OK.
    m0 : np.ndarray
        Signal of water and fat at TE = 0, in the units of the signal.
    b1 : np.ndarray
        Relative to nominal.
    rmse : np.ndarray
        Root mean square of the residuals, in the units of the signal. The standard deviations are from it and the
        information matrix (four degrees of freedom taken).
    status : np.ndarray
        `Status`, 8-bit integers: OK, or AT_BOUND where T2 or B1 lies on a bound (`T2_RANGE_MS`, `epg_table.LEAST_B1`,
        `epg_table.MOST_B1`) or there is no water.
    """

    t2_ms: np.ndarray
    t2_sd_ms: np.ndarray
    fat_fraction: np.ndarray
    fat_fraction_sd: np.ndarray
    m0: np.ndarray
    b1: np.ndarray
    rmse: np.ndarray
    status: np.ndarray


def fit_region_means(means: np.ndarray, table: WaterFatTable) -> RegionFit:
    """Fit water and fat to the mean signals of regions.

    Parameters
    ----------
    means : np.ndarray
        Mean magnitudes, shape (echoes, regions), positive.
    table : WaterFatTable
        Of the train and the fat.

    Raises
    ------
    ValueError
        Too few or too many echoes, or a mean that is not finite and positive.
    """
    means = np.asarray(means, float)
    if len(means) != table.water.train.echoes or len(means) < 5:
        raise ValueError(f"the means have {len(means)} echoes, the train {table.water.train.echoes}; at least five")
    if not (np.isfinite(means).all() and (means > 0).all()):
        raise ValueError("the mean of a region is finite and positive")
    model = _Model(table)
    sides = _sides(table.water)
    *values, status = np.array([_fit_one(mean, model, sides) for mean in means.T]).reshape(-1, len(fields(RegionFit))).T
    return RegionFit(*values, status=status.astype(np.uint8))


class _Model:
    """Echoes of water and fat for any T2 and B1, by splines of the phase graph's coefficients in B1."""

    def __init__(self, table: WaterFatTable):
        train = table.water.train
        b1 = np.arange(LEAST_B1, MOST_B1 + _B1_STEP / 2, _B1_STEP)
        self._rate = train.spacing_ms * np.arange(1, train.echoes + 1)
        self._water = CubicSpline(b1, coefficients(train, b1))
        of_fat = coefficients(replace(train, t1_ms=table.fat_t1_ms), b1)
        self._fat = CubicSpline(b1, of_fat @ np.exp(-self._rate / table.fat_t2_ms))

    def __call__(self, t2_ms: float, b1: float) -> np.ndarray:
        """Both courses, shape (echoes, 2)."""
        return np.stack([self._water(b1) @ np.exp(-self._rate / t2_ms), self._fat(b1)], axis=-1)

    def amplitudes(self, mean: np.ndarray, t2_ms: float, b1: float) -> tuple[np.ndarray, np.ndarray]:
        """The best amplitudes that are not negative, and the residuals."""
        courses = self(t2_ms, b1)
        both = np.linalg.lstsq(courses, mean, rcond=None)[0]
        if both.min() < 0:
            alone = courses.T @ mean / (courses**2).sum(axis=0)
            left = ((mean[:, None] - courses * alone) ** 2).sum(axis=0)
            both = np.where(np.arange(2) == left.argmin(), alone, 0.0)
        return both, courses @ both - mean

    def jacobian(self, t2_ms: float, b1: float, both: np.ndarray) -> np.ndarray:
        """Derivatives by water, fat, ln T2 and B1, shape (echoes, 4)."""
        step = _DIFFERENCE
        by_t2 = (self(t2_ms * np.exp(step), b1) - self(t2_ms * np.exp(-step), b1)) @ both / (2 * step)
        by_b1 = (self(t2_ms, b1 + step) - self(t2_ms, b1 - step)) @ both / (2 * step)
        return np.column_stack([self(t2_ms, b1), by_t2, by_b1])


def _sides(water: Table) -> list[tuple[float, float]]:
    """The ranges of B1 to be searched: both sides of the turning B1 where they differ."""
    if not water.train.selective:
        return [(LEAST_B1, min(water.turn_b1, MOST_B1))]
    return [side for side in ((LEAST_B1, water.turn_b1), (water.turn_b1, MOST_B1)) if side[1] - side[0] > _B1_STEP]


def _fit_one(mean: np.ndarray, model: _Model, sides: list[tuple[float, float]]) -> tuple[float, ...]:
    """The entries of `RegionFit` of one region."""
    size = mean.max()
    best = None
    for low, high in sides:
        grid = [(t2, b1) for t2 in _GRID_T2 for b1 in np.linspace(low, high, 16)]
        start = min(grid, key=lambda at: float((model.amplitudes(mean, *at)[1] ** 2).sum()))
        found = least_squares(
            lambda p: model.amplitudes(mean / size, np.exp(p[0]), p[1])[1],
            (np.log(start[0]), np.clip(start[1], low + 1e-6, high - 1e-6)),
            bounds=((np.log(T2_RANGE_MS[0]) - 1e-9, low), (np.log(T2_RANGE_MS[1]) + 1e-9, high)),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
        best = found if best is None or found.cost < best.cost else best
    t2, b1 = float(np.exp(best.x[0])), float(best.x[1])
    (water, fat), residual = model.amplitudes(mean, t2, b1)
    m0, rmse = water + fat, np.sqrt(np.mean(residual**2))
    if water == 0 or _on_bound(best.x[0], np.log(T2_RANGE_MS)) or _on_bound(b1, (LEAST_B1, MOST_B1)):
        return t2 if water > 0 else np.nan, np.nan, fat / m0, np.nan, m0, b1, rmse, Status.AT_BOUND
    # without fat there is one unknown less
    free = np.array([0, 1, 2, 3] if fat > 0 else [0, 2, 3])
    jacobian = model.jacobian(t2, b1, np.array([water, fat]))[:, free]
    covariance = np.zeros((4, 4))
    covariance[np.ix_(free, free)] = np.linalg.pinv(jacobian.T @ jacobian) * (residual @ residual) / (len(mean) - 4)
    by_amplitude = np.array([-fat, water]) / m0**2
    fraction_sd = np.sqrt(by_amplitude @ covariance[:2, :2] @ by_amplitude) if fat > 0 else np.nan
    return t2, t2 * np.sqrt(covariance[2, 2]), fat / m0, fraction_sd, m0, b1, rmse, Status.OK


def _on_bound(value: float, bounds: Iterable[float]) -> bool:
    return any(abs(value - bound) < _ON_BOUND for bound in bounds)
