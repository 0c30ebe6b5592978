"""From an image to label probabilities and labels on the image's own grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from monai.inferers.utils import sliding_window_inference

from myot2.core.images import array_of, image_like
from myot2.core.labels import LabelTable
from myot2.segment.cleaning import clean
from myot2.segment.legs import Leg, body_mask, find_legs
from myot2.segment.model import Model
from myot2.segment.workspace import normalise, orient, to_workspace

SLAB_OVERLAP = 0.5
"""Share of a slab that the next one sees again, where the volume has more slices than a slab."""


@dataclass(frozen=True)
class Segmentation:
    """Labels of an image and what the network thought of them.

    Attributes
    ----------
    labels : SimpleITK.Image
        Unsigned 8-bit, on the grid of the input image; numbers of the label table, 0 background.
    confidence : SimpleITK.Image
        Float, same grid: the probability of the label each voxel was given (0-1); that of background included.
    sides : tuple of str
        The legs that were found.
    cropped_sides : tuple of str
        Those whose muscles reach the edge of the network's field, so that something may be cut off.
    """

    labels: sitk.Image
    confidence: sitk.Image
    sides: tuple[str, ...]
    cropped_sides: tuple[str, ...]


def segment_image(
    image: sitk.Image,
    model: Model,
    table: LabelTable,
    *,
    threads: int,
    side: str | None = None,
    where: str | Path = "image",
) -> Segmentation:
    """Label the thigh muscles of an axial volume.

    Parameters
    ----------
    image : SimpleITK.Image
        Axial in-phase, water, T1- or T2-weighted volume, any order of axes.
    model : Model
        As `load_model` gives it.
    table : LabelTable
        Gives the numbers of the labels.
    threads : int
        Threads of the network's arithmetic.
    side : str, optional
        The side of the only leg in the field, where coordinates cannot tell.
    where : str or Path
        What an error message names.

    Returns
    -------
    Segmentation

    Raises
    ------
    MyoT2Error
        The image is not axial, shows no leg, or one leg whose side cannot be told.
    """
    torch.set_num_threads(threads)
    oriented = orient(image, where=where)
    workspace = to_workspace(oriented, model.configuration.pixel_mm)
    values = array_of(workspace)
    body = body_mask(values)
    legs = find_legs(body, workspace, where=where, side=side)
    labels = np.zeros(oriented.GetSize()[::-1], np.uint8)
    confidence = np.ones(labels.shape, np.float32)
    cropped = []
    for leg in legs:
        probabilities = leg_probabilities(values, body, leg, model)
        numbers = [0, *(table.index(name, leg.side) for name in model.configuration.muscles)]
        first = crop_start(leg, model.configuration.crop_pixels)
        _enter(labels, confidence, np.array(numbers, np.uint8), *to_native(probabilities, workspace, first, oriented))
        if _touches_edge(probabilities):
            cropped.append(leg.side)
    cleaned = clean(labels, _on_grid(body, workspace, oriented), oriented.GetSpacing()[::-1])
    return Segmentation(
        labels=_back(image_like(cleaned, oriented), image),
        confidence=_back(image_like(confidence, oriented), image),
        sides=tuple(leg.side for leg in legs),
        cropped_sides=tuple(cropped),
    )


def crop_start(leg: Leg, pixels: int) -> tuple[int, int]:
    """Row and column, maybe negative, of the first pixel of the square crop around a leg."""
    return leg.centre[0] - pixels // 2, leg.centre[1] - pixels // 2


def crop(values: np.ndarray, body: np.ndarray, leg: Leg, pixels: int) -> np.ndarray:
    """The network's input for one leg: normalised, the other leg's half empty, a left leg mirrored.

    Parameters
    ----------
    values : ndarray of float, shape (slices, rows, columns)
        Magnitudes on the workspace grid.
    body : ndarray of bool, same shape
    leg : Leg
    pixels : int
        Rows and columns of the result.

    Returns
    -------
    ndarray of float32, shape (slices, pixels, pixels)
        Columns towards the middle of the body for either leg.
    """
    own = np.zeros(values.shape[2], bool)
    own[leg.first_column : leg.last_column] = True
    first = crop_start(leg, pixels)
    field, mask = _window(values * own, first, pixels), _window(body & own, first, pixels)
    normalised = normalise(field, mask)
    return np.ascontiguousarray(normalised[:, :, ::-1]) if leg.side == "left" else normalised


def _window(values: np.ndarray, first: tuple[int, int], pixels: int) -> np.ndarray:
    """A square of rows and columns from `first` on, zero where it leaves the array."""
    ends = zip(first, values.shape[1:], strict=True)
    margins = [(0, 0), *((max(-start, 0), max(start + pixels - size, 0)) for start, size in ends)]
    padded = np.pad(values, margins)
    row, column = (max(start, 0) for start in first)
    return padded[:, row : row + pixels, column : column + pixels]


def leg_probabilities(values: np.ndarray, body: np.ndarray, leg: Leg, model: Model) -> np.ndarray:
    """Probabilities (channels, slices, pixels, pixels) on a leg's crop, columns towards the subject's left."""
    probabilities = predict(crop(values, body, leg, model.configuration.crop_pixels), model)
    return np.ascontiguousarray(probabilities[..., ::-1]) if leg.side == "left" else probabilities


def predict(field: np.ndarray, model: Model) -> np.ndarray:
    """Softmax probabilities for one leg.

    Parameters
    ----------
    field : ndarray of float32, shape (slices, pixels, pixels)
        As `crop` gives it.
    model : Model

    Returns
    -------
    ndarray of float32, shape (channels, slices, pixels, pixels)
        Channel 0 is background. Longer stacks than a slab are predicted in overlapping slabs and blended.
    """
    slices = field.shape[0]
    configuration = model.configuration
    # Shorter stacks are continued by their outermost slices, as in training.
    lacking = max(configuration.slab_slices - slices, 0)
    padded = np.pad(field, ((lacking // 2, lacking - lacking // 2), (0, 0), (0, 0)), mode="edge")
    with torch.inference_mode():
        result = sliding_window_inference(
            torch.from_numpy(padded)[None, None],
            roi_size=(configuration.slab_slices, configuration.crop_pixels, configuration.crop_pixels),
            sw_batch_size=1,
            predictor=lambda slab: torch.softmax(model.network(slab), dim=1),
            overlap=(SLAB_OVERLAP, 0.0, 0.0),
            mode="gaussian",
        )
    probabilities = result[0].numpy()[:, lacking // 2 : lacking // 2 + slices]
    return probabilities / probabilities.sum(axis=0, keepdims=True)


def to_native(
    probabilities: np.ndarray, workspace: sitk.Image, first: tuple[int, int], native: sitk.Image
) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice, slice]]:
    """Interpolate probabilities linearly to the native grid, then decide: muscle or not, and which muscle.

    Parameters
    ----------
    probabilities : ndarray, shape (channels, slices, pixels, pixels)
        On the crop, columns towards the subject's left.
    workspace : SimpleITK.Image
        The grid that the crop was taken from; its axes are those of `native`.
    first : tuple of int
        Row and column of the crop's first pixel in the workspace.
    native : SimpleITK.Image
        The oriented image.

    Returns
    -------
    channel : ndarray of int
        Background where that has more than half the probability, else the likeliest muscle; in the part of the native
        grid that the crop covers.
    probability : ndarray of float32
        Its probability.
    region : tuple of slice
        Where that part lies in the native array (slice, row, column).
    """
    start = np.asarray(workspace.TransformPhysicalPointToContinuousIndex(native.GetOrigin()))[::-1] - (0, *first)
    step = np.asarray(native.GetSpacing())[::-1] / np.asarray(workspace.GetSpacing())[::-1]
    region = []
    for axis, size in enumerate(native.GetSize()[::-1]):
        position = start[axis] + step[axis] * np.arange(size)
        # Half a pixel beyond the outermost centres still belongs to the field; all slices do.
        margin = np.inf if axis == 0 else 0.5
        inside = np.flatnonzero((position >= -margin) & (position <= probabilities.shape[axis + 1] - 1 + margin))
        if not inside.size:
            raise ValueError("the crop lies outside the native grid")
        region.append(slice(int(inside[0]), int(inside[-1]) + 1))
        probabilities = _interpolate(probabilities, position[region[-1]], axis + 1)
    # Is it muscle, and then which: between two muscles neither alone need be likelier than background.
    channel = np.where(probabilities[0] > 0.5, 0, 1 + probabilities[1:].argmax(axis=0))
    certain = np.take_along_axis(probabilities, channel[None], axis=0)[0]
    return channel, certain.astype(np.float32), tuple(region)


def _interpolate(values: np.ndarray, position: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation at index positions along one axis; beyond the ends the last value holds."""
    position = np.clip(position, 0, values.shape[axis] - 1)
    low = np.minimum(np.floor(position + 1e-9).astype(int), max(values.shape[axis] - 2, 0))
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = (position - low).reshape(shape).astype(np.float32)
    return values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight


