"""One person in the scanner: where the body lies, what its tissues are, and how they look to each sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from myot2.simulate.anatomy import Tissue
from myot2.simulate.fields import FatSaturation, Lesions, ReceiveField, TransmitField
from myot2.simulate.signal import MUSCLE_T1_MS

Render = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class TissueProperties:
    """Water and fat of a tissue at 3 T: proton densities relative to free water, T1 and T2 of the water in ms."""

    water: float
    fat: float
    t1_ms: float
    t2_ms: float


TISSUES: dict[Tissue, TissueProperties] = {
    Tissue.AIR: TissueProperties(0.0, 0.0, 1000.0, 30.0),
    Tissue.SKIN: TissueProperties(0.55, 0.0, 900.0, 22.0),
    Tissue.SUBCUTANEOUS_FAT: TissueProperties(0.06, 0.90, 1200.0, 40.0),
    Tissue.INTERMUSCULAR_FAT: TissueProperties(0.14, 0.78, 1200.0, 38.0),
    Tissue.FASCIA: TissueProperties(0.45, 0.05, 1000.0, 14.0),
    Tissue.CORTEX: TissueProperties(0.08, 0.0, 700.0, 6.0),
    Tissue.MARROW: TissueProperties(0.08, 0.84, 1200.0, 45.0),
    Tissue.ARTERY: TissueProperties(0.10, 0.0, 1900.0, 60.0),
    Tissue.VEIN: TissueProperties(0.45, 0.0, 1900.0, 75.0),
    Tissue.MUSCLE: TissueProperties(0.80, 0.80, MUSCLE_T1_MS, 34.0),
}
"""Muscle and fat times: Gold et al., AJR 2004;183:343. A muscle's water and fat share its proton density by the fat
fraction, and its T2 comes from the lesions. Flowing blood has lost most of its signal at a spin echo."""


@dataclass(frozen=True)
class Pose:
    """A rigid motion of the body in the scanner: q = rotation @ (p - pivot) + pivot + translation, in mm."""

    rotation: np.ndarray
    translation: np.ndarray
    pivot: np.ndarray

    @classmethod
    def at_rest(cls, pivot: np.ndarray) -> Pose:
        """The pose that moves nothing."""
        return cls(np.eye(3), np.zeros(3), pivot)

    @classmethod
    def draw(cls, rng: np.random.Generator, motion_mm: float, pivot: np.ndarray) -> Pose:
        """A shift by `motion_mm` (mostly in the axial plane) with up to 0.25 degrees of roll for each mm."""
        direction = rng.normal(size=3) * [1, 1, 0.5]
        angle = np.deg2rad(0.25 * motion_mm) * rng.uniform(-1, 1)
        rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        return cls(rotation, motion_mm * direction / np.linalg.norm(direction), pivot)

    @property
    def matrix(self) -> np.ndarray:
        """The (4, 4) matrix from a point of the body before the motion to the same point after it."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation
        matrix[:3, 3] = self.pivot + self.translation - self.rotation @ self.pivot
        return matrix

    def undo(self, points: np.ndarray) -> np.ndarray:
        """Where the tissue now at `points` (..., 3) lay before the motion."""
        return (points - self.pivot - self.translation) @ self.rotation + self.pivot


@dataclass(frozen=True)
class Body:
    """A person on the scanner's table.

    Attributes
    ----------
    render : callable
        Points (..., 3) in the person's frame -> (label numbers, tissues), both uint8 of the points' shape.
    position : ndarray, shape (3,)
        The origin of the person's frame in scanner coordinates (LPS mm).
    pose : Pose
        What has moved since the first series.
    oedema_gain_ms : float
        Water T2 that full oedema adds.
    """

    render: Render
    position: np.ndarray
    pose: Pose
    lesions: Lesions
    transmit: TransmitField
    receive: ReceiveField
    saturation: FatSaturation
    oedema_gain_ms: float = 0.0

    def moved(self, pose: Pose) -> Body:
        """The same body after a motion."""
        return replace(self, pose=pose)

    def in_person(self, points: np.ndarray) -> np.ndarray:
        """Scanner points (..., 3) in the person's frame."""
        return self.pose.undo(points) - self.position


@dataclass(frozen=True)
class Slab:
    """The sub-voxels of one slice, and what the muscle in it is made of.

    Attributes
    ----------
    labels, tissue : ndarray of uint8, shape (depth, fine rows, fine columns)
    muscle : ndarray of int, shape (n,)
        Flat indices of the muscle sub-voxels in these arrays; the following have one value for each.
    healthy_t2, oedema, fat_fraction, b1 : ndarray of float32
        Water T2 (ms) without oedema, relative oedema (0-1), fat fraction (0-1), relative B1.
    """

    labels: np.ndarray
    tissue: np.ndarray
    muscle: np.ndarray
    healthy_t2: np.ndarray
    oedema: np.ndarray
    fat_fraction: np.ndarray
    b1: np.ndarray

    def water_t2(self, oedema_gain_ms: float) -> np.ndarray:
        """Water T2 (ms) of the muscle sub-voxels."""
        return self.healthy_t2 + oedema_gain_ms * self.oedema

    def through_slice(self, values: np.ndarray) -> np.ndarray:
        """Mean through the thickness of muscle values (n[, channels]); sub-voxels that are not muscle count as 0."""
        depth, rows, columns = self.tissue.shape
        place = self.muscle % (rows * columns)
        channels = values if values.ndim == 2 else values[:, None]
        sums = np.stack(
            [np.bincount(place, weights=channel, minlength=rows * columns) for channel in channels.T], axis=-1
        )
        return (sums / depth).astype(np.float32).reshape(rows, columns, *values.shape[1:])


def cut(body: Body, points: np.ndarray) -> Slab:
    """Cut a slab out of a body; `points` are its sub-voxels (depth, fine rows, fine columns, 3) in the scanner."""
    own = body.in_person(points)
    labels, tissue = body.render(own)
    muscle = np.flatnonzero(tissue == Tissue.MUSCLE)
    where = own.reshape(-1, 3)[muscle]
    names = labels.reshape(-1)[muscle]
    return Slab(
        labels=labels,
        tissue=tissue,
        muscle=muscle,
        healthy_t2=body.lesions.healthy_t2(names, where).astype(np.float32),
        oedema=body.lesions.oedema(names, where).astype(np.float32),
        fat_fraction=body.lesions.fat_fraction(names, where).astype(np.float32),
        b1=body.transmit.at(where).astype(np.float32),
    )
