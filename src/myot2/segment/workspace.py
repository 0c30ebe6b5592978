"""The grid on which the network sees an image: subject axes, fixed pixel size, slices as they were acquired."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.errors import MyoT2Error

COARSEST_PIXEL_MM = 4.0
"""In-plane spacing above which thigh muscles cannot be told apart, or the volume is not axial at all."""

FINEST_SLICE_DISTANCE_MM = 3.0
"""Slices closer than this are averaged to it: the network was trained on slice distances from here to 26 mm."""


def orient(image: sitk.Image, *, where: str | Path) -> sitk.Image:
    """The same voxels with columns towards the subject's left, rows towards the back, slices towards the head.

    Parameters
    ----------
    image : SimpleITK.Image
        Three-dimensional, any order and direction of axes, oblique by at most 45 degrees.
    where : str or Path
        What an error message names.

    Raises
    ------
    MyoT2Error
        The image is not three-dimensional, or its pixels in the axial plane are larger than `COARSEST_PIXEL_MM`.
    """
    if image.GetDimension() != 3:
        raise MyoT2Error(
            expected="one volume (three dimensions)",
            found=f"{image.GetDimension()} dimensions",
            where=where,
            do="Give a single volume, for example one echo or the Dixon in-phase image.",
        )
    oriented = sitk.Cast(sitk.DICOMOrient(image, "LPS"), sitk.sitkFloat32)
    pixel = max(oriented.GetSpacing()[:2])
    if pixel > COARSEST_PIXEL_MM:
        raise MyoT2Error(
            expected=f"axial slices with pixels of at most {COARSEST_PIXEL_MM:g} mm",
            found=f"{pixel:.2f} mm in the axial plane",
            where=where,
            do="Give an axial series; coronal and sagittal thick slices cannot be segmented.",
        )
    return oriented


def to_workspace(oriented: sitk.Image, pixel_mm: float) -> sitk.Image:
    """Resample to square pixels of `pixel_mm`, anti-aliased; slices stay unless closer than the finest distance.

    Parameters
    ----------
    oriented : SimpleITK.Image
        As `orient` returns it, float.
    pixel_mm : float
        Side of the pixels the network was trained on.

    Returns
    -------
    SimpleITK.Image
        Float, same directions, covering the same field of view.
    """
    spacing = np.asarray(oriented.GetSpacing())
    target = np.array([pixel_mm, pixel_mm, max(spacing[2], FINEST_SLICE_DISTANCE_MM)])
    extent = np.asarray(oriented.GetSize()) * spacing
    size = np.maximum(np.round(extent / target), 1).astype(int)
    first_centre = (extent - (size - 1) * target - spacing) / 2
    # A box of the new pixel's width has this standard deviation; what the old pixel blurred already is taken off.
    sigma = np.sqrt(np.maximum(target**2 - spacing**2, 0) / 12) / spacing
    smooth = ndimage.gaussian_filter(sitk.GetArrayFromImage(oriented), sigma[::-1], mode="nearest")
    source = sitk.GetImageFromArray(smooth)
    source.CopyInformation(oriented)
    direction = np.reshape(oriented.GetDirection(), (3, 3))
    origin = np.asarray(oriented.GetOrigin()) + direction @ first_centre
    grid = sitk.Image([int(n) for n in size], sitk.sitkFloat32)
    grid.SetSpacing(target.tolist())
    grid.SetDirection(oriented.GetDirection())
    grid.SetOrigin(origin.tolist())
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(grid)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.UseNearestNeighborExtrapolatorOn()
    return resampler.Execute(source)


def normalise(values: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Scale to zero mean and unit standard deviation inside the body, robust against a few bright voxels.

    Parameters
    ----------
    values : ndarray of float, any shape
        Magnitudes in any unit.
    body : ndarray of bool, same shape
        The voxels that give mean and standard deviation, taken between their 0.5th and 99.5th percentiles.

    Returns
    -------
    ndarray of float32, same shape
        Clipped to -5..5.
    """
    inside = values[body] if body.any() else values
    low, high = np.percentile(inside, (0.5, 99.5))
    core = np.clip(inside, low, high)
    scaled = (values - core.mean()) / max(float(core.std()), 1e-6 * max(abs(float(high)), 1e-12), 1e-12)
    return np.clip(scaled, -5, 5).astype(np.float32)
