"""Two thighs as a formula of position, to be imaged on any grid, in any pose and contrast."""

from __future__ import annotations

from itertools import product

import numpy as np
import SimpleITK as sitk

from myot2.core.images import affine_of, image_like

ECHO = np.array([0, 0.25, 0.15, *[0.8, 0.85, 0.75, 0.9, 0.8, 0.82] * 2])
DIXON = np.array([0, 1.0, 0.7, *[0.45, 0.5, 0.42, 0.48, 0.46, 0.44] * 2])


def tissue(x, y, z):
    """0 air, 1 fat, 2 bone, 3 to 14 muscles at positions (LPS mm) of tapering, twisted thighs around (+-90, 0, 0)."""
    result = np.zeros(x.shape, dtype=int)
    for first, centre, sign in ((3, -90, 1), (9, 90, -1)):
        size = 1 + z / 400
        u, v = (x - centre - 0.05 * z * sign) / size, (y - 0.03 * z) / size
        radius, sector = np.hypot(u / 75, v / 80), (np.arctan2(v, u * sign) + z / 250) / (2 * np.pi) % 1 * 6
        muscle = (radius < 0.78) & (np.abs(sector % 1 - 0.5) < 0.46)
        result[radius < 1] = 1
        result[muscle] = first + sector[muscle].astype(int)
        result[np.hypot(u - 5 * sign, v + 5) < 14] = 2
    return result


def grid(size, spacing, centre=(0.0, 0.0, 0.0), direction=None):
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing)
    image.SetDirection((np.eye(3) if direction is None else direction).ravel())
    middle = affine_of(image)[:3, :3] @ (np.array(size) - 1) / 2
    image.SetOrigin(np.array(centre) - middle)
    return image


def points_of(image, motion, shifts=((0, 0, 0),)):
    """Where the voxel centres, moved by shifts in index units, were before the motion; yields arrays (3, voxels)."""
    index = np.indices(image.GetSize()[::-1])[::-1].reshape(3, -1)
    affine = affine_of(image)
    matrix, centre, shift = (
        np.array(part) for part in (motion.GetMatrix(), motion.GetCenter(), motion.GetTranslation())
    )
    for offset in shifts:
        points = affine[:3, :3] @ (index + np.array(offset)[:, None]) + affine[:3, 3:]
        yield matrix.reshape(3, 3).T @ (points - (centre + shift)[:, None]) + centre[:, None]


def picture(image, contrast, motion=None, noise=0.04, thickness_mm=5.0, seed=0):
    """An image of the thighs after a motion: slices of a thickness, averaged over each voxel, with noise."""
    deep = thickness_mm / image.GetSpacing()[2]
    shifts = list(product((-0.25, 0.25), (-0.25, 0.25), (np.arange(3) - 1) / 3 * deep))
    mean = sum(contrast[tissue(*points)] for points in points_of(image, motion or sitk.Euler3DTransform(), shifts))
    noisy = mean / len(shifts) + np.random.default_rng(seed).normal(0, noise, mean.shape)
    return image_like(np.abs(noisy).astype(np.float32).reshape(image.GetSize()[::-1]), image)


def label_map(image, motion=None):
    """The muscles (1 to 12) at the voxel centres after a motion."""
    (points,) = points_of(image, motion or sitk.Euler3DTransform())
    return image_like(np.maximum(tissue(*points) - 2, 0).astype(np.uint16).reshape(image.GetSize()[::-1]), image)
