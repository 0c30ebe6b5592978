"""Trials: images of simulated people whose labels are known, on which a network may succeed or fail.

The people are those that no training draws, unless others are asked for, seen by the Dixon sequence of
`myot2.simulate`, whose physics shares no code with the images of the training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from myot2.core.labels import LabelTable
from myot2.simulate import scan
from myot2.simulate.anatomy import draw_person, render
from myot2.simulate.body import cut
from myot2.simulate.grid import Grid, VoxelAverage, axial_grid
from myot2.simulate.participant import MUSCLE_PIXEL, draw_body, muscle_pairs

MATRIX = (240, 132)
SAMPLES = (2, 2)
"""Sub-voxels per voxel in the plane; the slice is one sub-voxel thick."""

SLICES = 10
SLICE_DISTANCE_MM = (5.0, 20.0)
LEVEL_MM = (-60.0, 60.0)
"""How far the middle of the stack lies above mid-thigh: at the ends muscles begin, end, or are cut."""

SNR = (25.0, 60.0)
REPLACED = 0.95
"""Share of a muscle's water that fat takes where disease has replaced it; patches of it stay."""


@dataclass(frozen=True)
class Trial:
    """One person's Dixon images (`in`, `opp`, `water`, `fat`; magnitudes) and true labels, on one grid."""

    images: dict[str, sitk.Image]
    truth: sitk.Image


def draw_trial(
    seed: int, number: int, table: LabelTable, *, replaced_share: float = 0.0, people: str = "held-out"
) -> Trial:
    """Draw a person and take the images; the same seed and number give the same person, whatever else is asked for.

    Parameters
    ----------
    seed, number : int
        Of the group of people, and which of them.
    table : LabelTable
    replaced_share : float
        Share (0-1) of the muscles that disease has replaced by fat.
    people : str
        Whose shapes are drawn from: 'held-out', those that no training draws, or 'training'.
    """
    rng = np.random.default_rng([seed, number])
    chronicity = rng.uniform(0, 0.8) * (rng.random() < 0.7)
    person = draw_person(rng, people=people, atrophy=0.3 * chronicity)
    body = draw_body(
        rng,
        lambda points: render(person, points, table),
        pairs=muscle_pairs(table),
        target_t2_ms=rng.uniform(34, 60) if chronicity else 34.0,
        chronicity=chronicity,
        residual_fat=0.03,
    )
    level, distance, snr = (rng.uniform(*limits) for limits in (LEVEL_MM, SLICE_DISTANCE_MM, SNR))
    isocentre = np.array([0.0, 0.0, body.position[2] + level])
    grid = replace(axial_grid(MATRIX, SLICES, isocentre), slice_step=np.array([0.0, 0.0, distance]))
    load = np.where(rng.random(body.lesions.fat_load.size) < replaced_share, REPLACED, body.lesions.fat_load)
    return _scan(replace(body, lesions=replace(body.lesions, fat_load=load)), grid, snr, rng)


def _scan(body, grid: Grid, snr: float, rng: np.random.Generator) -> Trial:
    fine = (grid.shape[1] * SAMPLES[0], grid.shape[2] * SAMPLES[1])
    average = VoxelAverage(fine, grid.shape[1:])
    reference = scan.dixon_muscle_signal()
    parts: dict[str, list[np.ndarray]] = {}
    labels = []
    for number in range(grid.shape[0]):
        slab = cut(body, grid.sub_points(number, fine, 1))
        water, fat = scan.dixon_water_and_fat(slab, average, body.oedema_gain_ms)
        points = body.in_person(grid.points(number))
        sensitivity = body.receive.at(points.reshape(-1, 3)).reshape(grid.shape[1:])
        for name, image in scan.dixon_images(water, fat, sensitivity, reference / snr, rng).items():
            parts.setdefault(name, []).append(image * MUSCLE_PIXEL["dixon"] / reference)
        labels.append(scan.label_map(slab, average))
    images = {name: grid.image(np.stack(slices).astype(np.float32)) for name, slices in parts.items()}
    return Trial(images, grid.image(np.stack(labels)))
