"""Label maps of two boxes, and a grid for them."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

SHAPE = (4, 12, 10)


def grid(array: np.ndarray, spacing=(2.0, 2.0, 6.0), origin=(-10.0, -12.0, 3.0)) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def box() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint16)
    labels[1:3, 2:8, 2:5], labels[1:3, 2:8, 6:8] = 1, 2
    return labels
