"""The people a network learns from: their thighs are rendered once and kept as class volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from myot2.core.files import atomic
from myot2.core.labels import LabelTable
from myot2.segment.legs import SIDES
from myot2.simulate.anatomy import Person, Tissue, draw_person, render
from myot2.train.classes import class_codes
from myot2.train.recipe import Population

CENTRE_STEP_MM = 6.0
"""Sampling at which a leg is first looked for."""

COARSE = 8
"""Every so many points per axis tell where tissue is near."""


def render_person(recipe: Population, table: LabelTable, number: int) -> list[np.ndarray]:
    """Render both thighs of one training person, each as if it were a right one.

    Parameters
    ----------
    recipe : Population
    table : LabelTable
    number : int
        Which person; the same number gives the same person.

    Returns
    -------
    list of ndarray of uint8, shape (slices, rows, columns)
        Class codes (see `myot2.train.classes`): the right thigh, and the left one mirrored. Slices towards the head,
        rows towards the back, columns towards the middle of the body; the leg's centroid in the middle; the other leg
        is air, as in the network's input.
    """
    rng = np.random.default_rng([recipe.seed, number])
    atrophy = rng.uniform(0, recipe.atrophy_most) if rng.random() < recipe.atrophy_share else 0.0
    person = draw_person(rng, people="training", atrophy=atrophy)
    return [_render_leg(person, recipe, table, side) for side in SIDES]


def keep_population(recipe: Population, table: LabelTable, folder: str | Path, *, report=print) -> list[Path]:
    """Render all people that are not yet kept in `folder`; return the files, in order.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(recipe.count):
        files = [folder / f"person-{number:04d}_{side}.npy" for side in SIDES]
        if not all(file.is_file() for file in files):
            for file, volume in zip(files, render_person(recipe, table, number), strict=True):
                with atomic(file) as temporary:
                    np.save(temporary, volume)
            report(f"rendered person {number + 1} of {recipe.count}")
        paths += files
    return paths


def _render_leg(person: Person, recipe: Population, table: LabelTable, side: str) -> np.ndarray:
    sign = 1.0 if side == "left" else -1.0
    z = np.arange(-recipe.half_length_mm, recipe.half_length_mm + 1e-6, recipe.slice_mm)
    coarse = np.arange(-recipe.width_mm, recipe.width_mm + 1e-6, CENTRE_STEP_MM)
    beside = coarse[coarse > 0]
    _, tissue = render(person, _points(z[:: max(len(z) // 6, 1)], coarse, sign * beside[::-1]), table)
    _, row, column = (axis.mean() for axis in np.nonzero(tissue != Tissue.AIR))
    middle_y = coarse[0] + row * CENTRE_STEP_MM
    middle_x = beside[-1] - column * CENTRE_STEP_MM
    offsets = np.arange(-recipe.width_mm / 2, recipe.width_mm / 2, recipe.in_plane_mm) + recipe.in_plane_mm / 2
    distance = middle_x - offsets
    grid = _points(z, middle_y + offsets, sign * distance)
    near = _near_tissue(person, grid, table)
    codes = np.zeros(near.shape, np.uint8)
    codes[near] = class_codes(*render(person, grid[near], table), table, side)
    codes[:, :, distance <= 0] = Tissue.AIR
    return codes


def _near_tissue(person: Person, grid: np.ndarray, table: LabelTable) -> np.ndarray:
    """Which points (slices, rows, columns) can be tissue at all: more than half the field is air, and costly."""
    _, coarse = render(person, grid[:, ::COARSE, ::COARSE], table)
    wide = ndimage.binary_dilation(coarse != Tissue.AIR, np.ones((1, 3, 3)))
    return wide.repeat(COARSE, axis=1).repeat(COARSE, axis=2)[:, : grid.shape[1], : grid.shape[2]]


def _points(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """LPS points (slices, rows, columns, 3)."""
    grid = np.meshgrid(*(axis.astype(np.float32) for axis in (z, y, x)), indexing="ij")
    return np.stack(grid[::-1], axis=-1)
