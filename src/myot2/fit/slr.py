"""Shinnar-Le Roux pulses: the radio-frequency pulse of a given slice profile (Pauly et al. 1991, doi:10.1109/42.75611).

A pulse of n samples turns a position by Cayley-Klein parameters A(z) and B(z) that are polynomials of degree n - 1 in
z = exp(-i phase of the gradient per sample). |B| is the sine of half the turning angle, so that a profile is a
low-pass filter B; A follows as the polynomial of minimum phase with |A|^2 + |B|^2 = 1, and the samples follow from
A and B one by one. With a symmetric B (linear phase) the pulse is symmetric too, and its slice is refocused by half
of its gradient.
"""

from __future__ import annotations

import numpy as np

from myot2.fit.pulses import Pulse, cayley_klein

_STEPS = 20
_EXCESS, _CENTRING = (0.8, 0.95), 0.005
_TURNS_PER_LOG, _TURNS_PER_WIDTH = 0.35, 0.7
_NEAR_TURNS = 6.0
_GRID = 2**14
_LEAST_ALPHA = 1e-4


def slr(
    angle_deg: float,
    *,
    time_bandwidth: float,
    width: float = 1.0,
    ripple_in: float = 0.01,
    ripple_out: float = 0.01,
    samples: int = 128,
) -> Pulse:
    """A linear-phase pulse: an excitation where it turns by 90 degrees, a refocusing of a spin echo where by more.

    Its transition from slice to nothing is the narrowest that keeps both ripples.

    Parameters
    ----------
    angle_deg : float
        What the pulse turns in the centre of the slice, 90 to 180. Elsewhere in the slice the angle differs by the
        ripple, which is much for little signal: at 1 % by up to 8 degrees for 90, by 11 degrees for 180.
    time_bandwidth : float
        Length of the pulse times its bandwidth, the full width at half of what is excited (|Mxy|) or refocused
        (|beta|^2). With ripples of 1 % at least 2.5, and about eight less than there are samples at most.
    width : float
        Thickness at that half, over the nominal slice.
    ripple_in, ripple_out : float
        Most that the signal departs from that of the centre within the slice, and most that is left beyond it, over
        the signal of the centre.
    samples : int
        An even number.

    Raises
    ------
    ValueError
        An angle outside 90 to 180 degrees, or a time-bandwidth product too small for the ripples or too large for the
        number of samples.
    """
    if not 90 <= angle_deg <= 180:
        raise ValueError(f"a Shinnar-Le Roux pulse turns by 90 to 180 degrees, not {angle_deg:g}")
    ripples = _of_beta(angle_deg, ripple_in, ripple_out)
    middle, fall = time_bandwidth, transition((ripples[0] + ripples[1]) / 2, ripples[2])
    # the slice of a sampled pulse is there again `samples` turns on, and between the two lies where nothing is left
    most = samples - _NEAR_TURNS - fall
    if time_bandwidth > most:
        raise ValueError(
            f"a time-bandwidth product of {time_bandwidth:g} is too large for a Shinnar-Le Roux pulse of {samples} "
            f"samples: take one of 2.5 to {int(most)}"
        )
    # where |B| falls is not where the signal does, and the estimate of the fall is for an infinite filter: both settle
    for _ in range(_STEPS):
        if fall >= middle:
            break
        taps, excess = _low_pass(samples, middle, fall, ripples)
        beta = taps * np.sin(np.deg2rad(angle_deg) / 2)
        pulse = Pulse(angle_deg, _samples(_minimum_phase(beta), beta), time_bandwidth, width)
        surplus = _thickness(pulse) / width - 1
        if _EXCESS[0] <= excess <= _EXCESS[1] and abs(surplus) < _CENTRING:
            return pulse
        middle -= _TURNS_PER_WIDTH * time_bandwidth * surplus
        fall += _TURNS_PER_LOG * np.log(excess / np.mean(_EXCESS))
    raise ValueError(
        f"a time-bandwidth product of {time_bandwidth:g} is too small for a Shinnar-Le Roux pulse of these ripples: "
        f"take a larger one (with ripples of 1 % 2.5 to {int(most)}), allow larger ripples, or take a Hann-sinc"
    )


def transition(ripple_in: float, ripple_out: float) -> float:
    """How wide the transition of an equiripple filter is, in turns over its length (Pauly et al., D infinity).

    The formula is that of Herrmann, Rabiner and Chan, Bell Syst Tech J 1973;52:769.
    """
    inner, outer = np.log10(ripple_in), np.log10(ripple_out)
    slope = 5.309e-3 * inner**2 + 7.114e-2 * inner - 4.761e-1
    return float(slope * outer - 2.66e-3 * inner**2 - 5.941e-1 * inner - 4.278e-1)


