"""The labels of a cohort side by side: every muscle against the same muscle of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from myot2.core.stopnote import StopNote
from myot2.segment.legs import SIDES

FEWEST_SCANS = 20
"""With fewer values no z is given, for the median absolute deviation is too uncertain: of 20 normal values one in 150
has a z beyond 3.5, of 8 one in 50, and a scan has 39 of them."""

OUTLIER_Z = 3.5
"""Robust z beyond which a value counts as an outlier (Iglewicz and Hoaglin, How to detect outliers, 1993)."""

MUSCLE_FIGURES = {
    "voxels": "Voxels of the label.",
    "volume_ml": "Volume (ml); slice gaps included.",
    "area_cm2": "Mean cross-section (cm2) over the slices from its first to its last.",
    "whole": "Whether it ends before the first and the last slice, so that its volume is that of the whole muscle.",
    "edge": "Whether it touches the first or last row or column of the image.",
    "mean_confidence": "Mean probability (0-1) of the label in its voxels; n/a where the labels are not a network's.",
    "mean_entropy": "Mean entropy of the network's probabilities in its voxels: 0 certain, 1 all labels alike.",
    "agreement": "Mean Dice of all pairs of the network's votes; n/a where no vote has the muscle.",
    "slice_dice_mean": "Dice of neighbouring slices, brought to a distance of 5 mm; mean weighted by area.",
    "slice_dice_lowest": "The lowest of them, tapering ends left out.",
    "roughness": "Squared perimeter over 4 pi times the area, mean over slices weighted by area; 1 is a disc.",
    "medial": "Mean way towards the middle of the body from the centroid of the leg's muscles in each slice, in radii "
    "of the disc that has their area.",
    "back": "The same towards the back.",
    "share": "Share (0-1) of the leg's voxels of muscle.",
    "other_leg": "Share (0-1) of its voxels beyond the middle between the legs; n/a with one leg.",
    "fat_voxels": "Voxels whose fat fraction is above segment.fat.limit; n/a without a Dixon scan that tells it.",
    "fat_share": "Their share (0-1) of the voxels whose fat fraction is known.",
    "risk": "Risk (0-1) that Dice is below the limit that the model's risk.json names; n/a where it is not known.",
}
"""What the sidecar of a label map says of each muscle, by its key there."""

MUSCLE_COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "muscle": "Name in the label table.",
    "side": "The subject's left or right.",
    **MUSCLE_FIGURES,
    "volume_z": "Robust z of the logarithm of the volume among all scans in which this muscle is whole; for one that "
    "the field cuts off, of its mean cross-section among all scans that cut it off. n/a below 20 such scans.",
    "compared_by": "Which of both: volume, or cross-section.",
    "asymmetry": "Difference of left and right volume in their mean; n/a where one is missing.",
    "asymmetry_z": "Robust z of the logarithm of left over right volume among all scans; n/a below 20 such scans.",
}

SCAN_COLUMNS = {
    "participant_id": "Participant, without 'sub-'.",
    "session": "Session, without 'ses-'; n/a where there is one only.",
    "status": "judged; stopped, before there were labels; or not judged: the sidecar of the labels has no figures.",
    "sides": "Legs found.",
    "muscles": "Muscles labelled, each side counted.",
    "volume_ml": "Volume (ml) of all muscles of both sides.",
    "mean_confidence": "Mean probability (0-1) of the labels over all voxels of muscle.",
    "mean_entropy": "Mean entropy (0-1) over all voxels of muscle.",
    "agreement": "Mean Dice of all pairs of votes, mean over the muscles.",
    "risk": "Risk (0-1) that the mean Dice of the muscles is below the limit that the model's risk.json names.",
    "outliers": "Muscles whose volume or asymmetry has a robust z beyond 3.5.",
    "flags": "What is odd, in words; the risk of the scan first.",
}


def robust_z(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """0.6745 (x - median) / MAD, MAD the median absolute deviation from the median; 0.6745 makes it 1 for one SD.

    NaN where x is NaN, and everywhere where fewer than `FEWEST_SCANS` values are known or most of them are equal.
    """
    values = np.asarray(values, float)
    known = values[np.isfinite(values)]
    if known.size < FEWEST_SCANS:
        return np.full(values.shape, np.nan)
    middle = np.median(known)
    deviation = np.median(np.abs(known - middle))
    return np.full(values.shape, np.nan) if deviation == 0 else 0.6745 * (values - middle) / deviation


def compare(
    sidecars: Sequence[Mapping[str, Any] | StopNote], scans: Sequence[tuple[str, str | None]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of all muscles and of all scans.

    Parameters
    ----------
    sidecars : sequence of mapping or StopNote
        What lies beside each label map.
    scans : sequence of tuple
        Participant and session (None where there is one only) of each.

    Returns
    -------
    muscles, scans : pd.DataFrame
        With `MUSCLE_COLUMNS` and `SCAN_COLUMNS`, in the order given. Muscles without a voxel keep their row.
    """
    whose = [{"participant_id": participant, "session": session} for participant, session in scans]
    judged = [sidecar if not isinstance(sidecar, StopNote) and "Muscles" in sidecar else None for sidecar in sidecars]
    rows = [
        {"scan": number, **owner, "muscle": figures["name"], **figures}
        for number, (owner, sidecar) in enumerate(zip(whose, judged, strict=True))
        if sidecar
        for figures in sidecar["Muscles"]
    ]
    muscles = _against_cohort(pd.DataFrame(rows, columns=["scan", *MUSCLE_COLUMNS]))
    outlying = (muscles[["volume_z", "asymmetry_z"]].abs() > OUTLIER_Z).any(axis=1)
    table = []
    for number, (owner, sidecar) in enumerate(zip(whose, sidecars, strict=True)):
        if judged[number] is None:
            table.append({**owner, "status": "stopped" if isinstance(sidecar, StopNote) else "not judged"})
        else:
            table.append({**owner, **_scan_row(sidecar, muscles[outlying & (muscles["scan"] == number)])})
    return muscles[list(MUSCLE_COLUMNS)], pd.DataFrame(table, columns=list(SCAN_COLUMNS))


