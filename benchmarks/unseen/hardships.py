"""What a scan can be spared of and still be of use: turned, cut, thinned, noisy, shaded; and images without a thigh."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from unseen.anatomy import Build, Thighs
from unseen.contrasts import CONTRASTS, IN_PHASE
from unseen.scanner import Patient, Protocol, Scan, scan

from myot2.core.images import array_of, image_like, read_image
from myot2.core.labels import LabelTable
from myot2.simulate.signal import rician
from myot2.train.recipe import Population
from myot2.train.thighs import CompleteThigh

USUAL = Protocol(1.25, 6.0, 5.0)
"""The study's slices, near its pixels."""

PIXELS_MM = (0.7, 1.0, 1.5, 2.0)
DISTANCES_MM = ((3.0, 3.0), (10.0, 8.0), (20.0, 8.0), (26.0, 8.0))
"""Slice distance and thickness."""

THIN_SLICES = 40
"""Of 3 mm: the stack is no longer than a scanner's."""

Pair = tuple[sitk.Image, sitk.Image]
"""An image and its true labels on one grid."""


@dataclass(frozen=True)
class Subject:
    """One person; every condition changes one thing about the same examination."""

    kept: dict[str, CompleteThigh]
    population: Population
    table: LabelTable
    build: Build
    patient: Patient
    seed: int

    def body(self, **changes: float) -> Thighs:
        """The person, maybe built otherwise."""
        return Thighs.of(self.kept, self.population, self.table, replace(self.build, **changes))

    def scan(self, body: Thighs, protocol: Protocol, slices: int | None = None) -> Scan:
        """An in-phase scan."""
        wanted = [CONTRASTS[IN_PHASE]]
        return scan(body, protocol, wanted, self.table, patient=self.patient, seed=self.seed, slices=slices)

    def seen(self, taken: Scan, **changes: float) -> Pair:
        """Image and truth."""
        return taken.image(IN_PHASE, seed=self.seed, **changes), taken.truth


def conditions(subject: Subject) -> Iterator[tuple[str, Pair]]:
    """Name, image and truth of every condition."""
    body = subject.body()
    usual = subject.scan(body, USUAL)
    pair = subject.seen(usual)
    yield "as usual (1.25 x 1.25 x 6 mm, SNR 40)", pair
    for pixel in PIXELS_MM:
        yield f"pixels of {pixel:g} mm", subject.seen(subject.scan(body, replace(USUAL, pixel_mm=pixel)))
    for distance, thickness in DISTANCES_MM:
        protocol = Protocol(USUAL.pixel_mm, distance, thickness)
        yield f"slices {distance:g} mm apart", subject.seen(subject.scan(body, protocol, THIN_SLICES))
    yield "SNR 10", subject.seen(usual, snr=10.0)
    yield "bias field x 3", subject.seen(usual, bias=3.0)
    yield "atrophy of 30 %", subject.seen(subject.scan(subject.body(atrophy=0.3), USUAL))
    for name, cut in fields(body).items():
        yield name, tuple(cut(image) for image in pair)
    yield "left half of each thigh without signal", without_left_halves(pair, body, subject.seed)


def fields(body: Thighs) -> dict[str, Callable[[sitk.Image], sitk.Image]]:
    """Smaller fields of view, by name."""
    right, left = -body.away_mm["right"], body.away_mm["left"]
    top = body.highest_mm + body.lowest_mm
    return {
        "right thigh only": lambda image: cropped(image, x=(-np.inf, 0)),
        "left thigh only": lambda image: cropped(image, x=(0, np.inf)),
        "right thigh only, its outer half cut": lambda image: cropped(image, x=(right, 0)),
        "left thigh only, its inner half cut": lambda image: cropped(image, x=(left, np.inf)),
        "both thighs, their outer halves cut": lambda image: cropped(image, x=(right, left)),
        "front half of the field": lambda image: cropped(image, y=(-np.inf, 0)),
        "back half of the field": lambda image: cropped(image, y=(0, np.inf)),
        "upper half of the slices": lambda image: cropped(image, z=(top / 2, np.inf)),
        "lower half of the slices": lambda image: cropped(image, z=(-np.inf, top / 2)),
    }


def cropped(image: sitk.Image, **limits: tuple[float, float]) -> sitk.Image:
    """The part of an image (axes as LPS) whose voxel centres lie between limits along x, y and z, mm."""
    start, size = [], []
    for axis, name in enumerate("xyz"):
        low, high = limits.get(name, (-np.inf, np.inf))
        centres = image.GetOrigin()[axis] + image.GetSpacing()[axis] * np.arange(image.GetSize()[axis])
        inside = np.flatnonzero((centres >= low) & (centres <= high))
        start.append(int(inside[0]))
        size.append(int(inside.size))
    return sitk.RegionOfInterest(image, size, start)


def without_left_halves(pair: Pair, body: Thighs, seed: int) -> Pair:
    """No signal, but noise, to the left of each thigh's middle."""
    image, truth = pair
    values, labels = array_of(image), array_of(truth)
    x = truth.GetOrigin()[0] + truth.GetSpacing()[0] * np.arange(truth.GetSize()[0])
    middle = np.where(x < 0, -body.away_mm["right"], body.away_mm["left"])
    dark = x > middle
    noise = rician(np.zeros(values.shape), 500.0 / 40.0, np.random.default_rng(seed))
    values[:, :, dark] = np.rint(noise)[:, :, dark]
    labels[:, :, dark] = 0
    return image_like(values, image), image_like(labels, truth)


def orientations(image: sitk.Image) -> Iterator[sitk.Image]:
    """The same voxels in space, stored in all 48 orders and directions of the axes."""
    for order in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            yield sitk.Flip(sitk.PermuteAxes(image, order), flips)


def without_thigh(data: Path, usual: sitk.Image) -> Iterator[tuple[str, sitk.Image]]:
    """Images that show no thigh; those of the data folder where it is there."""
    values = array_of(usual)
    noise = rician(np.zeros(values.shape), 12.5, np.random.default_rng(0))
    yield "noise", image_like(noise.astype(np.float32), usual)
    yield "empty", image_like(np.zeros_like(values), usual)
    for name, path in (
        ("lumbar spine", "lumbar-muscles/image.nii.gz"),
        ("head, spin echo", "brain-mese/mono_t2.nii.gz"),
        ("calves, first spin echo", "calf-mese/echoes_17x7.6ms.nii.gz"),
        ("calves, spin echo", "calf-t2-motion/t2_te16ms.nii.gz"),
        ("calves, Dixon", "calf-t2-motion/0007-Dixon_TE_345_cf.nii.gz"),
    ):
        if (data / path).is_file():
            yield name, _first_volume(read_image(data / path))


def _first_volume(image: sitk.Image) -> sitk.Image:
    return image if image.GetDimension() == 3 else image[(slice(None),) * 3 + (0,) * (image.GetDimension() - 3)]