def _of_beta(angle_deg: float, ripple_in: float, ripple_out: float) -> tuple[float, float, float]:
    """How far |B| may lie below and above that of the centre, and how much of it may be left beyond the slice.

    Pauly et al., Table II, the excitation by 90 degrees and the crushed spin echo. |B| cannot pass the one that 180
    degrees have, so that a refocusing has all of its ripple below.
    """
    if angle_deg == 90:
        return float(np.sqrt(ripple_in / 2)), float(np.sqrt(ripple_in / 2)), float(ripple_out / np.sqrt(2))
    return ripple_in / 2, 0.0, float(np.sqrt(ripple_out))


def _low_pass(
    samples: int, middle: float, fall: float, ripples: tuple[float, float, float]
) -> tuple[np.ndarray, float]:
    """The symmetric filter of 1 in the centre with the least ripple, and that ripple over the allowed one.

    By linear programming (Rabiner, IEEE Trans Audio Electroacoust 1972;20:280), which can hold the centre, where
    scanners set the amplitude, and a one-sided ripple; the exchange algorithm cannot. Beyond the slice the ripple has
    to fall as the inverse of the distance: one that is even to the end makes single samples at the ends of the pulse
    as large as its middle.

    Parameters
    ----------
    samples : int
    middle, fall : float
        Where the full width of the response lies and how wide its transition is, in turns over the filter's length.
    ripples : tuple of float
        See `_of_beta`.
    """
    # a quarter of a second to import, which other pulses do without
    from scipy.optimize import linprog

    inner, outer = (middle - fall) / 2, (middle + fall) / 2
    half = samples // 2
    when = (np.arange(half) + 0.5) / samples
    passed = np.linspace(0, inner, 8 + int(16 * inner))
    left = np.concatenate([np.arange(0, _NEAR_TURNS, 1 / 12), np.arange(_NEAR_TURNS, half - outer, 1 / 4)]) + outer
    inside, outside = (np.cos(2 * np.pi * np.outer(turns, when)) for turns in (passed, left))
    below, above = (np.full((len(passed), 1), -ripple) for ripple in ripples[:2])
    beyond = -ripples[2] * outer / left[:, None]
    limits = np.block([[inside, above], [-inside, below], [outside, beyond], [-outside, beyond]])
    bounds = np.concatenate([np.ones(len(passed)), -np.ones(len(passed)), np.zeros(2 * len(left))])
    found = linprog(
        np.append(np.zeros(half), 1),
        A_ub=limits,
        b_ub=bounds,
        A_eq=np.append(np.ones(half), 0)[None],
        b_eq=[1],
        bounds=(None, None),
        method="highs-ds",
    )
    taps = found.x[:-1] / 2
    return np.concatenate([taps[::-1], taps]), float(found.x[-1])


def _thickness(pulse: Pulse) -> float:
    """Full width at half of what is excited or refocused, in slice thicknesses."""
    z = np.linspace(0, 1, 257) * pulse.width
    alpha, beta = (part[0] for part in cayley_klein(pulse, np.ones(1), z))
    signal = np.abs(alpha * beta) if pulse.angle_deg == 90 else np.abs(beta) ** 2
    fallen = int((signal < signal[0] / 2).argmax())
    before, after = signal[fallen - 1], signal[fallen]
    return float(2 * (z[fallen] - z[1] * (signal[0] / 2 - after) / (before - after)))


def _minimum_phase(beta: np.ndarray) -> np.ndarray:
    """The polynomial A of minimum phase with |A|^2 = 1 - |B|^2, by the cepstrum of |A|."""
    size = np.sqrt(np.maximum(1 - np.abs(np.fft.fft(beta, _GRID)) ** 2, _LEAST_ALPHA**2))
    cepstrum = np.fft.ifft(np.log(size)).real
    cepstrum[1 : _GRID // 2] *= 2
    cepstrum[_GRID // 2 + 1 :] = 0
    return np.fft.ifft(np.exp(np.fft.fft(cepstrum))).real[: len(beta)]


def _samples(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Angles of the samples in radians: the inverse transform, which takes them off one by one, the last one first."""
    angles = np.empty(len(beta))
    for index in reversed(range(len(beta))):
        angles[index] = 2 * np.arctan2(beta[0], alpha[0])
        c, s = np.cos(angles[index] / 2), np.sin(angles[index] / 2)
        # without its last turn the pulse is one sample shorter
        alpha, beta = (c * alpha + s * beta)[:-1], (c * beta - s * alpha)[1:]
    return angles
