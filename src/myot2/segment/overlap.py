"""How well two label maps on one grid agree: Dice, surfaces, volumes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from myot2.core.labels import LabelTable
from myot2.core.regions import Region
from myot2.segment.surface import box_of, compare_surfaces

COLUMNS = {
    "region": "Muscle, muscle group, thigh (all muscles together), or what else has a label.",
    "side": "The subject's left or right, or both pooled.",
    "dice": "Dice's coefficient 2 |A and B| / (|A| + |B|) of voxels: 0 where only one label map has the region, n/a "
    "where none has.",
    "hd95_mm": "95th percentile by area of the distance (mm) between the surfaces of the region, of both directions "
    "the greater; n/a where not both label maps have a surface.",
    "nsd": "Normalised surface Dice: share (0-1) of the area of both surfaces that is no farther from the other than "
    "the tolerance; 0 where only one label map has a surface, n/a where none has.",
    "voxels_only_a": "Voxels of the region in A and not in B.",
    "voxels_only_b": "Voxels of the region in B and not in A.",
    "volume_a_ml": "Volume (ml) of the region in A; slice gaps included.",
    "volume_b_ml": "Volume (ml) of the region in B.",
    "volume_difference_ml": "Volume of A minus volume of B (ml).",
    "volume_difference_percent": "Volume of A minus volume of B, in % of B; n/a where B lacks the region.",
}


def dice(first: np.ndarray, second: np.ndarray) -> float | None:
    """Dice's coefficient 2 |A and B| / (|A| + |B|) of two masks; None where both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else None


def dice_by_muscle(labels: np.ndarray, truth: np.ndarray, table: LabelTable) -> dict[tuple[str, str], float | None]:
    """Dice of every muscle and side; a muscle that the truth lacks is None, however it was labelled.

    Parameters
    ----------
    labels, truth : ndarray of unsigned integer, same shape
        Numbers of the label table.
    table : LabelTable

    Returns
    -------
    dict
        (name, side) to Dice (0-1) or None.
    """
    return {
        (label.name, label.side): dice(labels == label.index, truth == label.index)
        if (truth == label.index).any()
        else None
        for label in table.labels
    }


def in_plane_mm(spacing_mm: Sequence[float]) -> float:
    """The size of a voxel within its slice, whichever axis the slices are stacked along.

    Slices are thicker than their pixels are wide, so it is the middle one of the three voxel sizes: the longer edge of
    the smallest face.
    """
    return float(sorted(spacing_mm)[1])


def compare_regions(
    first: np.ndarray,
    second: np.ndarray,
    spacing_mm: Sequence[float],
    regions: Sequence[Region],
    *,
    tolerance_mm: float,
) -> pd.DataFrame:
    """Compare each region of two label maps; all labels of a region are one mask.

    Parameters
    ----------
    first, second : ndarray of unsigned integer, shape (slices, rows, columns)
        A and B: numbers of the label table. Differences are A minus B.
    spacing_mm : sequence of float
        Distance of voxel centres along (slice, row, column), so volumes include slice gaps.
    regions : sequence of Region
    tolerance_mm : float
        For the normalised surface Dice; see `myot2.segment.surface`, as for HD95.

    Returns
    -------
    pd.DataFrame
        One row per region: `COLUMNS`, NaN where they say n/a. A region that both label maps lack keeps its row.
    """
    # most of an image has no label
    labelled = box_of((first > 0) | (second > 0))
    first, second = first[labelled], second[labelled]
    rows = []
    for region in regions:
        mask_a, mask_b = (np.isin(labels, region.indices) for labels in (first, second))
        hd95, nsd = compare_surfaces(mask_a, mask_b, spacing_mm, tolerance_mm)
        rows.append(
            {
                "region": region.name,
                "side": region.side,
                "dice": dice(mask_a, mask_b),
                "hd95_mm": hd95,
                "nsd": nsd,
                "voxels_only_a": int((mask_a & ~mask_b).sum()),
                "voxels_only_b": int((mask_b & ~mask_a).sum()),
                **_volumes(int(mask_a.sum()), int(mask_b.sum()), float(np.prod(spacing_mm)) / 1000),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(list(COLUMNS)[2:], float))


def _volumes(voxels_a: int, voxels_b: int, voxel_ml: float) -> dict[str, float | None]:
    return {
        "volume_a_ml": voxels_a * voxel_ml,
        "volume_b_ml": voxels_b * voxel_ml,
        "volume_difference_ml": (voxels_a - voxels_b) * voxel_ml,
        "volume_difference_percent": 100 * (voxels_a - voxels_b) / voxels_b if voxels_b else None,
    }
