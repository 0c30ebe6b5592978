"""One scan's T2 as one number, made in every way that a study could have chosen: mask, statistic and aggregation.

With S the statistic (mean, median or 90th percentile, linear interpolation) and V the voxels that count, those of
muscle of both thighs:

- voxel: S over V, so that a voxel has one vote;
- muscle: mean over muscles m of S over V in m, left and right apart, so that a small muscle weighs as much as a large;
- slice: mean over slices z of S over V in z, so that a slice weighs the same wherever on the thigh it lies.

Muscles and slices without such a voxel take no part. Which voxels count is said in `myot2.measure.muscles`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from myot2.core.variants import AGGREGATIONS, STATISTICS
from myot2.core.voxel_status import Status
from myot2.measure.muscles import PLAUSIBLE_MS, is_plausible, t2_statistics

NO_VOXEL = "no voxel of the mask can be measured"

COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "mask": "automatic (of a model) or given: the run's own; eroded: that one without the outermost voxels of each "
    "muscle in its slice; corrected: the one that a person corrected.",
    "t2": "The T2 map: vendor-map, or the model of the fit.",
    "statistic": "What is taken of T2: mean, median, or p90, the 90th percentile with linear interpolation.",
    "aggregation": "voxel: over all voxels of muscle of both thighs; muscle: mean of the muscles' values, left and "
    "right apart, unweighted; slice: mean of the slices' values.",
    "t2_ms": "T2 (ms) of both thighs made so; mask of the run, its T2, mean and voxel give the study's value.",
    "parts": "Muscles or slices that the mean is taken over; 1 for voxel.",
    "voxels": "Voxels that the values are taken over.",
    "reason": "Why there is no value; n/a where there is one.",
}


def measure_variants(
    t2_ms: np.ndarray,
    masks: Mapping[str, np.ndarray | str],
    muscles: Sequence[int],
    *,
    plausible_ms: tuple[float, float] = PLAUSIBLE_MS,
    status: np.ndarray | None = None,
) -> list[dict[str, object]]:
    """Measure one scan in every way.

    Parameters
    ----------
    t2_ms : np.ndarray
        T2 in ms, shape (slices, rows, columns); may be NaN.
    masks : mapping
        Name of each mask to its label numbers, of the same shape, or to the reason why there is no such
        mask.
    muscles : sequence of int
        The label numbers that are muscle.
    plausible_ms, status
        As for `myot2.measure.muscles.measure_regions`.

    Returns
    -------
    list of dict
        One row per mask, statistic and aggregation: mask, statistic, aggregation, t2_ms, parts, voxels, reason.
    """
    counts = is_plausible(t2_ms.astype(float), plausible_ms)
    if status is not None:
        counts &= status == Status.OK
    rows: list[dict[str, object]] = []
    for mask, labels in masks.items():
        parts, reason = {}, labels
        if not isinstance(labels, str):
            parts, reason = _parts(t2_ms, labels, counts, muscles), NO_VOXEL
        for statistic in STATISTICS:
            for aggregation in AGGREGATIONS:
                row = {"mask": mask, "statistic": statistic, "aggregation": aggregation}
                rows.append({**row, **_value(parts.get(aggregation, []), statistic, reason)})
    return rows


def _parts(
    t2_ms: np.ndarray, labels: np.ndarray, counts: np.ndarray, muscles: Sequence[int]
) -> dict[str, list[dict[str, float]]]:
    """The statistics of each part of each aggregation."""
    taken = counts & np.isin(labels, muscles)
    values, numbers, slices = t2_ms[taken].astype(float), labels[taken], np.nonzero(taken)[0]
    groups = {"voxel": np.zeros(values.shape, int), "muscle": numbers, "slice": slices}
    return {
        aggregation: [t2_statistics(values[group == part]) for part in np.unique(group)]
        for aggregation, group in groups.items()
    }


def _value(parts: list[dict[str, float]], statistic: str, reason: str) -> dict[str, object]:
    """The mean over parts, or the reason where there are none."""
    if not parts:
        return {"t2_ms": np.nan, "parts": 0, "voxels": 0, "reason": reason}
    values = [part[f"t2_{statistic}_ms"] for part in parts]
    voxels = int(sum(part["voxels"] for part in parts))
    return {"t2_ms": float(np.mean(values)), "parts": len(parts), "voxels": voxels, "reason": None}
