"""T2 and M0 of a slice from undersampled multi-coil multi-echo k-space.

One non-linear inversion of all echoes and coils (Block et al. 2009, doi:10.1109/TMI.2009.2023119; Sumpf et al. 2011,
doi:10.1002/jmri.22634) by regularised Gauss-Newton (Uecker et al. 2008, doi:10.1002/mrm.21691), with the extended phase
graph as model (Sumpf et al. 2014, doi:10.1109/TMI.2014.2333370).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from myot2.core.errors import MyoT2Error
from myot2.reconstruct.encoding import Encoding, encode
from myot2.reconstruct.gauss_newton import Progress, Stop, minimise
from myot2.reconstruct.nuisance import PHASE_TERMS, cosines, phase_basis
from myot2.reconstruct.objective import Look, Objective, Priors
from myot2.reconstruct.raw import RawSlice
from myot2.reconstruct.signal_models import SignalModel
from myot2.reconstruct.start import start
from myot2.reconstruct.uncertainty import t2_sd

T2_RANGE_MS = (3.3, 333.0)
"""Where T2 is looked for."""

MISFIT_RANGE = (0.8, 1.0)
"""Reduced chi-square of data that the model describes; 1 less what the unknowns take up."""

START_B1 = 0.85
"""Of the thigh at 3 T on average (0.54 to 0.93 in the anterior muscles; Klupp et al. 2017)."""

_USUAL_T2_MS, _LOG_R2_SD = 40.0, 3.0
_SEEN, _BRIGHT = 0.02, 90
_FIRST_STEPS, _PHASE_FOUND = 3, 0.05


@dataclass(frozen=True)
class Settings:
    """How to invert.

    Attributes
    ----------
    strength : float
        lambda of the penalty of changes between neighbours, without unit as noise is white; 3.3 serves SNR 30 to 120.
    epsilon : float
        Change of ln R2 below which the penalty is quadratic.
    edge : float
        Change of ln R2 from which on it weighs less than total variation.
    phase : {'none', 'constant', 'linear', 'quadratic'}
        Of even echoes against odd ones.
    phase_sd : float
        Of the prior of its coefficients, in radians.
    b1_modes : tuple of int
        Cosines along rows and columns with which B1 is estimated where no map is given.
    b1_sd : float
        Of the prior of the constant; faster modes have less.
    stop, stop_estimating : Stop
        Where B1 is given or not used, and where it is estimated, which converges slowly: T2 and B1 trade places.
    """

    strength: float = 3.3
    epsilon: float = 0.03
    edge: float = 0.17
    phase: str = "linear"
    phase_sd: float = 0.3
    b1_modes: tuple[int, int] = (4, 7)
    b1_sd: float = 0.15
    stop: Stop = field(default_factory=Stop)
    stop_estimating: Stop = field(default_factory=lambda: Stop(8, 0.002, 5e-4))


@dataclass(frozen=True)
class Inversion:
    """What the data tell; maps of shape (rows, columns).

    Attributes
    ----------
    t2_ms : np.ndarray
        NaN where no coil sees anything.
    m0 : np.ndarray
        Complex; in units of the noise, for coil maps whose squares sum to 1.
    b1 : np.ndarray
        Relative B1 that was used.
    b1_source : {'given', 'estimated', 'unused'}
        Estimated B1 is a fall-back: T2 may be wrong by 5 % and more.
    phase : np.ndarray
        Of even echoes against odd ones, radians.
    phase_terms_deg : np.ndarray
        Its coefficients in degrees, in the order of `nuisance.phase_basis`.
    sd_t2_ms : np.ndarray
        Standard deviation of T2 through noise (`uncertainty`).
    misfit : float
        Reduced chi-square, ||y - A x||^2 over the number of real measured values.
    convergence : tuple of Progress
        One for each step.
    warnings : tuple of str
        What a person has to know of the result.
    model : SignalModel
    """

    t2_ms: np.ndarray
    m0: np.ndarray
    b1: np.ndarray
    b1_source: str
    phase: np.ndarray
    phase_terms_deg: np.ndarray
    sd_t2_ms: np.ndarray
    misfit: float
    convergence: tuple[Progress, ...]
    warnings: tuple[str, ...]
    model: SignalModel

    def synthetic(self, time_ms: float) -> np.ndarray:
        """|M0| exp(-TE / T2): the image at any echo time under perfect refocusing."""
        return np.abs(self.m0) * np.exp(-np.float32(time_ms) / self.t2_ms)

    def echoes(self) -> np.ndarray:
        """Magnitudes of the measured echoes as the model has them, shape (echoes, rows, columns)."""
        return np.abs(self.m0) * self.model.at(-np.log(self.t2_ms), self.b1).value


def invert(
    raw: RawSlice, maps: np.ndarray, model: SignalModel, settings: Settings | None = None, b1: np.ndarray | None = None
) -> Inversion:
    """T2, M0 and what is known of their errors.

    Parameters
    ----------
    raw : RawSlice
    maps : np.ndarray
        Coil maps, complex, shape (coils, rows, columns); 0 where a coil sees nothing. Their scale does not matter.
    model : SignalModel
        Of as many echoes as `raw`.
    settings : Settings, optional
    b1 : np.ndarray, optional
        Relative B1, shape (rows, columns); NaN, where there is no value, is taken from the nearest voxel that has one.
        Without a map a model that uses B1 has it estimated, with a warning.

    Raises
    ------
    MyoT2Error
        Data, maps, model and B1 do not go together, or an echo has no line.
    """
    settings = settings or Settings()
    maps = _unit(maps)
    _require_consistent(raw, maps, model, settings, b1)
    estimated = model.uses_b1 and b1 is None
    encoding, samples = encode(raw, maps)
    objective = _objective(encoding, samples, model, settings, b1)
    stop = settings.stop_estimating if estimated else settings.stop
    look, course = _descend(objective, settings, stop)
    misfit = look.misfit / (2 * sum(of_echo.size for of_echo in raw.samples))
    seen = encoding.sensitivity > 0
    return Inversion(
        t2_ms=np.where(seen, np.exp(-look.at.log_r2), np.float32(np.nan)),
        m0=look.at.m0.copy(),
        b1=objective.b1_map(look.at),
        b1_source="unused" if not model.uses_b1 else "estimated" if estimated else "given",
        phase=objective.phase_map(look.at),
        phase_terms_deg=np.rad2deg(look.at.phase),
        sd_t2_ms=np.where(seen, t2_sd(look, raw.lines, raw.repeats), np.float32(np.nan)),
        misfit=misfit,
        convergence=course,
        warnings=tuple(_warnings(misfit, course, stop, estimated)),
        model=model,
    )


def first_echo(raw: RawSlice, maps: np.ndarray, model: SignalModel, b1: np.ndarray | None = None) -> np.ndarray:
    """The magnitude of the first echo as the start of the inversion has it, shape (rows, columns): coarse, but quick.

    Parameters and errors are those of `invert`.
    """
    maps = _unit(maps)
    _require_consistent(raw, maps, model, Settings(), b1)
    encoding, samples = encode(raw, maps)
    field_ = _base_b1(b1, maps.shape[1:])
    t2, m0 = start(encoding, samples, model, field_, np.ones(encoding.shape, np.complex64))
    return np.abs(m0) * model.at(-np.log(t2), field_).value[0]


def _unit(maps: np.ndarray) -> np.ndarray:
    """The maps, their squares summing to 1 where a coil sees something."""
    size = np.sqrt((np.abs(maps) ** 2).sum(axis=0))
    return np.divide(maps, size, out=np.zeros(maps.shape, np.complex64), where=size > 0, casting="same_kind")


def _objective(encoding: Encoding, samples, model: SignalModel, settings: Settings, b1: np.ndarray | None) -> Objective:
    """The objective, with B1 filled in or to be estimated."""
    echoes, *shape = encoding.shape
    base = _base_b1(b1, shape)
    modes = settings.b1_modes if model.uses_b1 and b1 is None else (0, 0)
    even = np.arange(echoes) % 2 == 1
    return Objective(encoding, samples, model, base, cosines(modes, shape)[0], phase_basis(settings.phase, shape), even)


def _base_b1(b1: np.ndarray | None, shape: Sequence[int]) -> np.ndarray:
    """B1 everywhere: that of the nearest voxel that has one, or the usual one without a map."""
    if b1 is None:
        return np.full(shape, START_B1, np.float32)
    nearest = ndimage.distance_transform_edt(~np.isfinite(b1), return_distances=False, return_indices=True)
    return b1[tuple(nearest)].astype(np.float32)


def _descend(objective: Objective, settings: Settings, stop: Stop) -> tuple[Look, tuple[Progress, ...]]:
    """The inversion; begun again where its first steps find a phase, which the first start knew nothing of."""
    limits = tuple(-np.log(limit) for limit in T2_RANGE_MS[::-1])
    begin, priors = _begin(objective, settings, np.zeros(len(objective.phase_basis), np.float32))
    if len(objective.phase_basis):
        first, course = minimise(objective, begin, priors, replace(stop, steps=min(_FIRST_STEPS, stop.steps)), limits)
        if np.abs(first.at.phase).max() < _PHASE_FOUND:
            if len(course) <= min(_FIRST_STEPS, stop.steps):
                return first, course
            look, rest = minimise(
                objective, first.at.vector, priors, replace(stop, steps=stop.steps - len(course) + 1), limits
            )
            return look, (*course, *rest[1:])
        begin, priors = _begin(objective, settings, first.at.phase)
    return minimise(objective, begin, priors, stop, limits)


def _begin(objective: Objective, settings: Settings, phase: np.ndarray) -> tuple[np.ndarray, Priors]:
    """Where to start with a phase, and the priors, whose scale of M0 is that of the start."""
    at = objective.unknowns()
    at.phase[:] = phase
    turn = np.where(objective.even[:, None, None], objective.turn(at), np.complex64(1))
    t2, at.m0[:] = start(objective.encoding, objective.samples, objective.model, objective.b1, turn)
    at.log_r2[:] = -np.log(t2)
    sensitivity = objective.encoding.sensitivity
    seen = sensitivity > _SEEN * sensitivity.max()
    speed = cosines(settings.b1_modes if len(objective.b1_basis) else (0, 0), at.m0.shape)[1]
    return at.vector, Priors(
        strength=settings.strength,
        scale=float(np.percentile(np.abs(at.m0)[seen], _BRIGHT)),
        epsilon=settings.epsilon,
        edge=settings.edge,
        log_r2=-np.log(_USUAL_T2_MS),
        log_r2_sd=_LOG_R2_SD,
        b1_sd=(settings.b1_sd * np.exp(-speed)).astype(np.float32),
        phase_sd=np.full(len(objective.phase_basis), settings.phase_sd, np.float32),
    )


def _warnings(misfit: float, course: tuple[Progress, ...], stop: Stop, estimated: bool):
    """What a person has to know of the result."""
    low, high = MISFIT_RANGE
    if not low <= misfit <= high:
        yield (
            f"The reduced chi-square is {misfit:.3f}, not {low:g} to {high:g}: noise, model, motion or phase are not "
            "as assumed."
        )
    if estimated:
        yield "B1 was estimated from the echoes themselves, as no map was given: T2 may be wrong by 5 % and more."
    if course[-1].change > 4 * stop.change or course[-1].length < 1:
        change = course[-1].change
        yield f"The inversion had not settled after {len(course) - 1} steps (T2 still changed by {change:.1%})."


def _require_consistent(raw: RawSlice, maps, model: SignalModel, settings: Settings, b1: np.ndarray | None) -> None:
    """Raise unless data, maps, model and B1 go together."""
    shapes = {of_echo.shape[1:] for of_echo in raw.samples}
    counts = [
        len(lines) == len(samples) == len(repeats)
        for lines, samples, repeats in zip(raw.lines, raw.samples, raw.repeats, strict=True)
    ]
    coils, rows, columns = maps.shape
    problems = (
        (len(raw.samples) != len(model.times_ms), f"{len(model.times_ms)} echoes", f"{len(raw.samples)} echoes"),
        (not all(counts), "a sample and a number of repeats for every line", "others"),
        (any(len(lines) == 0 for lines in raw.lines), "lines in every echo", "an echo without any"),
        (
            shapes != {(coils, columns)},
            f"samples of {coils} coils and {columns} columns, as the coil maps",
            f"{shapes}",
        ),
        (any(np.any((lines < 0) | (lines >= rows)) for lines in raw.lines), f"lines of 0 to {rows - 1}", "others"),
        (not all(np.isfinite(of_echo).all() for of_echo in raw.samples), "finite samples", "NaN or infinity"),
        (not np.any(maps), "coil maps that are not zero", "zeros only"),
        (settings.phase not in PHASE_TERMS, f"one of {', '.join(PHASE_TERMS)} as phase", repr(settings.phase)),
        (
            b1 is not None and b1.shape != (rows, columns),
            f"B1 of shape {(rows, columns)}",
            f"{getattr(b1, 'shape', None)}",
        ),
        (b1 is not None and not np.isfinite(b1).any(), "a B1 map with values", "none"),
    )
    for wrong, expected, found in problems:
        if wrong:
            raise MyoT2Error(
                expected=expected, found=found, where="k-space of a slice", do="Check the raw data and the settings."
            )
