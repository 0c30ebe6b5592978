"""Cramer-Rao bounds: the least standard deviation that any unbiased fit can have.

For independent Gaussian noise of standard deviation sigma the Fisher information of the parameters is J'J / sigma^2,
where J holds the derivatives of the signal (Kay, Fundamentals of Statistical Signal Processing I, 1993, eq. 3.31). A
Gaussian prior adds the inverse of its variance to the diagonal (Van Trees, Detection, Estimation, and Modulation Theory
I, 1968, section 2.4.3), and so does a separate measurement of that parameter. At the signal-to-noise ratios of muscle
the Rician bound is the same to 0.1 %.

Signals come from the isochromat sum and derivatives from differences of it, so nothing is shared with the fits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from fit_truth_bloch import Train, echo_amplitudes

FAT_T2_MS, FAT_T1_MS = 150.0, 365.0

Model = Callable[..., np.ndarray]
"""Takes the parameters by name, gives the echoes, shape (echoes,)."""


def mono(times_ms: np.ndarray) -> Model:
    """m0 exp(-TE / t2_ms)."""
    times = np.asarray(times_ms, dtype=float)
    return lambda m0, t2_ms: m0 * np.exp(-times / t2_ms)


def epg(train: Train, t1_ms: float = 1400.0) -> Model:
    """A tissue of one T2 in a multi-echo train: m0, t2_ms, b1."""
    return lambda m0, t2_ms, b1: m0 * echo_amplitudes(train, t2_ms, t1_ms=t1_ms, b1=b1)


def water_fat(train: Train, t1_ms: float = 1400.0) -> Model:
    """Water and fat of known T2 in a multi-echo train: m0, t2_ms (of the water), fat_fraction (0-1), b1."""

    def signal(m0: float, t2_ms: float, fat_fraction: float, b1: float) -> np.ndarray:
        water = echo_amplitudes(train, t2_ms, t1_ms=t1_ms, b1=b1)
        fat = echo_amplitudes(train, FAT_T2_MS, t1_ms=FAT_T1_MS, b1=b1)
        return m0 * ((1 - fat_fraction) * water + fat_fraction * fat)

    return signal


def jacobian(model: Model, truth: Mapping[str, float], free: tuple[str, ...]) -> np.ndarray:
    """Derivatives of the echoes by the free parameters, shape (echoes, len(free)).

    Central differences of a thousandth of each value (of one for a value of zero) and of half of it, extrapolated to
    zero (Richardson); they are good to 1e-8.
    """
    columns = []
    for name in free:
        step = 1e-3 * (abs(truth[name]) or 1.0)
        wide, narrow = (_difference(model, truth, name, step / divisor) for divisor in (1, 2))
        columns.append((4 * narrow - wide) / 3)
    return np.stack(columns, axis=1)


def _difference(model: Model, truth: Mapping[str, float], name: str, step: float) -> np.ndarray:
    above, below = (model(**{**truth, name: truth[name] + sign * step}) for sign in (1, -1))
    return (above - below) / (2 * step)


def bounds(
    model: Model,
    truth: Mapping[str, float],
    *,
    sigma: float,
    known: tuple[str, ...] = (),
    prior_sd: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Least standard deviation of each parameter that is not known.

    Parameters
    ----------
    model : Model
    truth : mapping
        Where the bound is asked for, by parameter name.
    sigma : float
        Standard deviation of the noise of one echo, in the units of m0.
    known : tuple of str
        Parameters that are given to the fit as they are.
    prior_sd : mapping, optional
        Standard deviations of Gaussian priors, by parameter name.

    Raises
    ------
    ValueError
        The echoes and the priors do not determine the parameters (as for B1 of hard pulses at exactly 180 degrees).
    """
    free = tuple(name for name in truth if name not in known)
    information = fisher_information(jacobian(model, truth, free), sigma)
    for name, sd in (prior_sd or {}).items():
        information[free.index(name), free.index(name)] += sd**-2
    # In relative changes of the parameters the condition number does not depend on their units.
    size = np.array([abs(truth[name]) or 1.0 for name in free])
    relative = information * np.outer(size, size)
    if np.linalg.cond(relative) > 1e14:
        raise ValueError(f"the information on {free} is singular at {dict(truth)}")
    variance = np.diag(np.linalg.inv(relative)) * size**2
    return dict(zip(free, np.sqrt(variance).tolist(), strict=True))


def fisher_information(derivatives: np.ndarray, sigma: float) -> np.ndarray:
    """Of Gaussian noise: J'J / sigma^2, shape (parameters, parameters)."""
    return derivatives.T @ derivatives / sigma**2
