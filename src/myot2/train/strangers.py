"""Limbs that are no thigh: muscles and bones of any number and place, in which nothing is to be labelled.

A network that has only seen thighs finds thigh muscles in a calf, an arm or an abdomen. These shapes have no anatomy at
all: cells of a weighted Voronoi diagram in an ellipse, whose seeds wander along the limb.
"""

from __future__ import annotations

import numpy as np

from myot2.simulate.anatomy import Tissue
from myot2.train.classes import OTHER_MUSCLE
from myot2.train.thighs import Sampling

SLICES = 60
MUSCLES = (3, 16)
BONES = (0, 4)
SEPTUM_MM = 1.2


def draw_stranger(sampling: Sampling, rng: np.random.Generator) -> np.ndarray:
    """Class codes (slices, rows, columns) of a random limb."""
    offsets = sampling.offsets
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    radii, taper = rng.uniform(30, 85, 2), rng.uniform(-0.3, 0.3)
    fat, skin = rng.uniform(2, 20), rng.uniform(1.2, 2.2)
    count, bones = rng.integers(*MUSCLES), rng.integers(*BONES)
    seeds, drift = _within(count, rng), rng.normal(0, 0.15, (count, 2))
    weights = rng.uniform(0, 0.15, count)
    centres, sizes = _within(bones, rng) * 0.8, rng.uniform(5, 20, bones)
    volume = np.zeros((SLICES, *x.shape), np.uint8)
    for plane, along in zip(volume, np.linspace(-0.5, 0.5, SLICES), strict=True):
        scale = radii * (1 + taper * along)
        away = np.hypot(y / scale[0], x / scale[1])
        inward = (1 - away) * scale.mean()
        plane[inward > -fat - skin] = Tissue.SKIN
        plane[inward > -fat] = Tissue.SUBCUTANEOUS_FAT
        inside = inward > 0
        places = (seeds + drift * along) * scale
        power = np.hypot(y[inside, None] - places[:, 0], x[inside, None] - places[:, 1]) - weights * scale.mean()
        nearest = np.sort(power, axis=1)[:, :2]
        septum = (nearest[:, 1] - nearest[:, 0] < 2 * SEPTUM_MM) | (inward[inside] < SEPTUM_MM)
        plane[inside] = np.where(septum, int(Tissue.INTERMUSCULAR_FAT), OTHER_MUSCLE)
        for centre, size in zip(centres, sizes, strict=True):
            distance = np.hypot(y - centre[0] * scale[0], x - centre[1] * scale[1])
            plane[distance < size] = Tissue.CORTEX
            plane[distance < 0.7 * size] = Tissue.MARROW
    return volume


def _within(count: int, rng: np.random.Generator) -> np.ndarray:
    """Random places (count, 2) in the unit disc."""
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 0.9, count))
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
