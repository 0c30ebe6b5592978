"""T2 and M0 of a slice from undersampled multi-coil multi-echo k-space.

One non-linear inversion of all echoes and coils (Sumpf et al. 2011, doi:10.1002/jmri.22634; Block et al. 2009,
doi:10.1109/TMI.2009.2023119) by regularised Gauss-Newton, with the extended phase graph as model (Sumpf et al. 2014,
doi:10.1109/TMI.2014.2333370).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from myot2.reconstruct.encoding import Encoding, encode
from myot2.reconstruct.gauss_newton import Progress, Stop, conjugate_gradients, minimise
from myot2.reconstruct.nuisance import cosines, phase_basis
from myot2.reconstruct.objective import Look, Objective, Priors
from myot2.reconstruct.raw import RawSlice
from myot2.reconstruct.signal_models import SignalModel

START_T2_MS = 36.0
START_B1 = 0.85
T2_RANGE_MS = (3.3, 333.0)


@dataclass(frozen=True)
class Settings:
    """How to invert.

    Attributes
    ----------
    strength : float
        lambda of the total variation, without unit (noise is white); 3 serves SNR 30 to 120.
    epsilon : float
        Change of ln R2 between neighbours below which total variation is quadratic.
    phase : {'none', 'constant', 'linear', 'quadratic'}
        Of even echoes against odd ones.
    b1_modes : tuple of int
        Cosines along rows and columns with which B1 is estimated where no map is given.
    b1_sd, phase_sd : float
        Standard deviation of the priors of their coefficients, in radians for the phase.
    stop : Stop
    """

    strength: float = 3.0
    epsilon: float = 0.03
    phase: str = "linear"
    b1_modes: tuple[int, int] = (4, 7)
    b1_sd: float = 0.15
    phase_sd: float = 0.3
    stop: Stop = field(default_factory=Stop)


def _start_m0(objective: Objective, log_r2: np.ndarray, iterations: int = 12) -> np.ndarray:
    signal = objective.model.at(log_r2, objective.b1).value
    enc = objective.encoding
    rows, columns = log_r2.shape
    right = (signal * enc.adjoint(objective.samples)).sum(axis=0)
    diag = (enc.share[:, None, None] * signal**2).sum(axis=0) * enc.sensitivity + np.float32(1e-3) * enc.sensitivity.max()
    tiny = np.float32(1e-4 * np.median(enc.sensitivity))

    def product(v):
        m = v.view(np.complex64).reshape(rows, columns)
        out = (signal * enc.normal(signal * m)).sum(axis=0) + tiny * m
        return np.ascontiguousarray(out).view(np.float32).ravel()

    d2 = np.repeat(diag.ravel(), 2)
    x, _ = conjugate_gradients(product, np.ascontiguousarray(right).view(np.float32).ravel(), d2, iterations, 1e-3)
    return x.view(np.complex64).reshape(rows, columns)


def unit_maps(maps):
    rss = np.sqrt((np.abs(maps) ** 2).sum(axis=0))
    return np.where(rss > 0, maps / np.maximum(rss, 1e-12), 0).astype(np.complex64)


def solve(raw, maps, model, settings=None, b1=None, estimate_b1=False, start=None):
    settings = settings or Settings()
    enc, samples = encode(raw, maps)
    shape = enc.shape[1:]
    joint = estimate_b1 and model.uses_b1
    base = np.full(shape, START_B1 if b1 is None else 1, np.float32) if b1 is None else b1.astype(np.float32)
    basis, speed = cosines(settings.b1_modes, shape) if joint else (np.zeros((0, *shape), np.float32), np.zeros(0))
    ph = phase_basis(settings.phase, shape)
    even = np.arange(enc.shape[0]) % 2 == 1
    obj = Objective(enc, samples, model, base, basis, ph, even)
    x = obj.unknowns()
    x.log_r2[:] = -np.log(START_T2_MS)
    if start is None:
        x.m0[:] = _start_m0(obj, x.log_r2)
    else:
        x.m0[:], x.log_r2[:] = start
    seen = enc.sensitivity > 0.02 * enc.sensitivity.max()
    scale = float(np.percentile(np.abs(x.m0)[seen], 90))
    pri = Priors(settings.strength, scale, settings.epsilon, -np.log(40.0), 3.0, (settings.b1_sd * np.exp(-speed)).astype(np.float32), np.full(len(ph), settings.phase_sd, np.float32))
    look, course = minimise(obj, x.vector, pri, settings.stop, tuple(-np.log(t) for t in T2_RANGE_MS[::-1]))
    return look, course
