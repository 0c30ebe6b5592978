"""The mean signal of each label, and the table of what was fitted to it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.core.labels import LabelTable
from myot2.core.voxel_status import Status
from myot2.fit.water_fat_region import RegionFit

COLUMNS = {
    "region": "Muscle.",
    "side": "The subject's left or right.",
    "voxels": "Voxels whose mean signal was fitted.",
    "t2_ms": "T2 of water (ms); n/a without water.",
    "t2_sd_ms": "Its standard deviation (ms), from residuals and information matrix; n/a unless the status is ok.",
    "fat_fraction": "Proton fat fraction (0-1).",
    "fat_fraction_sd": "Its standard deviation; n/a without fat or unless the status is ok.",
    "b1": "B1 relative to nominal.",
    "m0": "Signal at TE = 0, in the units of the echoes.",
    "rmse": "Root mean square of the residuals, in the units of the echoes.",
    "status": "ok, or at bound: T2 or B1 ends where the search does, or there is no water.",
}

LEAST_VOXELS = 30
"""Fewer raise the SNR of a mean too little for four unknowns."""


def mean_signals(signal: np.ndarray, labels: np.ndarray) -> dict[int, tuple[int, np.ndarray]]:
    """Number of voxels and mean echoes of each label that has at least `LEAST_VOXELS` with signal in every echo.

    Parameters
    ----------
    signal : np.ndarray
        Magnitudes, shape (echoes, slices, rows, columns).
    labels : np.ndarray
        Whole numbers (`labels.require_known`), shape (slices, rows, columns); 0 is no label.
    """
    usable = np.isfinite(signal).all(axis=0) & (signal > 0).all(axis=0)
    means = {}
    for index in np.unique(labels[labels > 0]):
        chosen = usable & (labels == index)
        if np.count_nonzero(chosen) >= LEAST_VOXELS:
            means[int(index)] = int(chosen.sum()), signal[:, chosen].mean(axis=1, dtype=float)
    return means


def table_of(means: dict[int, tuple[int, np.ndarray]], fit: RegionFit, names: LabelTable) -> pd.DataFrame:
    """One row per label, in the order of `means`: `COLUMNS`. The table of names knows all of them."""
    labels = {label.index: label for label in names.labels}
    values = {column: getattr(fit, column) for column in COLUMNS if column not in ("region", "side", "voxels")}
    values["status"] = [Status(code).words for code in fit.status]
    keys = [(labels[index].name, labels[index].side, count) for index, (count, _) in means.items()]
    return pd.DataFrame(keys, columns=["region", "side", "voxels"]).assign(**values)[list(COLUMNS)]
