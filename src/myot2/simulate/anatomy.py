"""Tissues and muscles of a person's thighs at any point of space."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from myot2.core.labels import LabelTable
from myot2.simulate.atlas import FEMUR, GLUTEUS, Atlas, load_atlas
from myot2.simulate.person import Leg, Person, draw_person, fat_angle, in_plane_scale

__all__ = ["Person", "Tissue", "draw_person", "render"]

ARTERY_RADIUS_MM = 3.5
VEIN_RADIUS_MM = 4.5
CORTEX_MM = ((-190, -120, 0, 110, 160), (2.0, 4.0, 6.0, 5.5, 2.5))
"""Thickness of the femur's cortex (second row) at heights above mid-thigh in the template (first row), mm."""


class Tissue(IntEnum):
    """What a point is made of."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    INTERMUSCULAR_FAT = 3
    FASCIA = 4
    CORTEX = 5
    MARROW = 6
    ARTERY = 7
    VEIN = 8
    MUSCLE = 9


def render(person: Person, points: np.ndarray, label_table: LabelTable) -> tuple[np.ndarray, np.ndarray]:
    """Label and tissue at points of a person.

    Parameters
    ----------
    person : Person
    points : numpy.ndarray
        (..., 3) LPS, mm: x towards the subject's left with 0 between the legs, y towards posterior, z towards the head
        with 0 at the person's mid-thigh slice.
    label_table : LabelTable
        Gives the muscles their numbers.

    Returns
    -------
    labels : numpy.ndarray
        uint8 (...): number of the muscle, 0 elsewhere.
    tissue : numpy.ndarray
        uint8 (...): a `Tissue`. Gluteus maximus, which is no muscle of the thigh, is `Tissue.MUSCLE` with label 0.
    """
    flat = np.asarray(points, dtype=np.float32).reshape(-1, 3)
    labels = np.zeros(len(flat), dtype=np.uint8)
    tissue = np.full(len(flat), Tissue.AIR, dtype=np.uint8)
    for side, mirrored in (("left", True), ("right", False)):
        mine = np.nonzero(flat[:, 0] >= 0 if mirrored else flat[:, 0] < 0)[0]
        numbers = np.array([label_table.index(name, side) for name in load_atlas().muscles], dtype=np.uint8)
        local = flat[mine] * np.array([-1 if mirrored else 1, 1, 1], dtype=np.float32)
        labels[mine], tissue[mine] = _render_leg(person, person.leg(side), local, numbers)
    shape = np.shape(points)[:-1]
    return labels.reshape(shape), tissue.reshape(shape)


def _render_leg(person: Person, leg: Leg, points: np.ndarray, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels and tissue at points (n, 3) with x <= 0 of a leg as a right one."""
    atlas, scale = load_atlas(), in_plane_scale(leg.thigh)
    own = points + np.array([leg.centre[0], -leg.centre[1], person.slice_position_mm], dtype=np.float32)
    template_points = atlas.pull_back(leg.thigh, own)
    distance = atlas.envelope.sample(template_points) / scale
    labels = np.zeros(len(points), dtype=np.uint8)
    fat = person.fascia_mm + leg.fat.thickness(fat_angle(template_points), own[:, 2])
    tissue = _layers(person, -points[:, 0] - person.gap_mm / 2, fat, distance)
    inside = np.nonzero((distance < 0) & (tissue != Tissue.AIR))[0]
    deep = template_points[inside]
    labels[inside], tissue[inside] = _muscles(atlas, person, leg, deep, scale, numbers)
    for name, radius in (("artery", ARTERY_RADIUS_MM), ("vein", VEIN_RADIUS_MM)):
        vessel = inside[_in_tube(deep, getattr(atlas, name), radius * scale)]
        labels[vessel], tissue[vessel] = 0, Tissue[name.upper()]
    bone = atlas.fields[FEMUR].sample(deep) / scale
    cortex = person.cortex * np.interp(deep[:, 2], *CORTEX_MM)
    labels[inside[bone < 0]] = 0
    tissue[inside[bone < 0]] = Tissue.CORTEX
    tissue[inside[bone < -cortex]] = Tissue.MARROW
    return labels, tissue


def _layers(person: Person, room: np.ndarray, fat: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Tissue (n,) outside the fascia lata; fat between the muscles within.

    `room` is the way to the plane that the skin never crosses, where the other leg presses the fat flat, `fat` the
    depth of the skin's inner side and `distance` that of the point, both from the fascia lata, mm.
    """
    tissue = np.full(len(distance), Tissue.INTERMUSCULAR_FAT, dtype=np.uint8)
    tissue[distance >= 0] = Tissue.FASCIA
    tissue[distance >= person.fascia_mm] = Tissue.SUBCUTANEOUS_FAT
    tissue[(distance >= fat) | (room < person.skin_mm)] = Tissue.SKIN
    tissue[(distance >= fat + person.skin_mm) | (room < 0)] = Tissue.AIR
    return tissue


def _muscles(
    atlas: Atlas, person: Person, leg: Leg, template_points: np.ndarray, scale: float, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and tissue within the fascia lata: the muscle that a point lies deepest in, unless eroded there."""
    labels = np.zeros(len(template_points), dtype=np.uint8)
    tissue = np.full(len(template_points), Tissue.INTERMUSCULAR_FAT, dtype=np.uint8)
    nearest = np.full(len(template_points), np.inf, dtype=np.float32)
    regions = [*zip(atlas.muscles, numbers, leg.losses, strict=True), (GLUTEUS, 0, 0.0)]
    for name, number, loss in regions:
        field = atlas.fields[name]
        near = np.nonzero(field.covers(template_points))[0]
        depth = field.sample(template_points[near])
        wins = depth < nearest[near]
        near, depth = near[wins], depth[wins]
        nearest[near] = depth
        eroded = depth > -max(person.septum_mm * scale, atlas.erosion_depth(name, loss))
        labels[near] = np.where(eroded, 0, number)
        tissue[near] = np.where(eroded, Tissue.INTERMUSCULAR_FAT, Tissue.MUSCLE)
    return labels, tissue


def _in_tube(points: np.ndarray, line: np.ndarray, radius: float) -> np.ndarray:
    """Which points (n, 3) lie in a tube about a line (m, 3) that rises along z; nowhere beyond its ends."""
    x, y = (np.interp(points[:, 2], line[:, 2], line[:, axis], left=np.inf, right=np.inf) for axis in (0, 1))
    return (points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2 < radius**2
