"""Two discs as legs, with half-discs as muscles, in world coordinates that tell left from right."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

SLICES = 6


def legs(centres=(30, 90)) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels (slices, 80, 120): a bright disc per centre; its front half is label 1 or 2, its back 3 or 4.

    The right leg (even numbers) lies at the lower columns.
    """
    rows, columns = np.indices((80, 120))
    image, labels = np.full((80, 120), 2.0), np.zeros((80, 120), np.uint8)
    for centre in centres:
        own = np.hypot(rows - 40, columns - centre) < 24
        front = own & (rows < 38)
        back = own & (rows > 42)
        right = 1 if centre < 60 else 0
        image[own] = 100.0
        image[front] = 150.0
        labels[front], labels[back] = 1 + right, 3 + right
    texture = np.random.default_rng(3).uniform(0.9, 1.1, (SLICES, 80, 120))
    return (image * texture).astype(np.float32), np.repeat(labels[None], SLICES, axis=0)


def on_grid(array: np.ndarray) -> sitk.Image:
    """Voxels of 1.5 x 1.5 x 8 mm, columns towards the subject's left, x = 0 between the legs."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 8.0))
    image.SetOrigin((-1.5 * 59.5, -60.0, 10.0))
    return image
