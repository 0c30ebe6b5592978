"""People of the digital cohort: what tells the thighs of one person from another's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myot2.simulate.atlas import Atlas, Thigh, load_atlas

FIELD_MM = (416.0, 227.0)
"""Width and depth that a person's thighs are made to fit where fat allows: the study's 420 x 231 mm less a rim."""
LEAST_FAT_MM, MOST_FAT_MM = 4.0, 45.0
HALF_LENGTH_MM = 95.0
"""Half the length of the imaged part, for which the legs are placed."""
RANDOM_MODES = 0.25
"""Standard deviation of what is added to each mode's coefficient, of which it is the unit."""


@dataclass(frozen=True)
class FatLayer:
    """Subcutaneous fat: `mean_mm` thick, varying around the leg and growing towards the hip.

    thickness = mean (1 + sum_k amplitude_k cos(k angle - phase_k) + slope z), at least `LEAST_FAT_MM` / 2, with
    the angle from medial to posterior, k = 1, 2, 3 and z in mm above mid-thigh; never above `MOST_FAT_MM`.
    """

    mean_mm: float
    amplitudes: tuple[float, float, float]
    phases: tuple[float, float, float]
    slope_per_mm: float

    def thickness(self, angle: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Thickness (mm) at angles (rad) and heights z (mm)."""
        relative = 1 + self.slope_per_mm * z
        for order, (amplitude, phase) in enumerate(zip(self.amplitudes, self.phases, strict=True), 1):
            relative = relative + amplitude * np.cos(order * angle - phase)
        return np.clip(self.mean_mm * relative, LEAST_FAT_MM / 2, MOST_FAT_MM)


@dataclass(frozen=True)
class Leg:
    """One thigh of a person.

    Attributes
    ----------
    thigh : Thigh
        Shape and size, as a right thigh.
    losses : tuple of float
        Per muscle of the atlas, the fraction (0-1) of its volume lost to atrophy.
    fat : FatLayer
    centre : tuple of float
        Where the atlas's axis stands: distance from the plane between the legs and position towards posterior, mm.
    """

    thigh: Thigh
    losses: tuple[float, ...]
    fat: FatLayer
    centre: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Person:
    """All that makes a person's thighs.

    Attributes
    ----------
    left, right : Leg
    slice_position_mm : float
        Height of z = 0 above the atlas's mid-thigh, in the person's own millimetres.
    gap_mm : float
        Least distance between the skin of both legs; 0 where they touch.
    septum_mm : float
        Half the width of the fat between neighbouring muscles.
    fascia_mm, skin_mm : float
    cortex : float
        Thickness of the femur's cortex relative to the average.
    """

    left: Leg
    right: Leg
    slice_position_mm: float
    gap_mm: float
    septum_mm: float
    fascia_mm: float
    skin_mm: float
    cortex: float

    def leg(self, side: str) -> Leg:
        """The leg on a side ('left' or 'right')."""
        return {"left": self.left, "right": self.right}[side]


def draw_person(
    rng: np.random.Generator, *, people: str = "training", obesity: float | None = None, atrophy: float = 0.0
) -> Person:
    """Draw a person whose thighs lie between those of two real people.

    Parameters
    ----------
    rng : numpy.random.Generator
    people : str
        Whose shapes are drawn from: 'training' (those that the atlas was made of) or 'held-out'.
    obesity : float, optional
        0 (lean, about 6 mm of subcutaneous fat) to 1 (about 34 mm); drawn where not given.
    atrophy : float
        Mean fraction (0-1) of a muscle's volume lost; muscles and sides differ.

    Raises
    ------
    ValueError
        `people` is another word, or `obesity` or `atrophy` lies outside 0-1.
    """
    for name, value in (("obesity", obesity), ("atrophy", atrophy)):
        if value is not None and not 0 <= value <= 1:
            raise ValueError(f"expected {name} between 0 and 1, found {value}")
    atlas = load_atlas()
    obesity = float(rng.beta(1.6, 2.6)) if obesity is None else obesity
    thighs = _draw_thighs(rng, atlas, people)
    fats = _draw_fat(rng, obesity)
    losses = _draw_losses(rng, len(atlas.muscles), atrophy)
    person = Person(
        left=Leg(thighs[0], losses[0], fats[0]),
        right=Leg(thighs[1], losses[1], fats[1]),
        slice_position_mm=float(np.clip(rng.normal(0, 12), -25, 25)),
        gap_mm=float(max(rng.uniform(-12, 25) - 25 * obesity, 0)),
        septum_mm=float(rng.uniform(0.2, 0.7)),
        fascia_mm=float(rng.uniform(0.8, 1.2)),
        skin_mm=float(rng.uniform(1.5, 2.0)),
        cortex=float(rng.uniform(0.8, 1.1)),
    )
    return place(person, backwards_mm=float(rng.normal(0, 2)))


def place(person: Person, backwards_mm: float = 0.0) -> Person:
    """Put the legs side by side so that muscles stay apart and skin touches at most, within `FIELD_MM` if fat allows.

    Where fat would cross the plane between the legs it is pressed flat there, as it is in people lying down.
    """
    for _ in range(3):
        placed, width, depth = _place_once(person, backwards_mm)
        excess = max(width - FIELD_MM[0] / 2, (depth - FIELD_MM[1]) / 2)
        if excess <= 0:
            break
        person = replace(person, left=_thinner(person.left, excess), right=_thinner(person.right, excess))
    return placed


def fat_angle(template_points: np.ndarray) -> np.ndarray:
    """Angle (rad) of template points (n, 3) about the middle of the thigh, from medial (0) to posterior (pi / 2)."""
    return np.arctan2(template_points[:, 1] - 20.0, template_points[:, 0] - 10.0)


def in_plane_scale(thigh: Thigh) -> float:
    """Template millimetres per millimetre of the thigh, in the axial plane."""
    return float(np.sqrt(abs(np.linalg.det(thigh.matrix[:2, :2]))))


def _place_once(person: Person, backwards_mm: float) -> tuple[Person, float, float]:
    """The placed person, the widest reach of a leg from the plane between them, and the greatest depth, mm."""
    legs, reach, fronts, backs = {}, 0.0, [], []
    for side in ("left", "right"):
        leg = person.leg(side)
        inner, outer, grid = _outlines(person, leg)
        medial_inner = max(_extreme(inner, grid)) + person.fascia_mm + person.skin_mm + 3.0
        skin = _extreme(outer, grid)
        # Legs that touch are pressed together along the upper half of the field, others are nowhere cut flat.
        medial_outer = max(skin) if person.gap_mm > 0 else float(np.median(skin))
        away = person.gap_mm / 2 + max(medial_inner, medial_outer)
        rows = np.nonzero(outer.any(axis=(0, 2)))[0]
        fronts.append(grid[1][rows[0]])
        backs.append(grid[1][rows[-1]])
        reach = max(reach, away - grid[0][np.nonzero(outer.any(axis=(0, 1)))[0][0]])
        legs[side] = replace(leg, centre=(away, 0.0))
    forward = backwards_mm - (min(fronts) + max(backs)) / 2
    legs = {side: replace(leg, centre=(leg.centre[0], forward)) for side, leg in legs.items()}
    return replace(person, **legs), float(reach), float(max(backs) - min(fronts))


def _outlines(person: Person, leg: Leg) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Coarse masks (z, y, x) of what lies within the fascia and within the skin; the axes' x, y and z, mm."""
    atlas = load_atlas()
    x = y = np.arange(-140.0, 141.0, 5.0)
    z = np.linspace(-HALF_LENGTH_MM, HALF_LENGTH_MM, 9)
    height, row, column = np.meshgrid(z, y, x, indexing="ij")
    points = np.stack([column.ravel(), row.ravel(), height.ravel() + person.slice_position_mm], axis=1)
    template_points = atlas.pull_back(leg.thigh, points)
    distance = atlas.envelope.sample(template_points) / in_plane_scale(leg.thigh)
    skin = leg.fat.thickness(fat_angle(template_points), points[:, 2]) + person.fascia_mm + person.skin_mm
    return (distance < 0).reshape(height.shape), (distance < skin).reshape(height.shape), (x, y, z)


def _extreme(mask: np.ndarray, grid: tuple[np.ndarray, ...]) -> list[float]:
    """Per slice the largest x in the mask, mm."""
    return [float(grid[0][np.nonzero(plane.any(axis=0))[0][-1]]) for plane in mask if plane.any()]


def _thinner(leg: Leg, excess: float) -> Leg:
    return replace(leg, fat=replace(leg.fat, mean_mm=max(leg.fat.mean_mm - 0.8 * excess, LEAST_FAT_MM)))


def _draw_thighs(rng: np.random.Generator, atlas: Atlas, people: str) -> tuple[Thigh, Thigh]:
    names = atlas.people_of(people)
    first, second = rng.choice(len(names), 2, replace=False)
    weight = rng.beta(0.6, 0.6)
    sides = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    sizes = np.exp(rng.normal(0, 0.04) + rng.normal(0, 0.012, 2))
    turns = np.deg2rad(rng.normal(0, 6) + rng.normal(0, 3, 2))
    common = rng.normal(0, RANDOM_MODES * np.sqrt(0.8), len(atlas.modes))
    thighs = []
    for side, turn, size in zip(sides, turns, sizes, strict=True):
        one, other = atlas.thigh(names[first], side), atlas.thigh(names[second], side)
        rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        matrix = (weight * one.matrix + (1 - weight) * other.matrix) / size @ rotation
        own = rng.normal(0, RANDOM_MODES * np.sqrt(0.2), len(atlas.modes))
        mixed = weight * one.coefficients + (1 - weight) * other.coefficients
        thighs.append(Thigh(matrix, mixed + common + own))
    return thighs[0], thighs[1]


def _draw_fat(rng: np.random.Generator, obesity: float) -> tuple[FatLayer, FatLayer]:
    mean = (6 + 28 * obesity) * np.exp(rng.normal(0, 0.12))
    amplitudes = np.array([0.28, 0.08, 0.05]) * rng.uniform(0.4, 1.4, 3)
    # Thigh fat is thickest medially and behind, thinnest in front.
    phases = np.array([rng.normal(0.8, 0.4), *rng.uniform(-np.pi, np.pi, 2)])
    slope = rng.uniform(0.0005, 0.0035)
    layers = [
        FatLayer(
            float(mean * np.exp(rng.normal(0, 0.04))),
            tuple((amplitudes * rng.uniform(0.85, 1.15, 3)).tolist()),
            tuple((phases + rng.normal(0, 0.1, 3)).tolist()),
            float(slope),
        )
        for _ in range(2)
    ]
    return layers[0], layers[1]


def _draw_losses(rng: np.random.Generator, muscles: int, atrophy: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per side and muscle; beta distributed about `atrophy` with both sides alike to a correlation of about 0.8."""
    if atrophy == 0:
        return (0.0,) * muscles, (0.0,) * muscles
    common = rng.gamma(2.5, 1 / 2.5, muscles)
    sides = [np.clip(atrophy * common * np.exp(rng.normal(0, 0.25, muscles)), 0, 0.9) for _ in range(2)]
    return tuple(sides[0].tolist()), tuple(sides[1].tolist())
