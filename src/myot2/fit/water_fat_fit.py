"""The model `epg-water-fat`: T2 of water in muscle from a multi-echo spin echo without fat suppression.

The signal of echo n is

    y_n = S [(1 - f) w_n(T2, B1) + f v_n(B1)],

w and v the phase graphs of the train (`epg.Train`) for water of the unknown T2 and for fat of a given one; S in the
units of the signal, T2 in ms, f the share of fat in the proton density, B1 relative to nominal (Marty et al. 2016,
doi:10.1002/nbm.3459). Ten echoes to 100 ms at an SNR of 50 cannot tell f from T2 in a voxel: without a prior the least
standard deviation of T2 is 8.5 ms. So the fraction d of a Dixon scan is needed, as a measurement with an error: a
Gaussian prior of standard deviation `fraction_sd` on what that scan sees, g = f / (f + (1 - f) r(T2)), where r = 1
unless it is T2-weighted (`water_fat_table.build`). What is maximised is the posterior

    -sum (y_n - model_n)^2 / (2 sigma^2) - (g - d)^2 / (2 fraction_sd^2),

so that the noise sigma of an echo says how much the echoes may move the fraction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.special import gammaincinv

from myot2.fit.dixon_weight import FRACTION_SD
from myot2.fit.mono import run_in_blocks
from myot2.fit.smoothing import median_inside
from myot2.fit.status import LEAST_SNR, T2_LIMITS_MS
from myot2.fit.water_fat_kernel import fit_free as _fit_free
from myot2.fit.water_fat_kernel import fit_held as _fit_held
from myot2.fit.water_fat_table import WaterFatTable

SMOOTHING = (3, 7, 7)
"""Slices, rows and columns of the neighbourhood in which B1 is the median: it varies over centimetres."""

_SIDE = (5, 15, 15)
_SAMPLE = 4096
_BRIGHT = 0.3
_FIRST_SIGMA = 0.02
_ROUNDS = 3
# Which of the maps of a compiled fit is c.
_C = 4
_MAPS = ("t2_ms", "m0", "sd_ms", "rmse", "b1", "fat_fraction")


@dataclass(frozen=True)
class WaterFatFit:
    """Maps of the shape of a volume, 32-bit floats, NaN where there is no fit.

    Attributes
    ----------
    t2_ms : np.ndarray
        T2 of water in ms.
    m0 : np.ndarray
        Signal of water and fat at TE = 0 after an ideal excitation, in the units of the signal.
    sd_ms : np.ndarray
        Standard deviation of T2 in ms, from the information of echoes and prior together, and to second order
        (`water_fat_kernel.CURVATURE`); where B1 is held, for that B1.
    rmse : np.ndarray
        Root mean square of the residuals over the echoes, in the units of the signal.
    b1 : np.ndarray
        B1 relative to nominal.
    fat_fraction : np.ndarray
        f, of the proton density, from echoes and prior together. Noise carries it below 0; it is not clipped, for
        clipping would bias means.
    status : np.ndarray
        `Status`, 8-bit integers.
    sigma : float
        Noise of one echo that the fit went by, in the units of the signal.
    freedom : float
        Degrees of freedom of the noise in `sd_ms`: infinite, for sigma is that of the volume.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    sd_ms: np.ndarray
    rmse: np.ndarray
    b1: np.ndarray
    fat_fraction: np.ndarray
    status: np.ndarray
    sigma: float
    freedom: float = np.inf


