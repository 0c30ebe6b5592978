"""Rigid refinement: how far the legs moved between two series, by mutual information.

Method: Mattes et al. 2003 (doi:10.1109/TMI.2003.809072): mutual information in and closely around the muscles, a rigid
transform, from coarse to fine. Slices are few and thick, so images are thinned only within the slices, never across
them. Interpolation between slices smooths, which mutual information takes for a better match (Pluim et al. 2000, Comput
Vis Image Underst 77:211); both images are therefore smoothed across the slices first and interpolated by B-splines,
and where slices are thicker than `THICKEST_SLICE_MM` only motion within the slices is sought. The simplex search of
Nelder and Mead needs values only: the gradient that ITK offers for this measure led away from the optimum on real thick
slices. One thread and every voxel instead of random samples give the same result on every run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt

from myot2.core.images import affine_of, array_of, image_like

FEWEST_SLICES = 2
"""Fewer slices to compare cannot tell motion across the slices from motion within them."""

THICKEST_SLICE_MM = 10.0
"""Above this slice spacing only motion within the slices is sought."""

_SURROUNDINGS_MM = 10.0
_COARSE_MM, _FINE_MM = 6.0, 3.0
_SMOOTHING_SLICES = 0.8
_SHIFTS_SLICES = tuple(np.arange(-1.5, 1.51, 0.25))
_BINS = 40
_LEVER_MM = 50.0
_FROZEN = 1e6
_TOUCH = 0.01
_MOST_EVALUATIONS = 500


@dataclass(frozen=True)
class Limits:
    """What a refinement must achieve, and may do, to be kept.

    Attributes
    ----------
    gain : float
        Least relative rise of the mutual information.
    displacement_mm : float
        Largest mean displacement of the labelled voxels.
    rotation_deg : float
        Largest angle of rotation.
    """

    gain: float = 0.02
    displacement_mm: float = 20.0
    rotation_deg: float = 10.0


@dataclass(frozen=True)
class Refinement:
    """The outcome of a refinement.

    Attributes
    ----------
    transform : sitk.Euler3DTransform
        From points of the reference to points of the moving image (LPS mm); identity where it was not kept.
    kept : bool
        Whether the motion found is used.
    reason : str
        Why, or why not.
    information_before, information_after : float or None
        Mutual information (nats) by geometry alone and with the motion found.
    displacement_mm, rotation_deg : float or None
        Mean displacement of the labelled voxels and angle of rotation of the motion found, used or not.
    """

    transform: sitk.Euler3DTransform
    kept: bool
    reason: str
    information_before: float | None = None
    information_after: float | None = None
    displacement_mm: float | None = None
    rotation_deg: float | None = None


def refine(
    reference: sitk.Image,
    moving: sitk.Image,
    labels: sitk.Image,
    placed: sitk.Image,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
) -> Refinement:
    """Find the rigid motion between two series and decide whether to use it.

    Parameters
    ----------
    reference, moving : sitk.Image
        Three-dimensional images of the two series; contrast may differ.
    labels : sitk.Image
        The label map on the grid of `moving`.
    placed : sitk.Image
        The label map brought to the grid of `reference` by geometry alone.
    limits : Limits
        When the motion is kept.
    """
    identity = sitk.Euler3DTransform()
    frame, centre = _rotation_of(reference), _centre(placed)
    fixed, floating, region = (
        _in_frame(image, frame, centre)
        for image in (_normalised(reference), _normalised(moving), _surroundings(placed))
    )
    thick = max(reference.GetSpacing()[2], moving.GetSpacing()[2]) > THICKEST_SLICE_MM
    if not thick:
        region = _seen_after_motion(region, floating)
    compared = int(array_of(region).any(axis=(1, 2)).sum())
    if compared < FEWEST_SLICES:
        return Refinement(identity, False, f"{compared} slices of muscle seen by both series are too few to compare")
    with _one_thread():
        local = _motion(fixed, floating, region, in_plane=thick)
        before, after = (_information(fixed, floating, region, motion) for motion in (identity, local))
    found = _in_world(local, frame, centre)
    displacement, rotation = _mean_displacement(labels, found), _angle(found)
    reason = _objection(before, after, displacement, rotation, limits)
    return Refinement(
        transform=identity if reason else found,
        kept=not reason,
        reason=reason or "the match improves",
        information_before=before,
        information_after=after,
        displacement_mm=displacement,
        rotation_deg=rotation,
    )


def _objection(before: float, after: float, displacement: float, rotation: float, limits: Limits) -> str:
    """Why the motion found is not used; empty where it is."""
    if after < before + limits.gain * abs(before):
        return f"the match does not improve by {limits.gain:.1%}"
    if displacement > limits.displacement_mm:
        return f"a displacement of {displacement:.1f} mm is above the limit of {limits.displacement_mm:g} mm"
    if rotation > limits.rotation_deg:
        return f"a rotation of {rotation:.1f} degrees is above the limit of {limits.rotation_deg:g} degrees"
    return ""


def _motion(fixed: sitk.Image, moving: sitk.Image, region: sitk.Image, *, in_plane: bool) -> sitk.Euler3DTransform:
    """The motion with the best match; the third axis of both images is that across the slices.

    The match has side optima across the slices, where a whole slice leaves the common field; the best shift is
    therefore looked up along that axis before the search, which then takes small steps.
    """
    smoothing = 0.0 if in_plane else _SMOOTHING_SLICES
    coarse, fine = (
        [_averaged(image, pixel_mm, smoothing) for image in (fixed, moving)] for pixel_mm in (_COARSE_MM, _FINE_MM)
    )
    best = _search(*coarse, region, sitk.Euler3DTransform(), 6.0, in_plane=True)
    if not in_plane:
        shifts = [slices * fixed.GetSpacing()[2] for slices in _SHIFTS_SLICES]
        starts = [_shifted_across(best, shift) for shift in shifts]
        best = max(starts, key=lambda start: _information(*coarse, region, start))
        best = _search(*coarse, region, best, 2.0, in_plane=False)
    for _restart in range(2):
        best = _search(*fine, region, best, 1.0, in_plane=in_plane)
    return best


def _search(
    fixed: sitk.Image,
    moving: sitk.Image,
    region: sitk.Image,
    start: sitk.Euler3DTransform,
    step_mm: float,
    *,
    in_plane: bool,
) -> sitk.Euler3DTransform:
    """The motion that a simplex search from `start` with first steps of `step_mm` ends at."""
    motion = sitk.Euler3DTransform(start)
    registration = _registration(region)
    registration.SetOptimizerAsAmoeba(
        simplexDelta=step_mm,
        numberOfIterations=_MOST_EVALUATIONS,
        parametersConvergenceTolerance=step_mm / 30,
        functionConvergenceTolerance=1e-5,
    )
    across = _FROZEN if in_plane else 1.0
    registration.SetOptimizerScales([across * _LEVER_MM, across * _LEVER_MM, _LEVER_MM, 1.0, 1.0, across])
    registration.SetInitialTransform(motion, inPlace=True)
    registration.Execute(fixed, moving)
    return motion


def _shifted_across(motion: sitk.Euler3DTransform, shift_mm: float) -> sitk.Euler3DTransform:
    shifted = sitk.Euler3DTransform(motion)
    shifted.SetTranslation(np.array(motion.GetTranslation()) + [0.0, 0.0, shift_mm])
    return shifted


def _information(fixed: sitk.Image, moving: sitk.Image, region: sitk.Image, transform: sitk.Transform) -> float:
    """Mutual information (nats) of two images at full resolution."""
    registration = _registration(region)
    registration.SetInitialTransform(transform, inPlace=False)
    return -registration.MetricEvaluate(fixed, moving)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads differ in the last digit; a registration's own setting does not reach all of ITK."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _registration(region: sitk.Image) -> sitk.ImageRegistrationMethod:
    registration = sitk.ImageRegistrationMethod()
    registration.SetMetricAsMattesMutualInformation(numberOfHistogramBins=_BINS)
    registration.SetMetricSamplingStrategy(registration.NONE)
    registration.SetMetricFixedMask(region)
    registration.SetInterpolator(sitk.sitkBSpline2)
    return registration


def _normalised(image: sitk.Image) -> sitk.Image:
    """Intensities cut at their 0.5th and 99.5th percentile: vessels and noise spikes would take up the histogram."""
    values = np.nan_to_num(array_of(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    return image_like(np.clip(values, *np.percentile(values, [0.5, 99.5])), image)


def _averaged(image: sitk.Image, pixel_mm: float, smoothing_slices: float) -> sitk.Image:
    """The image averaged to pixels of about `pixel_mm` within its slices, and smoothed across them.

    Averaging keeps each pixel where it is; picking pixels (itk::ShrinkImageFilter) shifts by up to half a pixel.
    """
    across = (smoothing_slices * image.GetSpacing()[2]) ** 2
    smooth = sitk.DiscreteGaussian(image, [0.0, 0.0, across], useImageSpacing=True) if across else image
    return sitk.BinShrink(smooth, [max(1, round(pixel_mm / spacing)) for spacing in image.GetSpacing()[:2]] + [1])


def _surroundings(placed: sitk.Image) -> sitk.Image:
    """The muscles and what lies within `_SURROUNDINGS_MM` of them in their slice: their borders show motion best."""
    labelled = array_of(placed) > 0
    spacing = placed.GetSpacing()[1::-1]
    near = [
        distance_transform_edt(~part, sampling=spacing) <= _SURROUNDINGS_MM if part.any() else part for part in labelled
    ]
    return image_like(np.array(near, dtype=np.uint8), placed)


def _centre(placed: sitk.Image) -> np.ndarray:
    """The mean position (mm) of the labelled voxels."""
    index = np.array(np.nonzero(array_of(placed)))[::-1].mean(axis=1)
    return (affine_of(placed) @ [*index, 1.0])[:3]


def _seen_after_motion(region: sitk.Image, moving: sitk.Image) -> sitk.Image:
    """The region without slices that a shift by one slice takes out of the moving image.

    Where the set of compared voxels changes with the motion, mutual information jumps and has side optima.
    """
    values = array_of(region)
    across = np.linalg.inv(affine_of(moving))[2] @ affine_of(region)
    slices, rows, columns = np.nonzero(values)
    place = across @ np.stack([columns, rows, slices, np.ones_like(slices)])
    lost = (place < 1 - _TOUCH) | (place > moving.GetSize()[2] - 2 + _TOUCH)
    values[slices[lost], rows[lost], columns[lost]] = 0
    return image_like(values, region)


def _rotation_of(image: sitk.Image) -> np.ndarray:
    """The (3, 3) directions of an image's axes, orthonormal to double precision (NIfTI keeps single)."""
    left, _, right = np.linalg.svd(np.reshape(image.GetDirection(), (3, 3)))
    return left @ right


