"""Label maps of the NIST/ISMRM relaxometry phantom: spheres of known T2, found by registration of a template image.

Stupic KF et al., A standard system phantom for magnetic resonance imaging, Magn Reson Med 2021;86:1194. The sphere
positions are given in a template image of the same plate; a rigid registration in the plane carries them to a scan.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like

RADIUS_MM = 5.0
"""Radius of a region: well inside the spheres' inner radius of 7.5 mm."""

_EDGE_MM = 2.0
_LEAST_MATCH = 0.5


def label_spheres(
    image: sitk.Image, template: sitk.Image, spheres: Mapping[int, tuple[float, float]], *, radius_mm: float = RADIUS_MM
) -> sitk.Image:
    """Label each sphere of a plate in a scan of one slice.

    Parameters
    ----------
    image, template : sitk.Image
        One slice each (three dimensions, the last of size 1), of the same plate. The contrast may differ.
    spheres : mapping
        Label number to (row, column) of the sphere's centre in the template's voxels.
    radius_mm : float
        Radius of each circular region.

    Returns
    -------
    sitk.Image
        8-bit label map on the grid of `image`.

    Raises
    ------
    MyoT2Error
        An image has more than one slice, or the two do not show the same plate (correlation of edges below 0.5).
    """
    transform = _register(_plane(template, "the template"), _plane(image, "the scan"))
    template_plane, image_plane = template[:, :, 0], image[:, :, 0]
    column_mm, row_mm = image_plane.GetSpacing()
    rows, columns = np.indices(array_of(image_plane).shape)
    labels = np.zeros((1, *rows.shape), dtype=np.uint8)
    for label, (row, column) in spheres.items():
        centre = (column * template_plane.GetSpacing()[0], row * template_plane.GetSpacing()[1])
        x, y = transform.TransformPoint(centre)
        labels[0, np.hypot(columns * column_mm - x, rows * row_mm - y) < radius_mm] = label
    return image_like(labels, image)


def _plane(image: sitk.Image, what: str) -> sitk.Image:
    """The edges of a slice in its own plane, its first voxel at the origin: scanners shift the phantom freely."""
    if image.GetDimension() != 3 or image.GetSize()[2] != 1:
        raise MyoT2Error(
            expected="one slice",
            found=f"an image of size {image.GetSize()}",
            where=what,
            do="Give the slice through the plate.",
        )
    plane = sitk.Cast(image[:, :, 0], sitk.sitkFloat32)
    plane.SetOrigin((0.0, 0.0))
    plane.SetDirection((1.0, 0.0, 0.0, 1.0))
    return sitk.GradientMagnitudeRecursiveGaussian(plane, _EDGE_MM)


def _register(fixed: sitk.Image, moving: sitk.Image) -> sitk.Transform:
    """Rotation and shift in the plane from `fixed` to `moving`, by correlation of edges."""
    transform = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler2DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsCorrelation()
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetOptimizerAsRegularStepGradientDescent(learningRate=1.0, minStep=1e-4, numberOfIterations=200)
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetNumberOfThreads(1)
    registration.SetInitialTransform(transform, inPlace=True)
    registration.Execute(fixed, moving)
    match = -registration.GetMetricValue()
    if match < _LEAST_MATCH:
        raise MyoT2Error(
            expected=f"a scan of the template's plate (correlation of edges at least {_LEAST_MATCH})",
            found=f"a correlation of {match:.2f}",
            where="the scan",
            do="Check the plate number and the slice position.",
        )
    return transform