def fit_held(
    signal: np.ndarray,
    table: WaterFatTable,
    fraction: np.ndarray | float,
    b1: np.ndarray | float,
    *,
    sigma: float | None = None,
    fraction_sd: float = FRACTION_SD,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    fat_limit: float = np.inf,
    threads: int = 1,
) -> WaterFatFit:
    """Fit M0, T2 and the fat fraction to every voxel at a given B1.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes of all echoes, shape (echoes, ...), any number type and scale.
    table : WaterFatTable
        Of the train that made them and the fat, see `water_fat_table.build`.
    fraction : np.ndarray or float
        Fat fraction of the Dixon scan, shape (...), not clipped. Where it is NaN a voxel is not fitted: without a
        prior its T2 is not determined, and a fit that looks like the others would hide that.
    b1 : np.ndarray or float
        B1 relative to nominal, shape (...), and what the map `b1` of the fit holds; NaN leaves a voxel out. Beyond the
        table it is extrapolated linearly.
    sigma : float, optional
        Noise of one echo in the units of the signal; without it it is estimated (`estimate_sigma`).
    fraction_sd : float
        Standard deviation of `fraction`.
    limits_ms : tuple of float
        T2 outside is kept and marked `Status.AT_BOUND`.
    fat_limit : float
        A fitted fraction above is kept and marked `Status.FAT_ABOVE_LIMIT`. Above 0.6 the least standard deviation of
        T2 at an SNR of 50 has passed 5 ms.
    threads : int
        How many to use; the result does not depend on it.

    Raises
    ------
    ValueError
        The signal has not as many echoes as the train; sigma or `fraction_sd` is not positive; sigma is to be estimated
        and there is no voxel for it.
    """
    sigma = estimate_sigma(signal, table, fraction, fraction_sd=fraction_sd) if sigma is None else sigma
    voxels, shape = _voxels(signal, table)
    given = np.broadcast_to(np.asarray(b1, float), shape)
    c = _per_voxel(table.water.c_of(given), shape)
    maps, status, shared = _prepare(voxels, table, sigma, fraction_sd, limits_ms, fat_limit)
    prior = _per_voxel(fraction, shape)
    run_in_blocks(lambda *part: _fit_held(voxels, c, prior, *part, *shared), len(status), threads)
    return _result(maps, np.where(np.isnan(maps[_C]), np.nan, given.reshape(-1)), status, table, shape, sigma)


def fit_free(
    signal: np.ndarray,
    table: WaterFatTable,
    fraction: np.ndarray | float,
    *,
    sigma: float | None = None,
    fraction_sd: float = FRACTION_SD,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    fat_limit: float = np.inf,
    threads: int = 1,
) -> WaterFatFit:
    """Fit M0, T2, the fat fraction and B1 to every voxel, on the side of the turning B1 that is more probable.

    Parameters and errors as in `fit_held`.
    """
    sigma = estimate_sigma(signal, table, fraction, fraction_sd=fraction_sd) if sigma is None else sigma
    settings = {"fraction_sd": fraction_sd, "limits_ms": limits_ms, "fat_limit": fat_limit, "threads": threads}
    sides = fit_sides(signal, table, fraction, sigma=sigma, **settings)
    if len(sides) == 1:
        return sides[0]
    below, above = (_misfit(side, table, fraction, fraction_sd) for side in sides)
    upper = _choose(above < below, sides)
    names = (*_MAPS, "status")
    maps = {name: np.where(upper, getattr(sides[1], name), getattr(sides[0], name)) for name in names}
    return WaterFatFit(**maps, sigma=sigma)


def fit_sides(
    signal: np.ndarray,
    table: WaterFatTable,
    fraction: np.ndarray | float,
    *,
    sigma: float,
    fraction_sd: float = FRACTION_SD,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    fat_limit: float = np.inf,
    threads: int = 1,
) -> list[WaterFatFit]:
    """The fits below and above the turning B1; one where both sides are the same. As `fit_held` otherwise."""
    voxels, shape = _voxels(signal, table)
    prior = _per_voxel(fraction, shape)
    fits = []
    for span in table.water.sides:
        maps, status, shared = _prepare(voxels, table, sigma, fraction_sd, limits_ms, fat_limit)
        run_in_blocks(
            lambda *part, span=span, shared=shared: _fit_free(voxels, span, prior, *part, *shared), len(status), threads
        )
        fits.append(_result(maps, table.water.b1_of(maps[_C]), status, table, shape, sigma))
    return fits