def _enter(
    labels: np.ndarray,
    confidence: np.ndarray,
    numbers: np.ndarray,
    channel: np.ndarray,
    certain: np.ndarray,
    region: tuple[slice, slice, slice],
) -> None:
    """Write one leg's result into the volume; a muscle wins over background, the surer muscle over the less sure."""
    vacant = labels[region] == 0
    take = np.where(channel > 0, vacant | (certain > confidence[region]), vacant)
    labels[region] = np.where(take, numbers[channel], labels[region])
    confidence[region] = np.where(take, certain, confidence[region])


def _touches_edge(probabilities: np.ndarray) -> bool:
    """Whether muscle reaches the border of the crop in rows or columns."""
    muscle = probabilities[0] < 0.5
    return bool(muscle[:, [0, -1], :].any() or muscle[:, :, [0, -1]].any())


def _on_grid(mask: np.ndarray, source: sitk.Image, target: sitk.Image) -> np.ndarray:
    """A mask on another grid, nearest neighbour."""
    image = image_like(mask.astype(np.uint8), source)
    return array_of(sitk.Resample(image, target, sitk.Transform(), sitk.sitkNearestNeighbor)).astype(bool)


def _back(oriented: sitk.Image, image: sitk.Image) -> sitk.Image:
    """The voxels of an oriented image in the order of axes of the original."""
    result = sitk.Resample(oriented, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    result.CopyInformation(image)
    return result
