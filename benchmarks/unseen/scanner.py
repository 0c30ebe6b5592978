"""Images of a body: partial volume from a finer grid, surface coils, Rician noise, patients' muscle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from unseen.anatomy import Thighs
from unseen.contrasts import Contrast

from myot2.core.labels import LabelTable
from myot2.simulate.anatomy import Tissue
from myot2.simulate.body import TISSUES
from myot2.simulate.fields import Lesions, ReceiveField
from myot2.simulate.participant import muscle_pairs
from myot2.simulate.signal import rician

FINE_MM = 0.6
"""Sub-voxels in the plane are at most this large."""

LAYER_MM = 2.5
"""Sub-voxels through a slice are at most this thick."""

MARGIN_MM = 12.0
"""Air around the body in the field of view."""

MUSCLE = TISSUES[Tissue.MUSCLE]


@dataclass(frozen=True)
class Protocol:
    """Pixel, slice distance and slice thickness, mm."""

    pixel_mm: float
    distance_mm: float
    thickness_mm: float

    def __str__(self) -> str:
        return f"{self.pixel_mm:g} x {self.pixel_mm:g} x {self.distance_mm:g}"


@dataclass(frozen=True)
class Patient:
    """What is wrong with the muscles: longer T2 by oedema (ms, of the mean) and fatty replacement (0-1)."""

    oedema_ms: float = 0.0
    chronicity: float = 0.0


@dataclass(frozen=True)
class Scan:
    """One stack of slices in all contrasts, free of noise, and the truth.

    Attributes
    ----------
    clean : dict of str to ndarray, shape (slices, rows, columns)
        Signed signal before sensitivity.
    muscle : dict of str to float
        Signal of healthy muscle (of fat, in an image of fat), which the noise refers to.
    sensitivity : ndarray
        Of the coils, about 1.
    truth : sitk.Image
        Label numbers: what fills most of a voxel, where muscle or bone fills half of it. A septum is fat and has none.
    with_septa : sitk.Image
        The same with each septum as half of either muscle.
    """

    clean: dict[str, np.ndarray]
    muscle: dict[str, float]
    sensitivity: np.ndarray
    truth: sitk.Image
    with_septa: sitk.Image

    def image(self, contrast: str, *, snr: float = 40.0, bias: float = 1.0, seed: int = 0) -> sitk.Image:
        """A magnitude image.

        Parameters
        ----------
        contrast : str
        snr : float
            Signal of healthy muscle over the noise of one channel.
        bias : float
            Strength of the coils' shading relative to the drawn one; its logarithm is multiplied by this.
        seed : int
            Of the noise.
        """
        signal = self.clean[contrast] * self.sensitivity**bias
        scale = 500.0 / self.muscle[contrast]
        noisy = rician(signal * scale, 500.0 / snr, np.random.default_rng(seed))
        image = sitk.GetImageFromArray(np.rint(noisy).astype(np.int16))
        image.CopyInformation(self.truth)
        return image


def scan(
    body: Thighs,
    protocol: Protocol,
    contrasts: Iterable[Contrast],
    table: LabelTable,
    *,
    patient: Patient = Patient(),  # noqa: B008 (frozen)
    seed: int = 0,
    slices: int | None = None,
) -> Scan:
    """Scan a body.

    Parameters
    ----------
    body : Thighs
    protocol : Protocol
    contrasts : iterable of Contrast
    table : LabelTable
    patient : Patient
    seed : int
        Of lesions and coils; equal bodies and seeds have the same in every protocol.
    slices : int, optional
        How many, about the middle; all that fit where not given.
    """
    contrasts = list(contrasts)
    lesions, coils = _fields(table, patient, seed)
    z, y, x = _axes(body, protocol, slices)
    factor = int(np.ceil(protocol.pixel_mm / FINE_MM))
    fine_y, fine_x = (_finer(axis, protocol.pixel_mm, factor) for axis in (y, x))
    layers = max(2, round(protocol.thickness_mm / LAYER_MM))
    depths = ((np.arange(layers) + 0.5) / layers - 0.5) * protocol.thickness_mm
    clean = {contrast.name: np.zeros((len(z), len(y), len(x)), np.float32) for contrast in contrasts}
    sensitivity, truth, with_septa = np.zeros((3, len(z), len(y), len(x)), np.float32)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    for k, height in enumerate(z):
        shares, septa_shares = _Shares({}), _Shares({})
        for depth in depths:
            labels, tissue = body.layer(height + depth, fine_y, fine_x)
            for name, signal in _signals(labels, tissue, (height + depth, fine_y, fine_x), lesions, patient, contrasts):
                clean[name][k] += _pooled(signal, factor) / layers
            shares.add(np.where(tissue == Tissue.INTERMUSCULAR_FAT, 0, labels), factor, layers)
            septa_shares.add(labels, factor, layers)
        truth[k], with_septa[k] = shares.majority(), septa_shares.majority()
        points = np.column_stack([plane, np.full(len(plane), height)])
        sensitivity[k] = coils.at(points).reshape(len(y), len(x))
    images = []
    for labels in (truth, with_septa):
        images.append(sitk.GetImageFromArray(labels.astype(np.uint8)))
        images[-1].SetSpacing((protocol.pixel_mm, protocol.pixel_mm, protocol.distance_mm))
        images[-1].SetOrigin((float(x[0]), float(y[0]), float(z[0])))
    return Scan(clean, {contrast.name: _reference(contrast) for contrast in contrasts}, sensitivity, *images)


@dataclass(frozen=True)
class _Shares:
    """How much of each voxel of a slice each label fills."""

    of: dict[int, np.ndarray]

    def add(self, labels: np.ndarray, factor: int, layers: int) -> None:
        """Add one of so many layers of sub-voxels."""
        for label in np.unique(labels):
            share = _pooled((labels == label).astype(np.float32), factor) / layers
            self.of[int(label)] = self.of.get(int(label), 0) + share

    def majority(self) -> np.ndarray:
        """The label with the largest share of each voxel, where labels fill at least half of it."""
        numbers = np.array([number for number in self.of if number])
        if not numbers.size:
            return np.zeros_like(self.of[0])
        stack = np.stack([self.of[number] for number in numbers])
        return np.where(stack.sum(axis=0) >= 0.5, numbers[stack.argmax(axis=0)], 0)


def _fields(table: LabelTable, patient: Patient, seed: int) -> tuple[Lesions, ReceiveField]:
    rng = np.random.default_rng([seed, 1])
    lesions = Lesions.draw(
        rng,
        pairs=muscle_pairs(table),
        base_t2_ms=MUSCLE.t2_ms,
        oedema_ms=patient.oedema_ms,
        chronicity=patient.chronicity,
    )
    return lesions, ReceiveField.draw(rng)


def _axes(body: Thighs, protocol: Protocol, slices: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxel centres along z, y and x, mm."""
    fitting = int((body.highest_mm - body.lowest_mm) // protocol.distance_mm)
    wide, deep = (2 * (half + MARGIN_MM) for half in (body.half_width_mm, body.half_depth_mm))
    z = (body.highest_mm + body.lowest_mm) / 2 + _centred(min(slices or fitting, fitting)) * protocol.distance_mm
    return z, *(_centred(int(np.ceil(size / protocol.pixel_mm))) * protocol.pixel_mm for size in (deep, wide))


def _centred(count: int) -> np.ndarray:
    return np.arange(count) - (count - 1) / 2


def _finer(axis: np.ndarray, pixel_mm: float, factor: int) -> np.ndarray:
    within = ((np.arange(factor) + 0.5) / factor - 0.5) * pixel_mm
    return (axis[:, None] + within).ravel()


def _pooled(values: np.ndarray, factor: int) -> np.ndarray:
    rows, columns = (size // factor for size in values.shape)
    return values.reshape(rows, factor, columns, factor).mean(axis=(1, 3))


def _signals(
    labels: np.ndarray,
    tissue: np.ndarray,
    place: tuple[float, np.ndarray, np.ndarray],
    lesions: Lesions,
    patient: Patient,
    contrasts: list[Contrast],
) -> Iterable[tuple[str, np.ndarray]]:
    """Signed signal of the sub-voxels of a layer in each contrast."""
    z, y, x = place
    row, column = np.nonzero(tissue == Tissue.MUSCLE)
    points = np.column_stack([x[column], y[row], np.full(len(row), z)])
    names = labels[row, column]
    t2 = lesions.healthy_t2(names, points) + patient.oedema_ms * lesions.oedema(names, points)
    fat = lesions.fat_fraction(names, points)
    for contrast in contrasts:
        still = np.zeros(len(Tissue), np.float32)
        for kind, own in TISSUES.items():
            still[kind] = own.water * contrast.of_water(own.t1_ms, own.t2_ms) + own.fat * contrast.of_fat()
        signal = still[tissue]
        water = MUSCLE.water * (1 - fat) * contrast.of_water(MUSCLE.t1_ms, t2)
        signal[row, column] = water + MUSCLE.fat * fat * contrast.of_fat()
        yield contrast.name, signal


def _reference(contrast: Contrast) -> float:
    muscle = MUSCLE.water * abs(float(contrast.of_water(MUSCLE.t1_ms, MUSCLE.t2_ms)))
    fat = TISSUES[Tissue.SUBCUTANEOUS_FAT].fat * abs(contrast.of_fat())
    return fat if abs(contrast.fat) > abs(contrast.water) else muscle
