"""T2 and volume of regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from myot2.core.regions import Region
from myot2.core.voxel_status import REASONS, Status

PLAUSIBLE_MS = (1.0, 300.0)
"""T2 of muscle, oedematous or fatty, lies well inside; what lies outside is noise or fluid."""

_ROUNDING_MM = 0.001

COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "region": "Muscle, muscle group, or thigh (all muscles together).",
    "side": "The subject's left or right, or both pooled.",
    "t2_mean_ms": "Mean T2 (ms) over the voxels of the region; the study's value is region thigh, side both.",
    "t2_median_ms": "Median T2 (ms).",
    "t2_sd_ms": "Standard deviation of T2 (ms), with n - 1; n/a below two voxels.",
    "t2_p10_ms": "10th percentile of T2 (ms), linear interpolation.",
    "t2_p90_ms": "90th percentile of T2 (ms), linear interpolation.",
    "fat_fraction_mean": "Mean proton fat fraction (0-1) over all labelled voxels left after erosion in which it is "
    "known; n/a without a Dixon scan that tells it.",
    "voxels": "Voxels that the T2 values are taken over.",
    "volume_ml": "Volume (ml) of all labelled voxels, before any erosion or exclusion; slice gaps included.",
    "voxels_excluded": "Voxels left after erosion whose fit is not ok, or whose T2 is unknown or not plausible.",
    **{
        reason.column: f"Of these, voxels whose fit ended as: {reason.words}; n/a without a status map."
        for reason in REASONS
    },
    "voxels_implausible": "Of these, all others: T2 unknown or outside the plausible range.",
}


def erode_in_plane(labels: np.ndarray, spacing_mm: Sequence[float], erosion_mm: float) -> np.ndarray:
    """Labels without the rim of each muscle.

    A voxel stays where every voxel centre of its slice outside its own muscle, or outside the image, is farther away
    than `erosion_mm` (and a micrometre: NIfTI rounds spacings), so one pixel size takes one rim of pixels. The slices
    are several times thicker than the pixels, so distance is measured within them: across them a rim of any width
    would take whole slices.

    Parameters
    ----------
    labels : np.ndarray
        Whole numbers, shape (slices, rows, columns).
    spacing_mm : sequence of float
        Voxel size along (column, row, slice), as SimpleITK gives it.
    erosion_mm : float
        At least 0; 0 changes nothing.
    """
    if erosion_mm == 0:
        return labels
    result = np.zeros_like(labels)
    sampling = (spacing_mm[1], spacing_mm[0])
    for number, plane in enumerate(labels):
        for index, box in enumerate(find_objects(plane.astype(np.int32)), start=1):
            if box is None:
                continue
            inside = np.pad(plane[box] == index, 1)
            deep = distance_transform_edt(inside, sampling=sampling)[1:-1, 1:-1] > erosion_mm + _ROUNDING_MM
            result[number][box][deep] = index
    return result


def erode_one_voxel(labels: np.ndarray) -> np.ndarray:
    """Labels, shape (slices, rows, columns), without the outermost voxels of each muscle in its slice.

    A voxel stays where itself and its four neighbours in the slice are of its own muscle, whatever the pixels' shape.
    """
    return erode_in_plane(labels, (1.0, 1.0, 1.0), 1.0)


def is_plausible(t2_ms: np.ndarray, plausible_ms: tuple[float, float]) -> np.ndarray:
    """Whether each T2 (ms) lies in the plausible range, both ends included.

    ITK reads NaN as 0, and scanners write 0 where their fit failed: neither is a T2, whatever the range says.
    """
    low, high = plausible_ms
    return (t2_ms > 0) & (t2_ms >= low) & (t2_ms <= high)


def measure_regions(
    t2_ms: np.ndarray,
    labels: np.ndarray,
    spacing_mm: Sequence[float],
    regions: Sequence[Region],
    *,
    erosion_mm: float = 0.0,
    plausible_ms: tuple[float, float] = PLAUSIBLE_MS,
    status: np.ndarray | None = None,
    fat_fraction: np.ndarray | None = None,
) -> list[dict[str, object]]:
    """Measure each region over its pooled voxels, so that a large muscle counts for more than a small one.

    Parameters
    ----------
    t2_ms, labels : np.ndarray
        T2 in ms and label numbers on one grid, shape (slices, rows, columns); T2 may be NaN.
    spacing_mm : sequence of float
        Voxel size along (column, row, slice); the last is the distance between slice centres, so volumes include gaps.
    regions : sequence of Region
        What to measure.
    erosion_mm : float
        See `erode_in_plane`.
    plausible_ms : tuple of float
        Lowest and highest T2 that is taken, both included.
    status : np.ndarray, optional
        Codes of `Status`, shape (slices, rows, columns); only voxels that are ok are taken. Without it all are.
    fat_fraction : np.ndarray, optional
        Fat fraction 0-1, of the same shape, NaN where unknown. Its mean counts voxels that are left out of T2 for
        their fat, or the fattest muscle would seem the leanest.

    Returns
    -------
    list of dict
        One row per region: `COLUMNS` from region on. A region without voxels keeps its row, with voxels 0.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    labelled = np.bincount(labels.ravel().astype(np.intp))
    measured = erode_in_plane(labels, spacing_mm, erosion_mm)
    chosen = measured > 0
    numbers, values = measured[chosen], t2_ms[chosen].astype(float)
    plausible = is_plausible(values, plausible_ms)
    codes = np.full(values.shape, Status.OK) if status is None else status[chosen]
    taken = plausible & (codes == Status.OK)
    fractions = np.full(values.shape, np.nan) if fat_fraction is None else fat_fraction[chosen].astype(float)
    rows = []
    for region in regions:
        of_region = np.isin(numbers, region.indices)
        total = sum(int(labelled[index]) for index in region.indices if index < labelled.size)
        rows.append(
            {
                "region": region.name,
                "side": region.side,
                **t2_statistics(values[of_region & taken]),
                "fat_fraction_mean": _mean_known(fractions[of_region]),
                "volume_ml": total * voxel_ml,
                "voxels_excluded": int((of_region & ~taken).sum()),
                **{
                    reason.column: None if status is None else int((of_region & (codes == reason)).sum())
                    for reason in REASONS
                },
                "voxels_implausible": int((of_region & (codes == Status.OK) & ~plausible).sum()),
            }
        )
    return rows


def _mean_known(fractions: np.ndarray) -> float:
    known = fractions[np.isfinite(fractions)]
    return known.mean() if known.size else np.nan


def t2_statistics(values: np.ndarray) -> dict[str, float]:
    """The T2 columns of `COLUMNS`, and voxels, of T2 values (ms) of shape (n,); NaN where there are too few."""
    some = values.size > 0
    p10, median, p90 = np.percentile(values, [10, 50, 90]) if some else (np.nan,) * 3
    return {
        "t2_mean_ms": values.mean() if some else np.nan,
        "t2_median_ms": median,
        "t2_sd_ms": values.std(ddof=1) if values.size > 1 else np.nan,
        "t2_p10_ms": p10,
        "t2_p90_ms": p90,
        "voxels": values.size,
    }
