"""The signal models by name: which maps each makes of a series, and what it asks of the echoes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes, skip_first
from myot2.fit.mono import MonoFit, fit_mono, fit_mono_offset
from myot2.fit.status import T2_LIMITS_MS, Status

_EVEN = 1e-3
_TISSUE = 0.05


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes
    ----------
    model : str
        One of `MODELS`.
    skip_first_echoes : int
        Echoes left out at the start by `mono` and `mono-offset`; `epg` uses all.
    sigma : float, optional
        Noise of one channel in the units of the signal, for the maximum-likelihood form of `mono`.
    t2_limits_ms : tuple of float
        T2 outside is kept and marked.
    b1 : str
        'smoothed' or 'free', for `epg`.
    slice_profile : str
        'hann-sinc' or 'none', for `epg`.
    refocusing_deg : float
        Nominal refocusing angle, for `epg`.
    t1_ms : float
        T1 of the tissue, for `epg`.
    """

    model: str = "mono"
    skip_first_echoes: int = 1
    sigma: float | None = None
    t2_limits_ms: tuple[float, float] = T2_LIMITS_MS
    b1: str = "smoothed"
    slice_profile: str = "none"
    refocusing_deg: float = 180.0
    t1_ms: float = 1400.0


@dataclass(frozen=True)
class Fit:
    """Maps of 32-bit floats of the shape (slices, rows, columns), NaN where there is no fit, and the status codes.

    `freedom` counts the degrees of freedom of the noise in `sd_ms` (infinite where the noise was given); `b1` is None
    where the model has none.
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    sd_ms: np.ndarray
    rmse: np.ndarray
    status: np.ndarray
    freedom: float
    b1: np.ndarray | None = None


@dataclass(frozen=True)
class Model:
    """A signal model: its formula, as sidecars state it, and the function that fits it."""

    formula: str
    fit: Callable[[Echoes, Settings, np.ndarray | None], Fit]
    skips: bool = True


def echoes_used(echoes: Echoes, settings: Settings) -> Echoes:
    """The echoes that the model is fitted to.

    Raises
    ------
    MyoT2Error
        Too few are left.
    """
    return skip_first(echoes, settings.skip_first_echoes if MODELS[settings.model].skips else 0)


def fit_echoes(used: Echoes, settings: Settings, mask: np.ndarray | None = None) -> Fit:
    """Fit a model to the echoes of `echoes_used`.

    Parameters
    ----------
    used : Echoes
    settings : Settings
    mask : np.ndarray, optional
        Booleans, shape (slices, rows, columns): where to fit.

    Raises
    ------
    MyoT2Error
        The echo times or their number do not suit the model.
    """
    return MODELS[settings.model].fit(used, settings, mask)


def _mono(used: Echoes, settings: Settings, mask: np.ndarray | None) -> Fit:
    if settings.sigma is None:
        even = _even_times(used.times_ms)
        times = used.times_ms if even is None else even
    else:
        times = _require_even(used, "the noise-aware fit", from_excitation=False)
    found = fit_mono(_chosen(used.signal, mask), times, sigma=settings.sigma, limits_ms=settings.t2_limits_ms)
    return _spread(found, mask)


def _mono_offset(used: Echoes, settings: Settings, mask: np.ndarray | None) -> Fit:
    _require_count(used, 4, "mono-offset")
    with warnings.catch_warnings():
        # the sidecar and the documentation say what the warning does
        warnings.simplefilter("ignore", UserWarning)
        found = fit_mono_offset(_chosen(used.signal, mask), used.times_ms, limits_ms=settings.t2_limits_ms)
    return _spread(found, mask)


def _epg(used: Echoes, settings: Settings, mask: np.ndarray | None) -> Fit:
    # the phase graph costs time to import, and the other models do without
    from myot2.fit.epg import Train
    from myot2.fit.epg_fit import fit_free, fit_smoothed
    from myot2.fit.epg_table import build
    from myot2.fit.pulses import hann_sinc, hard

    _require_count(used, 4, "epg")
    times = _require_even(used, "epg", from_excitation=True)
    angles = 90.0, settings.refocusing_deg
    if settings.slice_profile == "none":
        pulses = [hard(angle) for angle in angles]
    else:
        pulses = [hann_sinc(angle, width=width) for angle, width in zip(angles, (1.0, 1.2), strict=True)]
    table = build(Train(len(times), float(times[0]), *pulses, settings.t1_ms))
    chosen = _tissue(used.signal) if mask is None else mask
    if settings.b1 == "smoothed":
        found = fit_smoothed(_chosen(used.signal, None), table, chosen, limits_ms=settings.t2_limits_ms)
        chosen = None
    else:
        found = fit_free(_chosen(used.signal, chosen), table, limits_ms=settings.t2_limits_ms)
    return replace(_spread(found, chosen), b1=_volume(found.b1, chosen, np.nan))


MODELS = {
    "mono": Model("S(TE) = M0 exp(-TE/T2)", _mono),
    "mono-offset": Model("S(TE) = M0 exp(-TE/T2) + C", _mono_offset),
    "epg": Model("extended phase graph of the echo train: M0, T2, B1", _epg, skips=False),
}


def _tissue(signal: np.ndarray) -> np.ndarray:
    """Voxels with signal: B1 of air would be noise, and its neighbourhood would take it over."""
    peak = np.nan_to_num(signal.max(axis=0).astype(np.float32), nan=0.0)
    return peak > _TISSUE * np.percentile(peak, 99)


def _chosen(signal: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The voxels of the mask as contiguous 32-bit floats: one number type, one compiled fit in the cache."""
    return np.ascontiguousarray(signal if mask is None else signal[:, mask], dtype=np.float32)