def _in_frame(image: sitk.Image, frame: np.ndarray, centre: np.ndarray) -> sitk.Image:
    """The image in coordinates whose axes are the columns of `frame` and whose origin is `centre`."""
    moved = sitk.Image(image)
    moved.SetDirection((frame.T @ np.reshape(image.GetDirection(), (3, 3))).ravel())
    moved.SetOrigin(frame.T @ (np.array(image.GetOrigin()) - centre))
    return moved


def _in_world(local: sitk.Euler3DTransform, frame: np.ndarray, centre: np.ndarray) -> sitk.Euler3DTransform:
    """A motion that was found in a frame, in world coordinates."""
    world = sitk.Euler3DTransform()
    world.SetCenter(centre)
    world.SetMatrix((frame @ np.reshape(local.GetMatrix(), (3, 3)) @ frame.T).ravel())
    world.SetTranslation(frame @ np.array(local.GetTranslation()))
    return world


def _mean_displacement(labels: sitk.Image, transform: sitk.Euler3DTransform) -> float:
    """Mean distance (mm) by which the labelled voxels move."""
    index = np.array(np.nonzero(array_of(labels)))[::-1]
    affine = affine_of(labels)
    moved = affine[:3, :3] @ index + affine[:3, 3:]
    matrix, centre = np.reshape(transform.GetMatrix(), (3, 3)), np.array(transform.GetCenter())[:, None]
    shift = np.array(transform.GetTranslation())[:, None]
    original = matrix.T @ (moved - centre - shift) + centre
    return float(np.linalg.norm(moved - original, axis=0).mean())


def _angle(transform: sitk.Euler3DTransform) -> float:
    """The angle of rotation in degrees, from the trace of the matrix."""
    cosine = (np.trace(np.reshape(transform.GetMatrix(), (3, 3))) - 1) / 2
    return math.degrees(math.acos(np.clip(cosine, -1, 1)))
