"""How far apart the surfaces of two masks lie: HD95 and normalised surface Dice, by area, on voxels of any shape.

The surface of a mask is the set of voxel faces between a voxel inside and one outside, each a point at its centre
that counts as much as its area. What the image cuts off has no face there: where the stack of slices ends, the muscle
does not. HD95 and NSD weight by area as Nikolov et al. do (arXiv:1809.04430, their library is surface-distance).

Thick slices are why this is not a library's work. MONAI 1.6.1 takes the outer voxels of a mask for its surface
(`compute_hausdorff_distance`, `compute_surface_dice`), each counting the same: of slices 20 mm apart nearly all voxels
are outer ones, most of them in the same place in both masks, and they hide where the outlines differ. Nikolov's
triangles (MONAI's `use_subvoxels`; there is no HD95 by them) do so less. SimpleITK 2.5.7 has the greatest distance and
the mean, no percentile. Figures are in docs/stages/segment.md; MONAI would also take 3 s to import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

ROUNDING_MM = 0.001
"""Distances this little above a tolerance are within it: NIfTI keeps voxel sizes as 32-bit floats."""

_ROUNDING_SHARE = 1e-9


@dataclass(frozen=True)
class Surface:
    """The faces of a mask: centres, shape (faces, 3), in mm along (slice, row, column), and areas in mm2."""

    centres_mm: np.ndarray
    areas_mm2: np.ndarray


def surface_of(mask: np.ndarray, spacing_mm: Sequence[float]) -> Surface:
    """The faces between voxels inside and voxels outside.

    Parameters
    ----------
    mask : ndarray of bool, shape (slices, rows, columns)
        Beyond its border nothing is known, so there is no face.
    spacing_mm : sequence of float
        Distance of voxel centres along (slice, row, column).
    """
    spacing = np.asarray(spacing_mm, float)
    centres, areas = [], []
    for axis in range(3):
        found = np.argwhere(np.diff(mask, axis=axis)).astype(float)
        found[:, axis] += 0.5
        centres.append(found * spacing)
        areas.append(np.full(len(found), np.delete(spacing, axis).prod()))
    return Surface(np.concatenate(centres), np.concatenate(areas))


def compare_surfaces(
    first: np.ndarray, second: np.ndarray, spacing_mm: Sequence[float], tolerance_mm: float
) -> tuple[float | None, float | None]:
    """HD95 and normalised surface Dice of two masks; neither depends on their order.

    Parameters
    ----------
    first, second : ndarray of bool, shape (slices, rows, columns)
    spacing_mm : sequence of float
        Distance of voxel centres along (slice, row, column).
    tolerance_mm : float
        Faces no farther apart than this agree.

    Returns
    -------
    hd95_mm : float or None
        The distance within which 95 % of a surface's area lies of the other surface, of both directions the greater;
        None where a mask has no surface.
    nsd : float or None
        The share (0-1) of the area of both surfaces that lies within the tolerance of the other: 0 where only one mask
        has a surface, None where none has.
    """
    surfaces = [surface_of(mask[box_of(first | second)], spacing_mm) for mask in (first, second)]
    sizes = [len(surface.areas_mm2) for surface in surfaces]
    if not all(sizes):
        return None, 0.0 if any(sizes) else None
    trees = [KDTree(surface.centres_mm) for surface in surfaces]
    distances = [tree.query(surface.centres_mm)[0] for tree, surface in zip(reversed(trees), surfaces, strict=True)]
    areas = [surface.areas_mm2 for surface in surfaces]
    hd95 = max(_percentile_by_area(*pair, 0.95) for pair in zip(distances, areas, strict=True))
    near, weights = np.concatenate(distances) <= tolerance_mm + ROUNDING_MM, np.concatenate(areas)
    return hd95, float(weights[near].sum() / weights.sum())


def box_of(mask: np.ndarray) -> tuple[slice, ...]:
    """The part of an image that holds a mask and the voxels around it; all of it where the mask is empty."""
    box = []
    for axis in range(mask.ndim):
        (inside,) = np.nonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(max(inside[0] - 1, 0), inside[-1] + 2) if inside.size else slice(None))
    return tuple(box)


def _percentile_by_area(distances: np.ndarray, areas: np.ndarray, share: float) -> float:
    order = np.argsort(distances, kind="stable")
    covered = np.cumsum(areas[order])
    return float(distances[order][np.searchsorted(covered, share * covered[-1] * (1 - _ROUNDING_SHARE))])
