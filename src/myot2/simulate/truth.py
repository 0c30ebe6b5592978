"""What the simulator knows of a participant, written beside the DICOM and never read by the workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myot2.core.files import write_json
from myot2.core.images import write_image, write_sidecar
from myot2.core.labels import LabelTable
from myot2.simulate.body import Pose
from myot2.simulate.grid import Grid
from myot2.simulate.identity import Identity
from myot2.simulate.kspace import RawData


@dataclass(frozen=True)
class Truth:
    """What the simulator knows and the workflow must find out.

    Maps have the axes (slice, row, column): label numbers, water T2 (ms, 0 without muscle), fat fraction (0-1),
    relative B1.
    """

    dixon_grid: Grid
    t2_grid: Grid
    dixon_labels: np.ndarray
    t2_labels: np.ndarray
    water_t2_ms: np.ndarray
    fat_fraction: np.ndarray
    b1: np.ndarray
    motion: Pose
    target_t2_ms: float

    @property
    def mean_t2_ms(self) -> float:
        """Voxel-weighted mean over all labelled voxels of both thighs."""
        return float(self.water_t2_ms[self.t2_labels > 0].mean(dtype=float))


def write_truth(
    folder: Path,
    participant: str,
    truth: Truth,
    identity: Identity,
    label_table: LabelTable,
    settings: Mapping[str, Any],
) -> None:
    """Write the truth of one participant into a folder: five images and three JSON files.

    Parameters
    ----------
    settings : mapping
        What the participant was simulated with; kept in truth.json.
    """
    scan = f"sub-{participant}"
    images = {
        "space-dixon_dseg": truth.dixon_grid.image(truth.dixon_labels),
        "space-T2_dseg": truth.t2_grid.image(truth.t2_labels),
        "space-T2_T2map": truth.t2_grid.image(truth.water_t2_ms),
        "space-T2_fatfraction": truth.t2_grid.image(truth.fat_fraction.astype(np.float32)),
        "space-T2_B1map": truth.t2_grid.image(truth.b1.astype(np.float32)),
    }
    for suffix, image in images.items():
        write_image(image, folder / f"{scan}_{suffix}.nii.gz")
    write_json(folder / "truth.json", summary(participant, truth, label_table) | {"settings": dict(settings)})
    write_json(
        folder / "motion.json",
        {
            "description": "LPS mm: a point of the body during the Dixon series -> the same point in the T2 series",
            "matrix": truth.motion.matrix.tolist(),
        },
    )
    write_json(folder / "identity.json", identity.strings)


def write_fully_sampled(folder: Path, participant: str, raw: RawData) -> None:
    """Write the echoes that the scan would have given with every line sampled, with the times (s) beside them."""
    for echo, (image, time_ms) in enumerate(zip(raw.fully_sampled, raw.sequence.echo_times_ms, strict=True), start=1):
        path = folder / f"sub-{participant}_space-T2_desc-fullysampled_echo-{echo:02}_MESE.nii.gz"
        write_image(raw.grid.image(image), path)
        write_sidecar(path, {"EchoTime": round(time_ms / 1000, 9)})


def summary(participant: str, truth: Truth, label_table: LabelTable) -> dict[str, Any]:
    """The study's value of a participant and the mean water T2 of each muscle (None where it has no voxel)."""
    muscles = []
    for label in label_table.muscle_labels:
        held = truth.t2_labels == label.index
        muscles.append(
            {
                "muscle": label.name,
                "side": label.side,
                "t2_mean_ms": _rounded(truth.water_t2_ms[held]),
                "voxels": int(held.sum()),
            }
        )
    return {
        "participant_id": participant,
        "target_t2_ms": round(truth.target_t2_ms, 4),
        "t2_mean_ms": round(truth.mean_t2_ms, 4),
        "voxels": int((truth.t2_labels > 0).sum()),
        "muscles": muscles,
    }


def _rounded(values: np.ndarray) -> float | None:
    return round(float(values.mean(dtype=float)), 4) if values.size else None
