"""Fat in the signal model: whether the echoes have its signal, and a model for each slice that knows its share.

A Dixon scan tells how much fat is there, not whether a suppression took its signal out of the echoes, and raw headers
do not say that either. The echoes do: fat that was not suppressed is brighter than muscle in the first of them, and of
a suppressed one a few per cent are left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from myot2.fit.dixon_weight import DixonWeight
from myot2.fit.fat_t2 import LEAST_BRIGHTNESS, LEAST_FRACTION, MOST_IN_MUSCLE
from myot2.reconstruct.espirit import coil_maps
from myot2.reconstruct.inversion import first_echo
from myot2.reconstruct.raw import RawScan
from myot2.reconstruct.signal_models import EpgModel, FatModel, SignalModel, epg_model

LEAST_VOXELS = 50
"""Of fat and of muscle, in the slice with most fat, to tell whether fat was suppressed."""

_MUSCLE_T2_MS = 36.0


@dataclass(frozen=True)
class Fat:
    """What is known of fat.

    Attributes
    ----------
    fraction : np.ndarray
        Signal fat fraction of a Dixon scan on the grid of the raw data, shape (slices, rows, columns), NaN where it is
        not known: there no fat is assumed.
    dixon : DixonWeight
        How that scan weights it; T1 and T2 of fat are those of the model too.
    left : float, optional
        What suppression left of the signal of fat, 1 if there was none; None to let the echoes say whether there was.
    outside : int
        Voxels that the Dixon scan does not show at all.
    """

    fraction: np.ndarray
    dixon: DixonWeight
    left: float | None = None
    outside: int = 0


def models_with_fat(
    scan: RawScan, water: EpgModel, fat: Fat | None, b1: np.ndarray | None
) -> tuple[list[SignalModel], dict[str, Any]]:
    """The model of each slice, with fat where its share and what is left of its signal are known.

    Parameters
    ----------
    scan : RawScan
    water : EpgModel
    fat : Fat, optional
    b1 : np.ndarray, optional
        Relative B1, shape (slices, rows, columns).

    Returns
    -------
    models : list of SignalModel
        One for each slice.
    told : dict
        What the summary says of it.
    """
    plain = [water] * len(scan.slices)
    if fat is None:
        return plain, {"Fat": "not in the model: no fat fraction was given", "FatLeft": None, "FatSuppressed": None}
    suppressed, why = (fat.left < 1, "as set") if fat.left is not None else _suppressed(scan, water, fat, b1)
    left = fat.left if fat.left is not None else 1.0 if suppressed is False else None
    if not left:
        return plain, {"Fat": f"not in the model: {why}", "FatLeft": None, "FatSuppressed": suppressed}
    of_fat = epg_model(replace(water.train, t1_ms=fat.dixon.fat_t1_ms))
    share, t2 = left * _recovery(scan.facts.get("tr_ms"), fat.dixon), fat.dixon.fat_t2_ms
    models = [FatModel(water, of_fat, part, t2, share, fat.dixon) for part in np.nan_to_num(fat.fraction)]
    return models, {
        "Fat": f"in the model, {why}",
        "FatLeft": left,
        "FatSuppressed": suppressed,
        "FatT2Ms": fat.dixon.fat_t2_ms,
        "FatT1Ms": fat.dixon.fat_t1_ms,
        "VoxelsOutsideDixon": fat.outside,
        **fat.dixon.record(),
    }


def _suppressed(scan: RawScan, water: EpgModel, fat: Fat, b1: np.ndarray | None) -> tuple[bool | None, str]:
    """Whether fat was suppressed, None where the echoes do not say, and why."""
    protons = np.nan_to_num(fat.dixon.proton_fraction(fat.fraction, _MUSCLE_T2_MS), nan=0.5)
    number = int((protons > LEAST_FRACTION).sum(axis=(1, 2)).argmax())
    part, share = scan.slices[number], protons[number]
    if min((share > LEAST_FRACTION).sum(), (share < MOST_IN_MUSCLE).sum()) < LEAST_VOXELS:
        return None, "too little fat to tell whether it was suppressed"
    maps = coil_maps(part.calibration, share.shape).maps
    first = first_echo(part, maps, water, None if b1 is None else b1[number])
    brightness = float(np.median(first[share > LEAST_FRACTION]) / np.median(first[share < MOST_IN_MUSCLE]))
    of_muscle = f"fat has {brightness:.2f} of the signal of muscle in the first echo"
    if brightness < LEAST_BRIGHTNESS:
        return True, f"it was suppressed ({of_muscle}), and what is left of it is not known"
    return False, f"not suppressed ({of_muscle})"


def _recovery(tr_ms: float | None, tissue: DixonWeight) -> float:
    """Signal of fat over that of muscle by what they recover within a repetition time; 1 where it is not known."""
    if not tr_ms:
        return 1.0
    return float(np.expm1(-tr_ms / tissue.fat_t1_ms) / np.expm1(-tr_ms / tissue.water_t1_ms))
