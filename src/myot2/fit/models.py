"""The signal models by name: which maps each makes of a series, and what it asks of the echoes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes, skip_first
from myot2.fit.noise import without_floor
from myot2.fit.settings import Beside, Settings
from myot2.fit.status import Status, with_fat_marked
from myot2.fit.timing import even_times, require_count, require_even

if TYPE_CHECKING:
    from myot2.fit.mono import MonoFit

_TISSUE = 0.05
_NOTHING = Beside()
_MUSCLE_T2_MS = 35.0


@dataclass(frozen=True)
class Fit:
    """Maps of 32-bit floats of the shape (slices, rows, columns), NaN where there is no fit, and the status codes.

    `freedom` counts the degrees of freedom of the noise in `sd_ms` (infinite where the noise was given); `b1` is None
    where the model has none, `fat_fraction` (of the protons) where no Dixon scan tells it. `sigma` is the noise of one
    echo that a fit estimated and went by, None where it went by none or by the one given. `facts` holds what else the
    fit found out for itself, as sidecars state it.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    sd_ms: np.ndarray
    rmse: np.ndarray
    status: np.ndarray
    freedom: float
    b1: np.ndarray | None = None
    fat_fraction: np.ndarray | None = None
    sigma: float | None = None
    facts: dict[str, float] | None = None


@dataclass(frozen=True)
class Model:
    """A signal model: its formula and its estimator, as sidecars state them, and the function that fits it.

    `estimator_of_known_noise` is the one where the noise is known; None for a model that has no use for it.

    `skips` says whether it leaves out first echoes, `train` whether it describes the train of pulses.
    """

    formula: str
    fit: Callable[[Echoes, Settings, np.ndarray | None, Beside], Fit]
    estimator: str = "least squares"
    estimator_of_known_noise: str | None = None
    skips: bool = False
    train: bool = False


def echoes_used(echoes: Echoes, settings: Settings) -> Echoes:
    """The echoes that the model is fitted to.

    Raises
    ------
    MyoT2Error
        Too few are left.
    """
    return skip_first(echoes, settings.skip_first_echoes if MODELS[settings.model].skips else 0)


def fit_echoes(used: Echoes, settings: Settings, mask: np.ndarray | None = None, beside: Beside = _NOTHING) -> Fit:
    """Fit a model to the echoes of `echoes_used`.

    Parameters
    ----------
    used : Echoes
    settings : Settings
    mask : np.ndarray, optional
        Booleans, shape (slices, rows, columns): where to fit.
    beside : Beside
        Maps that the fit is given.

    Raises
    ------
    MyoT2Error
        The echo times or their number do not suit the model, a pulse cannot be read, or the T2 of fat cannot be had.
    """
    fit = MODELS[settings.model].fit(used, settings, mask, beside)
    if fit.fat_fraction is None and beside.fraction is not None:
        fraction = beside.weight.proton_fraction(beside.fraction, fit.t2_ms).astype(np.float32)
        fit = replace(fit, fat_fraction=fraction)
    return _mark_fat(fit, settings.fat.limit)


def _mark_fat(fit: Fit, limit: float | None) -> Fit:
    """The same fit, with voxels that were ok marked where they hold more fat than the limit."""
    if limit is None or fit.fat_fraction is None:
        return fit
    return replace(fit, status=with_fat_marked(fit.status, fit.fat_fraction, limit))


def _mono(used: Echoes, settings: Settings, mask: np.ndarray | None, _beside: Beside) -> Fit:
    from myot2.fit.mono import fit_mono  # here and below: a vendor's map is taken without any of them

    if settings.sigma is None:
        even = even_times(used.times_ms)
        times = used.times_ms if even is None else even
    else:
        times = require_even(used, "the noise-aware fit", from_excitation=False)
    found = fit_mono(_chosen(used.signal, mask), times, sigma=settings.sigma, limits_ms=settings.t2_limits_ms)
    return _spread(found, mask)


def _mono_offset(used: Echoes, settings: Settings, mask: np.ndarray | None, _beside: Beside) -> Fit:
    from myot2.fit.mono import fit_mono_offset

    require_count(used, 4, "mono-offset")
    with warnings.catch_warnings():
        # the sidecar and the documentation say what the warning does
        warnings.simplefilter("ignore", UserWarning)
        found = fit_mono_offset(_chosen(used.signal, mask), used.times_ms, limits_ms=settings.t2_limits_ms)
    return _spread(found, mask)


def _epg(used: Echoes, settings: Settings, mask: np.ndarray | None, beside: Beside) -> Fit:
    # the phase graph costs time to import, and the other models do without
    from myot2.fit.epg_fit import fit_free, fit_held, fit_smoothed
    from myot2.fit.epg_table import build
    from myot2.fit.trains import train_of

    require_count(used, 4, "epg")
    table = build(train_of(settings, require_even(used, "epg", from_excitation=True)))
    chosen = _required(_tissue(used.signal) if mask is None else mask, used, "tissue")
    limits = {"limits_ms": settings.t2_limits_ms}
    signal = _rid_of_floor(used.signal, settings)
    if settings.b1 == "smoothed":
        found = fit_smoothed(_chosen(signal, None), table, chosen, **limits)
        return _spread(found, None, "b1")
    if settings.b1 == "map":
        found = fit_held(_chosen(signal, chosen), table, _given_b1(beside)[chosen], **limits)
    else:
        found = fit_free(_chosen(signal, chosen), table, **limits)
    return _spread(found, chosen, "b1")


