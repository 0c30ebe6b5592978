"""How to fit, and what a fit is given beside the echoes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from myot2.fit.dixon_weight import FAT_T1_MS, FRACTION_SD, WATER_T1_MS, DixonWeight
from myot2.fit.status import T2_LIMITS_MS


@dataclass(frozen=True)
class PulseSettings:
    """The pulses of the train, for the phase-graph models.

    Attributes
    ----------
    slice_profile : str
        'none', 'hann-sinc', 'slr' or 'given'.
    time_bandwidth : tuple of float
        Time-bandwidth product of excitation and refocusing pulse.
    refocusing_width : float
        Nominal thickness of the refocused slice, of that of the excited slice.
    refocusing_deg : float
        Nominal refocusing angle.
    samples : tuple of str, optional
        Files with the samples of both pulses, where they are given.
    """

    slice_profile: str = "none"
    time_bandwidth: tuple[float, float] = (2.0, 2.0)
    refocusing_width: float = 1.2
    refocusing_deg: float = 180.0
    samples: tuple[str, str] | None = None


@dataclass(frozen=True)
class FatSettings:
    """What is assumed of fat.

    Attributes
    ----------
    limit : float, optional
        Fat fraction above which a voxel is marked.
    prior_sd : float
        Standard deviation of the Dixon fat fraction, for `epg-water-fat`.
    t2_ms : float, optional
        T2 of fat, for `epg-water-fat`; None is to calibrate it on subcutaneous fat.
    t1_ms : float
        T1 of fat.
    """

    limit: float | None = 0.3
    prior_sd: float = FRACTION_SD
    t2_ms: float | None = None
    t1_ms: float = FAT_T1_MS


@dataclass(frozen=True)
class Settings:
    """How to fit.

    Attributes
    ----------
    model : str
        One of `models.MODELS`.
    skip_first_echoes : int
        Echoes left out at the start by `mono` and `mono-offset`; the phase-graph models use all.
    sigma : float, optional
        Noise of one channel in the units of the signal, which takes the noise floor away; `mono-offset` has no use for
        it.
    t2_limits_ms : tuple of float
        T2 outside is kept and marked.
    b1 : str
        'smoothed', 'free' or 'map', for the phase-graph models.
    t1_ms : float
        T1 of the tissue, for the phase-graph models.
    pulses : PulseSettings
    fat : FatSettings
    """

    model: str = "mono"
    skip_first_echoes: int = 1
    sigma: float | None = None
    t2_limits_ms: tuple[float, float] = T2_LIMITS_MS
    b1: str = "smoothed"
    t1_ms: float = WATER_T1_MS
    pulses: PulseSettings = PulseSettings()
    fat: FatSettings = FatSettings()


@dataclass(frozen=True)
class Beside:
    """Maps on the grid of the echoes, shape (slices, rows, columns), that a fit may be given.

    Attributes
    ----------
    fraction : np.ndarray, optional
        Signal fat fraction of a Dixon scan, 0-1, NaN where unknown.
    weight : DixonWeight
        By how much T1 and T2 weight that fraction.
    b1 : np.ndarray, optional
        B1 relative to nominal, NaN where unknown.
    """

    fraction: np.ndarray | None = None
    weight: DixonWeight = field(default_factory=DixonWeight)
    b1: np.ndarray | None = None
