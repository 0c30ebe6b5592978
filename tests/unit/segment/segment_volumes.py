"""A volume with two legs for models with random weights, and how it looks when it is stored otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

STORED = ("LPS", "RAS", "SPL", "AIR")
"""Orders and directions of axes; the first is that of `volume`."""


def volume(slices: int = 5) -> sitk.Image:
    """Two bright discs with structure inside, in noise; oblique by 10 degrees, voxels 1.6 x 1.6 x 7 mm."""
    rows, columns = np.indices((60, 90))
    plane = np.full((60, 90), 3.0)
    for centre in (24, 66):
        plane += 100 * (np.hypot(rows - 30, columns - centre) < 19)
    texture = np.random.default_rng(3).uniform(0.4, 1.6, (slices, 60, 90))
    image = sitk.GetImageFromArray((plane * texture).astype(np.float32))
    image.SetSpacing((1.6, 1.6, 7.0))
    image.SetOrigin((-70.0, -50.0, 30.0))
    angle = np.deg2rad(10)
    image.SetDirection((np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle), 0, 0, 0, 1))
    return image


def stored(image: sitk.Image, axes: str) -> sitk.Image:
    """The same voxels with the axes in another order."""
    return sitk.DICOMOrient(image, axes)


def values(image: sitk.Image) -> np.ndarray:
    """The voxels in the order of the first of `STORED`."""
    return sitk.GetArrayFromImage(sitk.DICOMOrient(image, STORED[0]))


def list_sums(folder: Path, *names: str) -> None:
    """Write SHA256SUMS as `sha256sum` does."""
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))
