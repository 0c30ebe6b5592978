"""What a difference between two label maps does to the T2 of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from myot2.core.regions import Region
from myot2.measure.muscles import measure_regions

COLUMNS = {
    "t2_mean_a_ms": "Mean T2 (ms) of the region in A, over the voxels that measure takes; n/a where there is none, or "
    "no T2 map.",
    "t2_mean_b_ms": "Mean T2 (ms) of the region in B.",
    "t2_difference_ms": "Mean T2 of A minus mean T2 of B (ms); n/a where one of them is.",
    "t2_voxels_a": "Voxels that the mean of A is taken over; n/a without a T2 map.",
    "t2_voxels_b": "Voxels that the mean of B is taken over; n/a without a T2 map.",
}


def compare_t2(
    t2_ms: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    spacing_mm: Sequence[float],
    regions: Sequence[Region],
    **options: Any,
) -> pd.DataFrame:
    """Measure both label maps, A and B, on one T2 map.

    Parameters
    ----------
    t2_ms, first, second : np.ndarray
        T2 in ms and two label maps on one grid, shape (slices, rows, columns).
    spacing_mm, regions, **options
        As `measure_regions` takes them, which says which voxels count.

    Returns
    -------
    pd.DataFrame
        One row per region, in their order: `COLUMNS`.
    """
    in_a, in_b = (
        pd.DataFrame(measure_regions(t2_ms, labels, spacing_mm, regions, **options)) for labels in (first, second)
    )
    return pd.DataFrame(
        {
            "t2_mean_a_ms": in_a["t2_mean_ms"],
            "t2_mean_b_ms": in_b["t2_mean_ms"],
            "t2_difference_ms": in_a["t2_mean_ms"] - in_b["t2_mean_ms"],
            "t2_voxels_a": in_a["voxels"],
            "t2_voxels_b": in_b["voxels"],
        },
        columns=list(COLUMNS),
    )