def fit_smoothed(
    signal: np.ndarray,
    table: WaterFatTable,
    fraction: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    size: tuple[int, int, int] = SMOOTHING,
    sigma: float | None = None,
    fraction_sd: float = FRACTION_SD,
    limits_ms: tuple[float, float] = T2_LIMITS_MS,
    fat_limit: float = np.inf,
    threads: int = 1,
) -> WaterFatFit:
    """Fit B1, smooth it inside the mask, and fit M0, T2 and the fat fraction with it.

    B1 becomes the median over a neighbourhood, on the side of the turning B1 that is more probable for a larger
    neighbourhood, as in `epg_fit.fit_smoothed`.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes of all echoes, shape (echoes, slices, rows, columns).
    table : WaterFatTable
    fraction : np.ndarray
        Fat fraction of the Dixon scan on the grid of the echoes, shape (slices, rows, columns).
    mask : np.ndarray, optional
        Where to fit and to take B1 from, shape (slices, rows, columns); everywhere without it.
    size : tuple of int
        The neighbourhood in voxels, odd numbers.

    Other parameters and errors as in `fit_free`.
    """
    chosen = np.ones(np.shape(signal)[1:], bool) if mask is None else np.asarray(mask, bool)
    inside = np.ascontiguousarray(np.asarray(signal)[:, chosen])
    prior = np.broadcast_to(fraction, chosen.shape)[chosen]
    sigma = estimate_sigma(inside, table, prior, fraction_sd=fraction_sd) if sigma is None else sigma
    settings = {"fraction_sd": fraction_sd, "limits_ms": limits_ms, "fat_limit": fat_limit, "threads": threads}
    sides = fit_sides(inside, table, prior, sigma=sigma, **settings)
    b1 = _spread(sides[0].b1, chosen)
    if len(sides) == 2:
        below, above = (_misfit(side, table, prior, fraction_sd) for side in sides)
        gain = np.nan_to_num(_spread(below - above, chosen))
        upper = _choose(ndimage.uniform_filter(gain, _SIDE, mode="constant")[chosen] > 0, sides)
        b1 = _spread(np.where(upper, sides[1].b1, sides[0].b1), chosen)
    fit = fit_held(inside, table, prior, median_inside(b1, size)[chosen], sigma=sigma, **settings)
    status = np.zeros(chosen.shape, np.uint8)
    status[chosen] = fit.status
    return WaterFatFit(**{name: _spread(getattr(fit, name), chosen) for name in _MAPS}, status=status, sigma=sigma)


def estimate_sigma(
    signal: np.ndarray, table: WaterFatTable, fraction: np.ndarray | float, *, fraction_sd: float = FRACTION_SD
) -> float:
    """The noise of one echo, from the residuals of up to `_SAMPLE` bright voxels with B1 free.

    It is the sigma for which the median of chi-square, prior included, is that of a chi-square distribution with three
    degrees of freedom less than echoes (four unknowns, one prior). The median: a few voxels that the model does not fit
    are not noise. What it describes badly everywhere counts as noise, and widens `sd_ms`.

    Raises
    ------
    ValueError
        No voxel is bright and has a fraction.
    """
    voxels, shape = _voxels(signal, table)
    prior = _per_voxel(fraction, shape)
    peak = np.where(np.isfinite(prior) & np.isfinite(voxels).all(axis=0), voxels.max(axis=0), 0).astype(float)
    least = _BRIGHT * np.percentile(peak, 99) if peak.size else 0.0
    bright = np.flatnonzero((peak > 0) & (peak > least))
    if not bright.size:
        raise ValueError("no voxel has signal and a fat fraction: there is nothing to estimate the noise from")
    some = bright[np.unique(np.linspace(0, bright.size - 1, _SAMPLE).astype(int))]
    sample, prior = np.ascontiguousarray(voxels[:, some]), prior[some]
    sigma = _FIRST_SIGMA * float(np.median(peak[some]))
    expected = 2 * gammaincinv((len(voxels) - 3) / 2, 0.5)
    # the prior holds the fraction less the smaller sigma is, so that a few rounds are needed
    for _ in range(_ROUNDS):
        sides = fit_sides(sample, table, prior, sigma=sigma, fraction_sd=fraction_sd)
        misfit = np.fmin.reduce([_misfit(side, table, prior, fraction_sd) for side in sides])
        sigma = float(np.sqrt(np.nanmedian(misfit) / expected))
    return sigma


