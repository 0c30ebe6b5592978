"""How ragged the outlines of muscles are."""

from __future__ import annotations

import math

import numpy as np
import SimpleITK as sitk


def roughness(labels: sitk.Image) -> dict[int, float]:
    """Squared perimeter against area, P^2 / (4 pi A), of every label, over all axial slices, weighted by area.

    1 is a disc, whatever its size; no figure has less (the isoperimetric inequality; its inverse is the circularity of
    Cox, J Paleontol 1927;1:179). A muscle's own shape decides how much more it has: about 1.1 for a round one, 2 for
    vastus lateralis, which is curved; so it is compared within one muscle. Perimeters are counted by Crofton's formula
    in four directions, pixel size and shape allowed for (Lehmann and Legland, Insight J 2012;
    `LabelShapeStatisticsImageFilter` of ITK); a disc of a radius of 10 pixels comes out as 1.07.

    Parameters
    ----------
    labels : SimpleITK.Image
        Unsigned integers, slices along the third axis.

    Returns
    -------
    dict
        Number of the label to its roughness, for the labels that occur.
    """
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.ComputePerimeterOn()
    squared: dict[int, float] = {}
    areas: dict[int, float] = {}
    occupied = np.flatnonzero(sitk.GetArrayViewFromImage(labels).any(axis=(1, 2)))
    for number in occupied.tolist():
        shape.Execute(labels[:, :, number])
        for label in shape.GetLabels():
            # area-weighted mean of P^2 / (4 pi A): the areas cancel in the numerator
            squared[label] = squared.get(label, 0.0) + shape.GetPerimeter(label) ** 2
            areas[label] = areas.get(label, 0.0) + shape.GetPhysicalSize(label)
    return {label: squared[label] / (4 * math.pi * areas[label]) for label in sorted(squared)}