def _epg_water_fat(used: Echoes, settings: Settings, mask: np.ndarray | None, beside: Beside) -> Fit:
    from myot2.fit.fat_t2 import calibrate, require_fat_signal
    from myot2.fit.trains import train_of
    from myot2.fit.water_fat_fit import fit_free, fit_held, fit_smoothed
    from myot2.fit.water_fat_table import build

    require_count(used, 5, "epg-water-fat")
    train = train_of(settings, require_even(used, "epg-water-fat", from_excitation=True))
    given, fat = _given(beside.fraction, "fat fraction"), settings.fat
    signal, fat_t2 = _chosen(_rid_of_floor(used.signal, settings), None), fat.t2_ms
    tissue = _tissue(used.signal) if mask is None else mask
    chosen = _required(tissue & np.isfinite(given), used, "voxels whose fat fraction is known")
    protons = beside.weight.proton_fraction(given, _MUSCLE_T2_MS)
    require_fat_signal(signal, protons, used.where)
    if fat_t2 is None:
        fat_t2 = calibrate(signal, protons, train, fat_t1_ms=fat.t1_ms, where=used.where)
    weight = replace(beside.weight, fat_t2_ms=fat_t2)
    table = build(train, fat_t2, fat_t1_ms=fat.t1_ms, dixon=weight)
    options = {"sigma": settings.sigma, "fraction_sd": fat.prior_sd, "limits_ms": settings.t2_limits_ms}
    if settings.b1 == "smoothed":
        found, chosen = fit_smoothed(signal, table, given, chosen, **options), None
    elif settings.b1 == "map":
        b1 = _given_b1(beside)[chosen]
        found = fit_held(_chosen(signal, chosen), table, given[chosen], b1, **options)
    else:
        found = fit_free(_chosen(signal, chosen), table, given[chosen], **options)
    facts = {"FatT2Ms": round(fat_t2, 2), "FatT1Ms": fat.t1_ms, "FatFractionSD": fat.prior_sd}
    estimated = found.sigma if settings.sigma is None else None
    return replace(_spread(found, chosen, "b1", "fat_fraction"), sigma=estimated, facts=facts)


MODELS = {
    "mono": Model(
        "S(TE) = M0 exp(-TE/T2)", _mono, estimator_of_known_noise="maximum likelihood, Rician noise", skips=True
    ),
    "mono-offset": Model("S(TE) = M0 exp(-TE/T2) + C", _mono_offset, skips=True),
    "epg": Model(
        "extended phase graph of the echo train: M0, T2, B1",
        _epg,
        estimator_of_known_noise="least squares, noise floor removed",
        train=True,
    ),
    "epg-water-fat": Model(
        "extended phase graphs of water and fat: M0, T2 of water, fat fraction, B1",
        _epg_water_fat,
        "maximum posterior, Gaussian noise and Dixon fraction",
        "maximum posterior, Gaussian noise and Dixon fraction, noise floor removed",
        train=True,
    ),
}


def _given(values: np.ndarray | None, what: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"the {what} is to come from a map, and none was given")
    return values


def _given_b1(beside: Beside) -> np.ndarray:
    """The B1 that was given; NaN where the table of the phase graph does not reach."""
    from myot2.fit.epg_table import LEAST_B1, MOST_B1

    b1 = _given(beside.b1, "B1")
    return np.where((b1 >= LEAST_B1) & (b1 <= MOST_B1), b1, np.float32(np.nan))


def _required(chosen: np.ndarray, used: Echoes, what: str) -> np.ndarray:
    """The same voxels, unless there are none or none has signal."""
    if not (chosen & (used.signal > 0).any(axis=0)).any():
        raise MyoT2Error(
            expected=f"{what} to fit",
            found="none",
            where=used.where,
            do="Check that the mask, if there is one, lies in the body, and the map of the fat fraction.",
        )
    return chosen


def _rid_of_floor(signal: np.ndarray, settings: Settings) -> np.ndarray:
    """The signal without its noise floor, where the noise is known."""
    return signal if settings.sigma is None else without_floor(signal, settings.sigma)


def _tissue(signal: np.ndarray) -> np.ndarray:
    """Voxels with signal: B1 of air would be noise, and its neighbourhood would take it over."""
    peak = np.nan_to_num(signal.max(axis=0).astype(np.float32), nan=0.0)
    return peak > _TISSUE * np.percentile(peak, 99)


def _chosen(signal: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The voxels of the mask as contiguous 32-bit floats: one number type, one compiled fit in the cache."""
    return np.ascontiguousarray(signal if mask is None else signal[:, mask], dtype=np.float32)


def _spread(found: MonoFit, mask: np.ndarray | None, *more: str) -> Fit:
    """What a fit of the voxels of a mask found, as volumes; `more` names maps beside those that all models make."""
    names = ("t2_ms", "m0", "sd_ms", "rmse", *more)
    maps = {name: _volume(getattr(found, name), mask, np.nan) for name in names}
    return Fit(**maps, status=_volume(found.status, mask, Status.NOT_FITTED), freedom=found.freedom)


def _volume(values: np.ndarray, mask: np.ndarray | None, elsewhere: float) -> np.ndarray:
    if mask is None:
        return values
    volume = np.full(mask.shape, elsewhere, values.dtype)
    volume[mask] = values
    return volume
