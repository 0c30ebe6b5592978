"""Both thighs of people whom no network was trained on, as tissue at any place.

The muscles, the femur, the vessels and the fascia lata are those of completed label maps (`myot2.train.thighs`) of the
held-out people; everything else about them is drawn here: fat, skin, the room between muscles, atrophy. Of the modules
that make training images (`appearance`, `contrast`, `degradation`, `slabs`) and of `variants` nothing is used.

Coordinates are LPS millimetres: x towards the subject's left with 0 between the legs, y towards the back, z towards the
head with 0 half-way up the part of the thigh that the label maps of both legs cover. A label map that has slices every
24 mm is interpolated between them about the atlas; adductor longus and brevis, which no such map has, are the atlas's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy import ndimage

from myot2.core.labels import LabelTable
from myot2.simulate.anatomy import CORTEX_MM, Tissue
from myot2.simulate.atlas_fit import person_of
from myot2.simulate.person import FatLayer
from myot2.train.population import complete_maps, read_complete
from myot2.train.recipe import Population
from myot2.train.thighs import CompleteThigh

ROOM_MM = 60.0
"""Margin that is put around a kept thigh, so that the fattest fits in."""

FAR_MM = 15.0
"""Kept distances from the fascia end a little above this; farther out they are computed anew."""


@dataclass(frozen=True)
class Build:
    """What is drawn about one person.

    Attributes
    ----------
    fat_mm : float
        Mean thickness of subcutaneous fat.
    septum_mm : float
        Half the room between neighbouring muscles.
    fascia_mm, skin_mm, gap_mm : float
        Thickness of fascia and skin, and the distance between the legs' skin where they are nearest.
    cortex : float
        Thickness of the femur's cortex relative to the average.
    atrophy : float
        Mean share (0-1) of a muscle's volume lost; muscles differ.
    seed : int
        Of what differs between muscles and around the leg.
    """

    fat_mm: float
    septum_mm: float
    fascia_mm: float
    skin_mm: float
    gap_mm: float
    cortex: float
    atrophy: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, *, atrophy: float = 0.0) -> Build:
        """Draw one, lean to obese."""
        return cls(
            fat_mm=float(5 + 25 * rng.beta(1.6, 2.6)),
            septum_mm=float(rng.uniform(0.2, 0.7)),
            fascia_mm=float(rng.uniform(0.8, 1.2)),
            skin_mm=float(rng.uniform(1.5, 2.0)),
            gap_mm=float(max(rng.uniform(-6, 20), 0)),
            cortex=float(rng.uniform(0.8, 1.1)),
            atrophy=atrophy,
            seed=int(rng.integers(2**31)),
        )


@dataclass(frozen=True)
class Leg:
    """One thigh with its fat and the depth below which atrophy has left each muscle."""

    thigh: CompleteThigh
    sampling_mm: tuple[float, float]
    build: Build
    fat: FatLayer
    limits: np.ndarray

    @classmethod
    def of(cls, thigh: CompleteThigh, population: Population, build: Build, rng: np.random.Generator) -> Leg:
        """A completed thigh as a person's leg."""
        fat = FatLayer(
            build.fat_mm,
            tuple((np.array([0.28, 0.08, 0.05]) * rng.uniform(0.4, 1.4, 3)).tolist()),
            (float(rng.normal(0.8, 0.4)), *rng.uniform(-np.pi, np.pi, 2).tolist()),
            float(rng.uniform(0.0005, 0.0035)),
        )
        return cls(thigh, (population.slice_mm, population.in_plane_mm), build, fat, _limits(thigh, build, rng))

    @cached_property
    def fields(self) -> tuple[np.ndarray, ...]:
        """Depth, femur, fascia and thickness of fat (float32) with a margin of `ROOM_MM`."""
        margin = round(ROOM_MM / self.sampling_mm[1])
        thigh = self.thigh
        depth, femur, fascia, angle = (
            np.pad(field.astype(np.float32), ((0, 0), (margin, margin), (margin, margin)), mode="edge")
            for field in (thigh.depth, thigh.femur, thigh.fascia, thigh.angle)
        )
        # In the margin the distance and the angle of the nearest kept voxel would leave rays.
        core = np.zeros(fascia.shape[1:], bool)
        core[margin:-margin, margin:-margin] = True
        beyond = np.stack([ndimage.distance_transform_edt(~plane) for plane in (fascia < 0) & core])
        beyond = beyond * self.sampling_mm[1] - 0.5
        fascia = np.where(core, np.where(fascia < FAR_MM, fascia, np.maximum(beyond, FAR_MM)), beyond)
        row, column = (np.arange(size) - (size - 1) / 2 for size in fascia.shape[1:])
        around = np.arctan2(row[:, None], column[None, :])
        thickness = self.fat.thickness(np.where(core, angle, around), thigh.height[:, None, None])
        return depth, femur, fascia, thickness.astype(np.float32)

    @cached_property
    def names(self) -> tuple[np.ndarray, np.ndarray]:
        """Muscle and vessel numbers with the same margin."""
        margin = round(ROOM_MM / self.sampling_mm[1])
        pads = ((0, 0), (margin, margin), (margin, margin))
        return np.pad(self.thigh.muscle, pads, mode="edge"), np.pad(self.thigh.vessel, pads)

    def reach(self) -> tuple[float, float, float, float]:
        """Where the leg ends: its skin's median inner border, its muscle's innermost, its outermost, front and back.

        Millimetres from the kept thigh's middle; the first two towards the other leg.
        """
        real = self.thigh.real
        _, _, fascia, fat = (field[real] for field in self.fields)
        skin = fascia < fat + self.build.fascia_mm + self.build.skin_mm
        offsets = (np.arange(skin.shape[2]) - (skin.shape[2] - 1) / 2) * self.sampling_mm[1]
        inner = [offsets[np.flatnonzero(plane.any(axis=0))[-1]] for plane in skin]
        muscle = offsets[np.flatnonzero((fascia < 0).any(axis=(0, 1)))[-1]]
        outer = offsets[np.flatnonzero(skin.any(axis=(0, 1)))[0]]
        rows = offsets[np.flatnonzero(skin.any(axis=(0, 2)))]
        return float(np.median(inner)), float(muscle), float(outer), float(max(-rows[0], rows[-1]))

    def layer(self, index: float, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Muscle number (0 none) and tissue at a slice index and mm from the middle; columns towards the other leg.

        Half of a septum has the number of the muscle beside it, though it is fat: so do readers draw muscles.
        """
        step = self.sampling_mm[1]
        shape = self.fields[0].shape
        axes = list(zip((rows, columns), shape[1:], strict=True))
        places = [axis / step + (size - 1) / 2 for axis, size in axes]
        depth, femur, fascia, fat = (_sample(field, index, *places) for field in self.fields)
        nearest = [np.clip(np.round(axis / step + (size - 1) / 2).astype(int), 0, size - 1) for axis, size in axes]
        level = int(np.clip(round(index), 0, shape[0] - 1))
        muscle, vessel = (names[level][np.ix_(*nearest)] for names in self.names)
        build = self.build
        tissue = np.full(depth.shape, Tissue.INTERMUSCULAR_FAT, np.uint8)
        named = (depth < -self.limits[muscle]) & (fascia < 0)
        tissue[depth < -np.maximum(self.limits, build.septum_mm)[muscle]] = Tissue.MUSCLE
        tissue[vessel == 1], tissue[vessel == 2] = Tissue.ARTERY, Tissue.VEIN
        height = np.interp(index, np.arange(shape[0]), self.thigh.height)
        tissue[femur < 0] = Tissue.CORTEX
        tissue[femur < -build.cortex * np.interp(height, *CORTEX_MM)] = Tissue.MARROW
        tissue[fascia >= 0] = Tissue.FASCIA
        tissue[fascia >= build.fascia_mm] = Tissue.SUBCUTANEOUS_FAT
        tissue[fascia >= build.fascia_mm + fat] = Tissue.SKIN
        tissue[fascia >= build.fascia_mm + fat + build.skin_mm] = Tissue.AIR
        named &= np.isin(tissue, (Tissue.MUSCLE, Tissue.INTERMUSCULAR_FAT))
        return np.where(named, muscle, 0).astype(np.uint8), tissue


@dataclass(frozen=True)
class Thighs:
    """Both thighs of a person side by side.

    Attributes
    ----------
    legs : dict of str to Leg
        By side.
    away_mm : dict of str to float
        Distance of each leg's middle from the plane between the legs.
    middle : dict of str to float
        Slice index of each leg at z = 0.
    lowest_mm, highest_mm : float
        The heights that real slices of both legs cover.
    half_width_mm, half_depth_mm : float
        The extent of the body.
    numbers : dict of str to ndarray
        Label numbers by muscle number, per side.
    bone : dict of str to int
        Label number of the femur, per side.
    """

    legs: dict[str, Leg]
    away_mm: dict[str, float]
    middle: dict[str, float]
    lowest_mm: float
    highest_mm: float
    half_width_mm: float
    half_depth_mm: float
    numbers: dict[str, np.ndarray]
    bone: dict[str, int]

    @classmethod
    def of(cls, kept: dict[str, CompleteThigh], population: Population, table: LabelTable, build: Build) -> Thighs:
        """Put two completed thighs side by side."""
        rng = np.random.default_rng(build.seed)
        legs = {side: Leg.of(thigh, population, build, rng) for side, thigh in sorted(kept.items())}
        reaches = {side: leg.reach() for side, leg in legs.items()}
        away = {
            side: max(skin + build.gap_mm / 2, muscle + build.fascia_mm + build.skin_mm + 2.0)
            for side, (skin, muscle, _, _) in reaches.items()
        }
        heights = {side: thigh.height[thigh.real] for side, thigh in kept.items()}
        low, high = max(height[0] for height in heights.values()), min(height[-1] for height in heights.values())
        ends = {
            side: np.interp([low, (low + high) / 2, high], thigh.height, np.arange(len(thigh.height)))
            for side, thigh in kept.items()
        }
        return cls(
            legs=legs,
            away_mm=away,
            middle={side: float(end[1]) for side, end in ends.items()},
            lowest_mm=-population.slice_mm * min(float(end[1] - end[0]) for end in ends.values()),
            highest_mm=population.slice_mm * min(float(end[2] - end[1]) for end in ends.values()),
            half_width_mm=max(away[side] - outer for side, (_, _, outer, _) in reaches.items()),
            half_depth_mm=max(depth for *_, depth in reaches.values()),
            numbers={
                side: np.array([0, *(table.index(name, side) for name in table.muscles)], np.uint8) for side in legs
            },
            bone={side: table.index("femur", side) for side in legs},
        )

    def layer(self, z: float, y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Label numbers, the femur's included, and tissue (uint8, rows by columns) of one level.

        Parameters
        ----------
        z : float
            Height, mm.
        y, x : ndarray
            Coordinates of the rows and of the columns, mm.
        """
        labels = np.zeros((len(y), len(x)), np.uint8)
        tissue = np.full(labels.shape, Tissue.AIR, np.uint8)
        for side, leg in self.legs.items():
            sign = -1 if side == "left" else 1
            own = np.flatnonzero(-sign * x > 0)
            index = self.middle[side] + z / leg.sampling_mm[0]
            muscle, kind = leg.layer(index, y, sign * x[own] + self.away_mm[side])
            # Where the legs press against each other the skin ends at the plane between them.
            room = -sign * x[own] - leg.build.gap_mm / 2
            kind[(kind != Tissue.AIR) & (room < leg.build.skin_mm)[None]] = Tissue.SKIN
            kind[:, room < 0] = Tissue.AIR
            bone = np.isin(kind, (Tissue.CORTEX, Tissue.MARROW))
            muscle[:, room < leg.build.skin_mm] = 0
            labels[:, own], tissue[:, own] = np.where(bone, self.bone[side], self.numbers[side][muscle]), kind
        return labels, tissue


def held_out_people(
    work: Path, maps: Path, whole_leg: Path, population: Population, table: LabelTable, processes: int
) -> dict[str, dict[str, CompleteThigh]]:
    """The completed thighs of the held-out people by person and side; made in `work`/held-out where they lack."""
    files = complete_maps(
        population, table, work / "held-out", maps, whole_leg, held=True, processes=processes, report=print
    )
    people: dict[str, dict[str, CompleteThigh]] = {}
    for file in files:
        name, _, side = file.stem.rpartition("_")
        people.setdefault(person_of(Path(f"{name}.nii.gz")), {})[side] = read_complete(file)
    return people


def _limits(thigh: CompleteThigh, build: Build, rng: np.random.Generator) -> np.ndarray:
    """Depth (mm) that atrophy has taken, by muscle number; 0 is muscle that has no label."""
    count = int(thigh.muscle.max())
    limits = np.zeros(count + 1, np.float32)
    losses = np.clip(build.atrophy * rng.gamma(8.0, 1 / 8.0, count), 0, 0.8)
    depth = thigh.depth.astype(np.float32)
    for number, loss in enumerate(losses, 1):
        inside = -depth[(thigh.muscle == number) & (depth < 0)]
        if inside.size and loss > 0:
            limits[number] = np.quantile(inside, loss)
    return limits


def _sample(field: np.ndarray, index: float, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Linear interpolation of a volume at one slice index, row and column positions; the border's values beyond it."""
    below, share = _cell(np.array([index]), field.shape[0])
    plane = field[below[0]] * (1 - share[0]) + field[below[0] + 1] * share[0]
    low, part = _cell(rows, field.shape[1])
    lines = plane[low] * (1 - part)[:, None] + plane[low + 1] * part[:, None]
    low, part = _cell(columns, field.shape[2])
    return lines[:, low] * (1 - part) + lines[:, low + 1] * part


def _cell(place: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    place = np.clip(place, 0, size - 1)
    low = np.minimum(place.astype(int), size - 2)
    return low, (place - low).astype(np.float32)