def _spread(found: MonoFit, mask: np.ndarray | None) -> Fit:
    maps = {name: _volume(getattr(found, name), mask, np.nan) for name in ("t2_ms", "m0", "sd_ms", "rmse")}
    return Fit(**maps, status=_volume(found.status, mask, Status.NOT_FITTED), freedom=found.freedom)


def _volume(values: np.ndarray, mask: np.ndarray | None, elsewhere: float) -> np.ndarray:
    if mask is None:
        return values
    volume = np.full(mask.shape, elsewhere, values.dtype)
    volume[mask] = values
    return volume


def _require_count(used: Echoes, least: int, model: str) -> None:
    if len(used.times_ms) < least:
        raise MyoT2Error(
            expected=f"at least {least} echoes for {model}",
            found=str(len(used.times_ms)),
            where=used.where,
            do="Give all echoes of the series, skip fewer, or choose the model mono.",
        )


def _require_even(used: Echoes, what: str, *, from_excitation: bool) -> np.ndarray:
    """The echo times in ms, where all are multiples of their spacing (of the model epg: from the first multiple on)."""
    times = _even_times(used.times_ms)
    if times is None or (from_excitation and times[0] > 1.5 * (times[1] - times[0])):
        first = "the first of them one spacing after the excitation" if from_excitation else "multiples of one spacing"
        raise MyoT2Error(
            expected=f"evenly spaced echo times for {what}, {first}",
            found=", ".join(f"{time:g}" for time in used.times_ms) + " ms",
            where=used.where,
            do="Check the echo times; or choose the model mono without noise, which takes any.",
        )
    return times


def _even_times(times: np.ndarray) -> np.ndarray | None:
    """Echo times as exact multiples of their spacing, rid of the rounding of headers; None where they are none."""
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    before = round(times[0] / spacing)
    numbers = np.arange(before, before + len(times))
    exact = numbers * (times @ numbers / (numbers @ numbers))
    return exact if before > 0 and np.allclose(times, exact, rtol=0, atol=_EVEN * spacing) else None