def _choose(above: np.ndarray, sides: list[WaterFatFit]) -> np.ndarray:
    """Whether the side above the turning B1 is taken: as asked, but where one side has no fit the other."""
    no_fit = [np.isnan(side.t2_ms) for side in sides]
    return (above | no_fit[0]) & ~no_fit[1]


def _misfit(fit: WaterFatFit, table: WaterFatTable, fraction: np.ndarray | float, fraction_sd: float) -> np.ndarray:
    """Sum of the squared residuals of a fit, that of the prior included."""
    ratio = np.interp(np.log(fit.t2_ms), np.log(table.water.t2_ms), table.weight[:, 0])
    seen = fit.fat_fraction / (fit.fat_fraction + (1 - fit.fat_fraction) * ratio)
    echoes = len(table.fat[0]) * fit.rmse.astype(float) ** 2
    return echoes + (fit.sigma / fraction_sd * (seen - fraction)) ** 2


def _voxels(signal: np.ndarray, table: WaterFatTable) -> tuple[np.ndarray, tuple[int, ...]]:
    if len(signal) != table.water.train.echoes:
        raise ValueError(f"the signal has {len(signal)} echoes, the train {table.water.train.echoes}")
    # one number type and layout: one compiled fit
    return np.ascontiguousarray(signal, np.float32).reshape(len(signal), -1), np.shape(signal)[1:]


def _per_voxel(values: np.ndarray | float, shape: tuple[int, ...]) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(values, shape), np.float32).reshape(-1)


def _prepare(
    voxels: np.ndarray,
    table: WaterFatTable,
    sigma: float,
    fraction_sd: float,
    limits_ms: tuple[float, float],
    fat_limit: float,
) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Empty maps and status, and the arguments that both compiled fits share."""
    if not (sigma > 0 and fraction_sd > 0):
        raise ValueError(f"sigma and the standard deviation of the fraction must be positive: {sigma}, {fraction_sd}")
    maps, status = np.empty((6, voxels.shape[1]), np.float32), np.empty(voxels.shape[1], np.uint8)
    t2, c = table.water.t2_ms, table.water.c
    grid = np.array([np.log(t2[1] / t2[0]), c[1] - c[0], c[0]], np.float32)
    settings = np.array([sigma, sigma / fraction_sd, LEAST_SNR, *limits_ms, fat_limit], np.float32)
    nodes = (table.basis, table.factor, table.weight, table.fat, table.typical, table.starts)
    return maps, status, ((0,) * len(voxels), grid, settings, (*nodes, t2.astype(np.float32)), maps, status)


def _result(
    maps: np.ndarray, b1: np.ndarray, status: np.ndarray, table: WaterFatTable, shape: tuple[int, ...], sigma: float
) -> WaterFatFit:
    t2, m0, sd, rmse, _, fraction = maps
    values = (t2, m0 / table.water.excited(b1), sd, rmse, b1, fraction)
    maps = {name: np.asarray(value, np.float32).reshape(shape) for name, value in zip(_MAPS, values, strict=True)}
    return WaterFatFit(**maps, status=status.reshape(shape), sigma=float(sigma))


def _spread(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Values of the chosen voxels in their volume, NaN elsewhere."""
    volume = np.full(chosen.shape, np.nan, np.float32)
    volume[chosen] = values
    return volume
