"""A label map on another grid, by the share of each voxel that each label covers.

Slices are thick and have gaps, so the nearest label at a voxel's centre says little about the voxel. Each voxel of the
reference is therefore sampled over its true extent: in the plane the pixel, through the plane the slice thickness
without the gap. A sample takes the label of the source slab in which it lies, or of the nearest slab where it falls
into a gap. The voxel gets the label with the largest share if all labels together reach `minimum_fraction`; judged
label by label, a voxel on the border between two muscles would belong to neither. Bone stands apart: muscle is placed
as though bone were background, and bone where no muscle comes to lie, so that muscles are the same voxels whether or
not somebody labelled the femur between them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from myot2.align.sampling import (
    EDGE,
    apply,
    box_around,
    field_of,
    index_map,
    indices,
    nearest_voxels,
    point_map,
    sample_offsets,
    share_outside,
)
from myot2.core.errors import MyoT2Error
from myot2.core.images import array_of, image_like, same_grid

MINIMUM_FRACTION = 0.5

_CHUNK = 65536


@dataclass(frozen=True)
class Resampled:
    """A label map on the reference grid, and what of it could not be seen.

    Attributes
    ----------
    labels : sitk.Image
        Whole numbers of the source's type on the reference grid; 0 outside the source's field.
    reference_outside_share : float
        Share (0-1) of the reference's voxels whose centre lies outside the field of the label map.
    labels_outside_share : float
        Share (0-1) of the labelled source voxels, bone aside, whose centre lies outside the field of the reference.
    """

    labels: sitk.Image
    reference_outside_share: float
    labels_outside_share: float


def resample_labels(
    labels: sitk.Image,
    reference: sitk.Image,
    transform: sitk.Transform | None = None,
    *,
    label_thickness_mm: float | None = None,
    reference_thickness_mm: float | None = None,
    minimum_fraction: float = MINIMUM_FRACTION,
    bone: Collection[int] = (),
    where: str = "label map",
) -> Resampled:
    """Bring a label map to the grid of another image.

    Parameters
    ----------
    labels : sitk.Image
        Three-dimensional, whole numbers, 0 = no label.
    reference : sitk.Image
        Three-dimensional; only its grid is used.
    transform : sitk.Transform, optional
        Rigid or affine, from points of the reference to points of the label map (as ITK does); None is identity.
    label_thickness_mm, reference_thickness_mm : float, optional
        Slice thickness without gap; None is the slice spacing.
    minimum_fraction : float
        In (0, 1]: the share of a voxel that all labels together must cover. A tie goes to the smaller label number.
    bone : collection of int
        Label numbers that stand apart from the others.
    where : str
        The file to name in an error.

    Raises
    ------
    MyoT2Error
        The label map is empty, or no voxel of the reference gets a label; bone alone does not count.
    """
    source = array_of(labels)
    muscle = without(source, bone)
    if not muscle.any():
        raise _nothing(
            "a label map with at least one labelled voxel",
            "only bone" if source.any() else "only background",
            "Check the segmentation.",
            where,
        )
    to_label = index_map(reference, labels, transform)
    label_field = field_of(labels, label_thickness_mm)
    labelled = np.stack(np.nonzero(source)[::-1])
    of_muscle = np.stack(np.nonzero(muscle)[::-1])
    lost = share_outside(of_muscle, np.linalg.inv(to_label), field_of(reference, reference_thickness_mm))
    if np.allclose(point_map(transform), np.eye(4), atol=1e-12) and same_grid(labels, reference):
        return Resampled(image_like(source, reference), 0.0, 0.0)
    unseen = share_outside(indices(reference.GetSize()), to_label, label_field)
    offsets = sample_offsets(to_label, reference, reference_thickness_mm)
    near = box_around(labelled, np.linalg.inv(to_label), reference.GetSize())
    result = np.zeros(reference.GetSize()[::-1], dtype=source.dtype)
    for start in range(0, near.shape[1], _CHUNK):
        index = near[:, start : start + _CHUNK]
        samples = _samples(source, apply(to_label, index), offsets @ to_label[:3, :3].T, label_field)
        result[index[2], index[1], index[0]] = _winner(samples, minimum_fraction, bone)
    if not without(result, bone).any():
        raise _nothing(
            "labels inside the field of the reference image",
            "no voxel of it with enough of a label",
            "Check that both series show the same part of the same person in one frame of reference.",
            where,
        )
    return Resampled(image_like(result, reference), unseen, lost)


def without(labels: np.ndarray, numbers: Collection[int]) -> np.ndarray:
    """Labels of any shape with 0 in place of given numbers."""
    return np.where(np.isin(labels, list(numbers)), labels.dtype.type(0), labels)


def _samples(source: np.ndarray, centres: np.ndarray, shifts: np.ndarray, field: np.ndarray) -> np.ndarray:
    """Labels at `centres` (3, voxels) moved by each of `shifts` (samples, 3), source indices; 0 outside the field."""
    samples = np.zeros((len(shifts), centres.shape[1]), dtype=source.dtype)
    for sample, shift in zip(samples, shifts, strict=True):
        flat, inside = nearest_voxels(centres, shift, source.shape, field)
        np.multiply(source.ravel()[flat], inside, out=sample)
    return samples


def _winner(samples: np.ndarray, minimum_fraction: float, bone: Collection[int]) -> np.ndarray:
    """The label of each voxel from its samples, shape (samples, voxels): bone where it is of no muscle."""
    of_bone = np.isin(samples, list(bone))
    if not of_bone.any():
        return _largest(samples, minimum_fraction)
    muscle, bones = (
        _largest(np.where(kept, samples, samples.dtype.type(0)), minimum_fraction) for kept in (~of_bone, of_bone)
    )
    return np.where(muscle > 0, muscle, bones)


def _largest(samples: np.ndarray, minimum_fraction: float) -> np.ndarray:
    """The label with the largest share of each voxel, from its samples, shape (samples, voxels)."""
    result = samples[0].copy()
    mixed = np.flatnonzero((samples != result).any(axis=0))
    if not mixed.size:
        return result
    samples = samples[:, mixed]
    present = np.unique(samples[samples > 0])
    counts = np.stack([(samples == label).sum(axis=0) for label in present])
    enough = counts.sum(axis=0) >= minimum_fraction * len(samples) - EDGE
    result[mixed] = np.where(enough, present[counts.argmax(axis=0)], 0)
    return result


def _nothing(expected: str, found: str, do: str, where: str) -> MyoT2Error:
    return MyoT2Error(expected=expected, found=found, where=where, do=do)