def _against_cohort(muscles: pd.DataFrame) -> pd.DataFrame:
    """The same rows with the columns that compare a muscle with that muscle in the other scans."""
    present = muscles["voxels"].astype(float) > 0
    kind = np.where(muscles["whole"].astype(bool), "volume", "cross-section")
    compared_by = pd.Series(kind, muscles.index, dtype=object).where(present)
    volume, area = (muscles[column].astype(float).where(present) for column in ("volume_ml", "area_cm2"))
    size = np.log(volume.where(compared_by == "volume", area))
    pairs = pd.DataFrame({"scan": muscles["scan"], "muscle": muscles["muscle"], "side": muscles["side"], "ml": volume})
    pairs = pairs.pivot(index=["scan", "muscle"], columns="side", values="ml").reindex(columns=list(SIDES))
    left, right = (pairs[side] for side in SIDES)
    ratio_z = np.log(left / right).groupby(level="muscle").transform(robust_z)
    places = pd.MultiIndex.from_frame(muscles[["scan", "muscle"]])
    return muscles.assign(
        volume_z=size.groupby([muscles["muscle"], muscles["side"], compared_by]).transform(robust_z),
        compared_by=compared_by,
        asymmetry=((left - right).abs() / ((left + right) / 2)).reindex(places).to_numpy(),
        asymmetry_z=ratio_z.reindex(places).to_numpy(),
    )


def _scan_row(sidecar: Mapping[str, Any], outlying: pd.DataFrame) -> dict[str, Any]:
    words = (sentence for row in outlying.to_dict("records") for sentence in _words(row))
    flags = dict.fromkeys([*sidecar["Flags"], *words])  # an asymmetry stands in the rows of both sides
    return {
        "status": "judged",
        "sides": ", ".join(sidecar["VolumeMl"]) or None,
        "muscles": sum(row["voxels"] > 0 for row in sidecar["Muscles"]),
        "volume_ml": sum(sidecar["VolumeMl"].values()),
        "mean_confidence": sidecar["MeanConfidence"],
        "mean_entropy": sidecar["MeanEntropy"],
        "agreement": sidecar["Agreement"],
        "risk": sidecar["Risk"],
        "outliers": len(outlying),
        "flags": "; ".join(flags) or None,
    }


def _words(row: Mapping[str, Any]) -> Iterator[str]:
    """What lies beyond the limit in one row."""
    if abs(row["volume_z"]) > OUTLIER_Z:
        direction = "above" if row["volume_z"] > 0 else "below"
        what = f"{row['compared_by']} {direction} the cohort's (z {row['volume_z']:+.1f})"
        yield f"{row['muscle']}, {row['side']}: {what}"
    if abs(row["asymmetry_z"]) > OUTLIER_Z:
        larger, other = SIDES if row["asymmetry_z"] > 0 else SIDES[::-1]
        yield f"{row['muscle']}: {larger} larger against {other} than in the cohort (z {row['asymmetry_z']:+.1f})"
