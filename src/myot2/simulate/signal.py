"""The MRI signal: multi-echo spin echo by extended phase graphs, and the closed forms of the other sequences.

Nothing here is shared with `myot2.fit`, which is tested against it. Times in ms, angles in radians, B1 relative to
nominal (1 = as prescribed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MUSCLE_T1_MS = 1420.0
"""Skeletal muscle at 3 T (Gold et al., AJR 2004;183:343, Table 1)."""

FAT_T1_MS = 371.0
"""Subcutaneous fat at 3 T (Gold et al., AJR 2004;183:343, Table 1)."""

FAT_T2_MS = 150.0
"""Fat in a multi-echo train at 3 T, where J-coupling is quenched (range 120-250 ms in QMRITools' calibration)."""

T2_NODES_MS = np.geomspace(5.0, 400.0, 161)
B1_NODES = np.linspace(0.4, 1.5, 23)


def epg_cpmg(
    t2_ms: np.ndarray | float,
    excitation_rad: np.ndarray | float,
    refocusing_rad: np.ndarray | float,
    *,
    t1_ms: float,
    echo_spacing_ms: float,
    echoes: int,
) -> np.ndarray:
    """Echo amplitudes of a CPMG train with equal refocusing pulses, for magnetisation 1 at rest.

    Parameters
    ----------
    t2_ms, excitation_rad, refocusing_rad : array_like
        Broadcast against each other.

    Returns
    -------
    ndarray
        Shape (..., echoes).

    Notes
    -----
    Extended phase graphs: Hennig, J Magn Reson 1988;78:397; the rotation is Weigel, J Magn Reson Imaging 2015;41:266,
    eq. 15, the shift eq. 19-20, the relaxation eq. 23. Under the CPMG condition (refocusing axis along the excited
    magnetisation) F+ and F- are real and Z is imaginary, so real arrays hold them; the unit of dephasing is half an
    echo spacing. Longitudinal recovery during the train is left out: what recovers is excited at a pulse and is
    dephased by an odd number of units at every echo, so it never contributes (checked against isochromats in tests).
    """
    t2, excitation, angle = np.broadcast_arrays(
        *(np.asarray(value, dtype=float) for value in (t2_ms, excitation_rad, refocusing_rad))
    )
    decay_2 = np.exp(-0.5 * echo_spacing_ms / t2)
    decay_1 = np.exp(-0.5 * echo_spacing_ms / t1_ms)
    keep, flip = np.cos(angle / 2) ** 2, np.sin(angle / 2) ** 2
    sine, cosine = np.sin(angle), np.cos(angle)
    plus, minus, stored = (np.zeros((2 * echoes + 1, *t2.shape)) for _ in range(3))
    plus[0] = minus[0] = np.sin(excitation)
    amplitudes = np.empty((*t2.shape, echoes))
    for echo in range(echoes):
        plus, minus, stored = _half_spacing(plus, minus, stored, decay_2, decay_1)
        plus, minus, stored = (
            keep * plus + flip * minus + sine * stored,
            flip * plus + keep * minus - sine * stored,
            cosine * stored - 0.5 * sine * (plus - minus),
        )
        plus, minus, stored = _half_spacing(plus, minus, stored, decay_2, decay_1)
        amplitudes[..., echo] = plus[0]
    return amplitudes


def _half_spacing(plus, minus, stored, decay_2, decay_1):
    shifted_minus = np.roll(minus, -1, axis=0)
    shifted_minus[-1] = 0.0
    shifted_plus = np.roll(plus, 1, axis=0)
    shifted_plus[0] = shifted_minus[0]
    return shifted_plus * decay_2, shifted_minus * decay_2, stored * decay_1


def slice_profile(
    flip_deg: float, b1: np.ndarray, position: np.ndarray, *, time_bandwidth: float, steps: int = 128
) -> np.ndarray:
    """Flip angle across the slice of a Hann-windowed sinc pulse.

    Parameters
    ----------
    flip_deg : float
        Prescribed flip angle at the slice centre.
    b1 : ndarray, shape (n,)
        Relative B1.
    position : ndarray, shape (m,)
        Distance from the slice centre in units of the nominal thickness.

    Returns
    -------
    ndarray, shape (n, m)
        Effective flip angle in radians, 2 asin|beta| in Cayley-Klein terms (Pauly et al., IEEE Trans Med Imaging
        1991;10:53, eq. 5-9), so that sin(angle) is the excited magnetisation and sin^2(angle/2) what is refocused.
    """
    time = (np.arange(steps) + 0.5) / steps - 0.5
    pulse = np.sinc(time_bandwidth * time) * (0.5 + 0.5 * np.cos(2 * np.pi * time))
    pulse *= np.deg2rad(flip_deg) / pulse.sum()
    off_axis = 2 * np.pi * time_bandwidth * np.asarray(position)[None, :] / steps
    scale = np.asarray(b1, dtype=float)[:, None]
    alpha = np.ones(np.broadcast_shapes(off_axis.shape, scale.shape), dtype=complex)
    beta = np.zeros_like(alpha)
    for amplitude in pulse:
        nutation = np.hypot(amplitude * scale, off_axis)
        half_sine = np.sin(nutation / 2) / np.where(nutation == 0, 1, nutation)
        a = np.cos(nutation / 2) - 1j * off_axis * half_sine
        b = -1j * amplitude * scale * half_sine
        alpha, beta = a * alpha - np.conj(b) * beta, b * alpha + np.conj(a) * beta
    return 2 * np.arcsin(np.clip(np.abs(beta), 0, 1))


@dataclass(frozen=True)
class SignalTable:
    """Echo amplitudes on nodes of T2 and B1, read by bilinear interpolation (in ln T2 and B1).

    `values` has the shape (B1 nodes, T2 nodes, echoes). The nodes are 2.8 % of T2 and 0.05 of B1 apart, which keeps
    the interpolation error below 0.1 % of the first echo.
    """

    t2_nodes_ms: np.ndarray
    b1_nodes: np.ndarray
    values: np.ndarray

    def at(self, t2_ms: np.ndarray, b1: np.ndarray) -> np.ndarray:
        """Echo amplitudes for points with given T2 (ms) and B1, shapes (n,) and (n,); gives (n, echoes).

        Raises
        ------
        ValueError
            A point lies outside the nodes.
        """
        ln_t2 = np.log(self.t2_nodes_ms)
        row, row_part = _cell(b1, self.b1_nodes[0], self.b1_nodes[1] - self.b1_nodes[0], len(self.b1_nodes), "B1")
        column, column_part = _cell(np.log(t2_ms), ln_t2[0], ln_t2[1] - ln_t2[0], len(ln_t2), "ln T2")
        flat = self.values.reshape(-1, self.values.shape[-1])
        corner = row * len(ln_t2) + column
        lower = flat[corner] * (1 - column_part) + flat[corner + 1] * column_part
        corner += len(ln_t2)
        upper = flat[corner] * (1 - column_part) + flat[corner + 1] * column_part
        return lower * (1 - row_part) + upper * row_part


def _cell(value: np.ndarray, first: float, step: float, nodes: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    place = (np.asarray(value) - first) / step
    if place.size and not (place.min() >= -1e-6 and place.max() <= nodes - 1 + 1e-6):
        low, high = first + step * place.min(), first + step * place.max()
        raise ValueError(f"{name} from {low:.4g} to {high:.4g} leaves the signal table")
    cell = np.clip(place.astype(np.int32), 0, nodes - 2)
    return cell, (place - cell).astype(np.float32)[..., None]


def multi_echo_table(
    echo_times_ms: Sequence[float],
    *,
    t1_ms: float,
    refocusing: str,
    time_bandwidth: float,
    refocusing_width: float,
    t2_nodes_ms: np.ndarray = T2_NODES_MS,
) -> SignalTable:
    """The table of a multi-echo spin-echo sequence with equally spaced echoes.

    Parameters
    ----------
    refocusing : {'ideal', 'realistic'}
        Ideal: every spin sees 90 and 180 degrees, and the signal is exp(-TE/T2). Realistic: B1 scales both pulses,
        and the echoes are averaged over the slice profile (excited thickness = nominal, refocused thickness
        `refocusing_width` times that).
    t2_nodes_ms : ndarray
        Nodes of the table, equally spaced in ln T2.

    Raises
    ------
    ValueError
        Echo times are not multiples of the first, or `refocusing` is neither.
    """
    times = np.asarray(echo_times_ms, dtype=float)
    if not np.allclose(times, times[0] * np.arange(1, times.size + 1)):
        raise ValueError(f"echo times must be multiples of the first one, got {list(times)}")
    if refocusing == "ideal":
        decay = np.exp(-times / t2_nodes_ms[:, None])
        values = np.broadcast_to(decay, (B1_NODES.size, *decay.shape))
    elif refocusing == "realistic":
        position = (np.arange(20) + 0.5) / 20 * 0.8
        excitation = slice_profile(90, B1_NODES, position, time_bandwidth=time_bandwidth)
        angle = slice_profile(180, B1_NODES, position / refocusing_width, time_bandwidth=time_bandwidth)
        trains = epg_cpmg(
            t2_nodes_ms[:, None],
            excitation[:, None, :],
            angle[:, None, :],
            t1_ms=t1_ms,
            echo_spacing_ms=times[0],
            echoes=times.size,
        )
        # Both halves of the symmetric slice, which is one nominal thickness wide.
        values = 2 * trains.mean(axis=2) * 0.8
    else:
        raise ValueError(f"refocusing is 'ideal' or 'realistic', not {refocusing!r}")
    return SignalTable(t2_nodes_ms, B1_NODES, np.ascontiguousarray(values, dtype=np.float32))


def spin_echo(t1_ms, t2_ms, *, repetition_ms: float, echo_ms: float) -> np.ndarray:
    """Signal of a (turbo) spin echo at its effective echo time, for magnetisation 1 at rest."""
    return saturation_recovery(t1_ms, repetition_ms) * np.exp(-echo_ms / np.asarray(t2_ms, dtype=float))


def saturation_recovery(t1_ms, repetition_ms: float) -> np.ndarray:
    """The magnetisation that has recovered after one repetition time, of 1."""
    return 1 - np.exp(-repetition_ms / np.asarray(t1_ms, dtype=float))


def spoiled_gradient_echo(t1_ms, *, repetition_ms: float, flip_deg: float) -> np.ndarray:
    """Steady-state signal of a spoiled gradient echo at echo time 0 (Ernst and Anderson, Rev Sci Instrum 1966)."""
    e1 = np.exp(-repetition_ms / np.asarray(t1_ms, dtype=float))
    angle = np.deg2rad(flip_deg)
    return np.sin(angle) * (1 - e1) / (1 - np.cos(angle) * e1)


def rician(signal: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Magnitude of a complex signal whose real and imaginary parts carry Gaussian noise of standard deviation sigma.

    Gudbjartsson and Patz, Magn Reson Med 1995;34:910. `signal` may be complex; the result is real, of its shape.
    """
    return np.abs(signal + complex_noise(signal.shape, sigma, rng))


def complex_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Complex Gaussian noise with standard deviation sigma in each of its two parts."""
    return sigma * (rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
