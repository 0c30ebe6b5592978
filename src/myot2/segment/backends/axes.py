"""One order of axes for every backend, so that labels do not depend on how the image is stored."""

from __future__ import annotations

from dataclasses import replace

import SimpleITK as sitk

from myot2.segment.backends.result import Labelled

AXES = "LPS"
"""Columns towards the subject's left, rows towards the back, slices towards the head: an axial DICOM series as read."""


def turned(image: sitk.Image) -> sitk.Image:
    """The same voxels with the axes in the order and direction of `AXES`."""
    return sitk.DICOMOrient(image, AXES)


def turned_back(result: Labelled, image: sitk.Image) -> Labelled:
    """What was found on a turned image, on the grid of the image itself."""
    confidence = result.evidence.confidence and _like(result.evidence.confidence, image)
    return replace(result, labels=_like(result.labels, image), evidence=replace(result.evidence, confidence=confidence))


def _like(turned_image: sitk.Image, image: sitk.Image) -> sitk.Image:
    axes = sitk.DICOMOrientImageFilter().GetOrientationFromDirectionCosines(image.GetDirection())
    back = sitk.DICOMOrient(turned_image, axes)
    back.CopyInformation(image)  # turning twice rounds the origin
    return back
