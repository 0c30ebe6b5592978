"""Water, fat and field from three complex gradient echoes (three-point Dixon).

The echoes n = 0, 1, 2 at evenly spaced times are

    s_n = (W + F a_n) b^n,    a_n = sum_p alpha_p exp(2 pi i f_p TE_n),

with complex W and F, the spectrum of fat (alpha_p, f_p) relative to water, and one phasor b that holds what field and
T2* do between echoes (the multi-peak model of Yu et al. 2008, doi:10.1002/mrm.21737; phase and loss before the first
echo are part of W and F). With c orthogonal to (1, 1, 1) and (a_0, a_1, a_2) both unknowns drop out:

    c_0 s_0 + c_1 s_1 / b + c_2 s_2 / b^2 = 0,

a quadratic equation whose two roots are the only fields possible in the voxel (the idea of Berglund et al. 2010,
doi:10.1002/mrm.22385, here with complex W and F). With echoes at exact half turns of a single fat peak they are b and
-b, the classic 0, pi, 2 pi method (Glover 1991, doi:10.1002/jmri.1880010504). `myot2.fit.field_choice` chooses the root
that is smooth in space, and W and F follow linearly. The field is known modulo 1 / (echo spacing), and needs no more.

W and F need not have the same phase: fat between muscle fibres along the field resonates about 0.2 ppm above fat under
the skin (Karampinos et al., Proc ISMRM 2010), which makes 40 degrees at 4.6 ms and 3 T. The difference is taken from
the neighbourhood, and the smaller of the two is measured along it rather than by its magnitude, which noise makes too
large (phase-constrained: Liu et al. 2007, doi:10.1002/mrm.21301): of the bias of 1.25 / SNR where there is no fat less
than a quarter is left. T1 weights the fraction as in `myot2.core.fat_fraction`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from myot2.core.fat_fraction import FatFraction, FatStatus, tissue_of
from myot2.fit.field_choice import choose_field
from myot2.fit.swaps import swapped_regions

FAT_SHIFTS_PPM = np.array([-3.80, -3.40, -2.60, -1.94, -0.39, 0.60])
FAT_SHARES = np.array([0.087, 0.693, 0.128, 0.004, 0.039, 0.048])
"""Peaks of human fat relative to water and their shares (Middleton et al., Proc ISMRM 2009;17:4331; the model of the
ISMRM fat-water challenge 2012)."""

PROTON_MHZ_PER_TESLA = 42.577
"""Resonance frequency of the proton over the field (CODATA 2018)."""

_UNEVEN_MS = 0.02
_LEAST_INDEPENDENCE = 0.2
_COHERENT = 0.7
_NEIGHBOURHOOD = 3.0
"""Standard deviation, in voxels, of the Gaussian over which the phase between fat and water is taken."""


@dataclass(frozen=True)
class WaterFat:
    """What three echoes say; arrays of shape (slices, rows, columns), NaN outside tissue.

    Attributes
    ----------
    water, fat : np.ndarray
        Magnitudes at the first echo, in the units of the echoes.
    fat_fraction : FatFraction
        See there; disputed voxels and regions whose rim is water are marked `SWAP_SUSPECTED`.
    field_hz : np.ndarray
        Deviation of the field in Hz, modulo 1 / (echo spacing).
    """

    water: np.ndarray
    fat: np.ndarray
    fat_fraction: FatFraction
    field_hz: np.ndarray


def complex_echoes(magnitude: np.ndarray, phase: np.ndarray, phase_range: tuple[float, float]) -> np.ndarray:
    """Complex echoes from magnitude and phase images as scanners store them.

    Parameters
    ----------
    magnitude, phase : np.ndarray
        One shape.
    phase_range : tuple of float
        Stored values that mean -pi and +pi (Siemens: 0 and 4096).
    """
    low, high = phase_range
    turns = (np.asarray(phase, dtype=float) - low) / (high - low) - 0.5
    return np.asarray(magnitude, dtype=float) * np.exp(2j * np.pi * turns)


def fat_phasors(times_ms: np.ndarray, larmor_mhz: float, precession: int = 1) -> np.ndarray:
    """Signal of fat relative to its amount, on water's resonance, at each echo time; complex, shape (echoes,).

    Parameters
    ----------
    times_ms : np.ndarray
        Echo times in ms.
    larmor_mhz : float
        Resonance frequency of water in MHz (DICOM ImagingFrequency).
    precession : {1, -1}
        Sign with which the scanner's phase grows with frequency; Siemens has 1.
    """
    turns = np.outer(times_ms, FAT_SHIFTS_PPM * larmor_mhz) * 1e-3
    return np.exp(2j * np.pi * precession * turns) @ (FAT_SHARES / FAT_SHARES.sum())


def separate(
    echoes: np.ndarray,
    times_ms: np.ndarray,
    larmor_mhz: float,
    spacing_mm: tuple[float, float],
    *,
    precession: int = 1,
) -> WaterFat:
    """Separate water and fat in three evenly spaced complex echoes.

    Parameters
    ----------
    echoes : np.ndarray
        Complex, shape (3, slices, rows, columns), any scale.
    times_ms : np.ndarray
        Echo times in ms, increasing, evenly spaced to 0.02 ms.
    larmor_mhz : float
        Resonance frequency of water in MHz.
    spacing_mm : tuple of float
        Distance of rows and of columns in mm.
    precession : {1, -1}
        See `fat_phasors`.

    Raises
    ------
    ValueError
        Not three echoes, times that are not evenly spaced, or times at which water and fat cannot be told apart.
    """
    times = _checked_times(echoes, times_ms)
    fat = fat_phasors(times, larmor_mhz, precession)
    tissue = _tissue(np.asarray(echoes))
    if not tissue.any():
        nothing = np.full(tissue.shape, np.nan, dtype=np.float32)
        return WaterFat(nothing, nothing, FatFraction(nothing, tissue.astype(np.uint8)), nothing)
    signal = np.asarray(echoes)[:, tissue].astype(complex)
    roots = field_roots(signal, fat)
    choice, disputed = choose_field(roots / np.abs(roots), np.abs(signal).mean(axis=0), tissue)
    chosen = roots[choice, np.arange(signal.shape[1])]
    inverse = np.linalg.pinv(np.stack([np.ones(3), fat], axis=1))
    water_part, fat_part = inverse @ (signal / chosen ** np.arange(3)[:, None])
    hertz = precession * np.angle(chosen) / (2e-3 * np.pi * (times[1] - times[0]))
    fraction = _fraction(_volume(water_part, tissue), _volume(fat_part, tissue))
    return WaterFat(
        water=np.abs(_volume(water_part, tissue)).astype(np.float32),
        fat=np.abs(_volume(fat_part, tissue)).astype(np.float32),
        fat_fraction=FatFraction(fraction, _status(fraction, tissue, disputed, spacing_mm)),
        field_hz=_volume(hertz, tissue).astype(np.float32),
    )


def field_roots(signal: np.ndarray, fat: np.ndarray) -> np.ndarray:
    """The two phasors b, field and decay from echo to echo, that explain three echoes exactly; shape (2, voxels).

    Parameters
    ----------
    signal : np.ndarray
        Complex, shape (3, voxels), nowhere zero.
    fat : np.ndarray
        `fat_phasors` of the three echoes.

    Raises
    ------
    ValueError
        Fat has nearly the same phase against water in all echoes, or in two neighbouring ones.
    """
    orthogonal = np.cross(np.ones(3), fat)
    if np.abs(orthogonal[[0, 2]]).min() < _LEAST_INDEPENDENCE * np.linalg.norm(fat):
        raise ValueError(
            f"fat has the phases {np.rad2deg(np.angle(fat)).round()} degrees: these echo times cannot tell"
        )
    constant, linear, quadratic = orthogonal[:, None] * signal
    root = np.sqrt(linear**2 - 4 * quadratic * constant)
    return 2 * quadratic / np.stack([-linear + root, -linear - root])


def _checked_times(echoes: np.ndarray, times_ms: np.ndarray) -> np.ndarray:
    times = np.asarray(times_ms, dtype=float)
    if np.shape(echoes)[:1] != (3,) or np.ndim(echoes) != 4 or times.shape != (3,):
        raise ValueError(f"echoes of shape {np.shape(echoes)} at {times.size} times; expected three volumes")
    first, second = np.diff(times)
    if first <= 0 or abs(second - first) > _UNEVEN_MS:
        raise ValueError(f"echo times {times} ms; expected increasing and evenly spaced ones")
    return times


def _tissue(echoes: np.ndarray) -> np.ndarray:
    """Voxels with signal in every echo and a phase that their neighbours in the slice share.

    The phase tells air from tissue where the noise is too high for `tissue_of`, and a path of noise from one leg to the
    other would relate their fields at random. The mean over 3 x 3 voxels of an echo, over its root mean square, is near
    1 in tissue and near 1/3 in noise; the largest of the echoes counts, because at the border of water and fat those
    of opposed phase cancel.
    """
    power = np.abs(echoes) ** 2
    around = (1, 1, 3, 3)
    mean = ndimage.uniform_filter(echoes.real, around) + 1j * ndimage.uniform_filter(echoes.imag, around)
    coherence = np.abs(mean) / np.sqrt(np.maximum(ndimage.uniform_filter(power, around), np.finfo(float).tiny))
    return tissue_of(np.sqrt(power.mean(axis=0))) & (power.min(axis=0) > 0) & (coherence.max(axis=0) > _COHERENT)


def _volume(values: np.ndarray, tissue: np.ndarray) -> np.ndarray:
    volume = np.full(tissue.shape, np.nan, dtype=values.dtype)
    volume[tissue] = values
    return volume


def _fraction(water: np.ndarray, fat: np.ndarray) -> np.ndarray:
    """Fat / (water + fat), the smaller of both measured along the phase that it has in the neighbourhood."""
    product = np.nan_to_num(fat * water.conj())
    width = (0, _NEIGHBOURHOOD, _NEIGHBOURHOOD)
    around = ndimage.gaussian_filter(product.real, width) + 1j * ndimage.gaussian_filter(product.imag, width)
    along = np.real(fat * water.conj() * np.exp(-1j * np.angle(around)))
    # |W| |F| cos(deviation) over the square of the larger one is the smaller one in units of the larger.
    larger = np.maximum(np.abs(water), np.abs(fat))
    smaller = along / larger**2
    return np.where(np.abs(fat) > np.abs(water), 1 / (1 + smaller), smaller / (1 + smaller)).astype(np.float32)


def _status(
    fraction: np.ndarray, tissue: np.ndarray, disputed: np.ndarray, spacing_mm: tuple[float, float]
) -> np.ndarray:
    status = np.where(np.isfinite(fraction), FatStatus.OK, FatStatus.NOT_COMPUTED).astype(np.uint8)
    suspected = swapped_regions(fraction, spacing_mm)
    suspected[tissue] |= disputed
    status[suspected & (status == FatStatus.OK)] = FatStatus.SWAP_SUSPECTED
    return status
