"""From an image to label probabilities and labels on the image's own grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

from myot2.core.images import array_of, image_like, require_same_grid
from myot2.core.labels import LabelTable
from myot2.segment.borders import Borders, by_image
from myot2.segment.cleaning import clean
from myot2.segment.legs import Leg, body_mask, find_legs
from myot2.segment.model import Model
from myot2.segment.votes import entropy, vote
from myot2.segment.workspace import normalise, orient, to_workspace

LEAST_AGREEMENT = 0.85
"""Overall agreement of the votes on a limb below which it is no thigh, but a calf, an arm or a trunk."""

NATIVE_SLICES = 8
"""Slices of the image that are labelled at once; bounds the memory."""


@dataclass(frozen=True)
class Segmentation:
    """Labels of an image and what the network thought of them.

    Attributes
    ----------
    labels : SimpleITK.Image
        Unsigned 8-bit, on the grid of the input image; numbers of the label table, 0 background.
    confidence : SimpleITK.Image
        Float, same grid: the probability of the label each voxel was given (0-1), after the image was asked at borders;
        that of background included.
    entropy : SimpleITK.Image
        Float, same grid: how undecided the network was between all labels, 0 not at all, 1 wholly; 0 in air.
    agreement : dict of int to float or None
        Per label number of the legs in the field: mean Dice of all pairs of votes (see `myot2.segment.votes`), None
        where no vote has the label.
    sides : tuple of str
        The thighs that were found; none where the image shows no leg.
    foreign_sides : tuple of str
        Limbs that do not look like a thigh; nothing is labelled there.
    cropped_sides : tuple of str
        Those whose muscles reach the edge of the network's field, so that something may be cut off.
    borders : Borders
        What the image said where the network was in doubt.
    """

    labels: sitk.Image
    confidence: sitk.Image
    entropy: sitk.Image
    agreement: dict[int, float | None]
    sides: tuple[str, ...]
    foreign_sides: tuple[str, ...]
    cropped_sides: tuple[str, ...]
    borders: Borders


def segment_image(
    image: sitk.Image,
    model: Model,
    table: LabelTable,
    *,
    threads: int,
    side: str | None = None,
    water: sitk.Image | None = None,
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
    water : SimpleITK.Image, optional
        The Dixon water image of the same scan on the same grid, which is asked at borders in place of `image`.
    where : str or Path
        What an error message names.

    Returns
    -------
    Segmentation

    Raises
    ------
    MyoT2Error
        The image is not axial, or shows one leg whose side cannot be told, or water lies on another grid.
    """
    torch.set_num_threads(threads)
    oriented = orient(image, where=where)
    if water is not None:
        require_same_grid(image, water, where=where, what="water and the image that is labelled")
    asked = oriented if water is None else orient(water, where=where)
    workspace = to_workspace(oriented, model.configuration.pixel_mm)
    values = array_of(workspace)
    body = body_mask(values)
    legs = find_legs(body, workspace, where=where, side=side)
    result = _Result.empty(oriented.GetSize()[::-1])
    agreement: dict[int, float | None] = {}
    foreign, cropped = [], []
    for leg in legs:
        numbers = np.array([0, *(table.index(name, leg.side) for name in model.configuration.structures)], np.uint8)
        votes = vote(crop(values, body, leg, model.configuration.crop_pixels), model)
        if votes.overall_agreement < LEAST_AGREEMENT:
            foreign.append(leg.side)
            continue
        probabilities = votes.probabilities[..., ::-1] if leg.side == "left" else votes.probabilities
        first = crop_start(leg, model.configuration.crop_pixels)
        for region, native in to_native(probabilities, workspace, first, oriented):
            result.enter(region, native, numbers)
        agreed = [None if np.isnan(value) else round(float(value), 4) for value in votes.agreement]
        agreement.update(zip(numbers[1:].tolist(), agreed[1:], strict=True))
        if _touches_edge(probabilities):
            cropped.append(leg.side)
    inside, spacing_mm = _on_grid(body, workspace, oriented), oriented.GetSpacing()[::-1]
    muscle = np.isin(result.structure, table.muscle_indices())
    foreground, borders = by_image(array_of(asked), result.foreground, muscle, inside, spacing_mm[1:])
    labels, confidence = result.decided(foreground)
    return Segmentation(
        labels=_back(image_like(clean(labels, inside, spacing_mm), oriented), image),
        confidence=_back(image_like(confidence, oriented), image),
        entropy=_back(image_like(result.entropy, oriented), image),
        agreement=agreement,
        sides=tuple(leg.side for leg in legs if leg.side not in foreign),
        foreign_sides=tuple(foreign),
        cropped_sides=tuple(cropped),
        borders=borders,
    )


@dataclass(frozen=True)
class _Result:
    """What the network says on the oriented grid, filled leg by leg.

    Attributes
    ----------
    foreground : ndarray of float32
        Probability of any structure.
    structure : ndarray of uint8
        Number of the likeliest structure.
    share : ndarray of float32
        That structure's part of the probability of any.
    entropy : ndarray of float32
    """

    foreground: np.ndarray
    structure: np.ndarray
    share: np.ndarray
    entropy: np.ndarray

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> _Result:
        return cls(*(np.zeros(shape, kind) for kind in (np.float32, np.uint8, np.float32, np.float32)))

    def enter(self, region: tuple[slice, ...], probabilities: np.ndarray, numbers: np.ndarray) -> None:
        """Enter one leg's part; where two legs' fields overlap, the one that is surer of a structure counts."""
        foreground = 1 - probabilities[0]
        take = foreground > self.foreground[region]
        channel = 1 + probabilities[1:].argmax(axis=0)
        share = probabilities[1:].max(axis=0) / np.maximum(probabilities[1:].sum(axis=0), np.float32(1e-9))
        for field, value in ((self.foreground, foreground), (self.structure, numbers[channel]), (self.share, share)):
            field[region] = np.where(take, value, field[region])
        self.entropy[region] = np.maximum(self.entropy[region], entropy(probabilities))

    def decided(self, foreground: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels and their probability: first whether it is anything, and then what (see `myot2.segment.votes.decide`).

        Between two muscles neither alone need be likelier than background.
        """
        anything = foreground >= 0.5
        labels = np.where(anything, self.structure, 0).astype(np.uint8)
        return labels, np.where(anything, foreground * self.share, 1 - foreground).astype(np.float32)


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
    field, mask = window(values * own, first, pixels), window(body & own, first, pixels)
    normalised = normalise(field, mask)
    return np.ascontiguousarray(normalised[:, :, ::-1]) if leg.side == "left" else normalised


def window(values: np.ndarray, first: tuple[int, int], pixels: int) -> np.ndarray:
    """A square of rows and columns from `first` on, zero where it leaves the array."""
    ends = zip(first, values.shape[1:], strict=True)
    margins = [(0, 0), *((max(-start, 0), max(start + pixels - size, 0)) for start, size in ends)]
    padded = np.pad(values, margins)
    row, column = (max(start, 0) for start in first)
    return padded[:, row : row + pixels, column : column + pixels]


def to_native(
    probabilities: np.ndarray, workspace: sitk.Image, first: tuple[int, int], native: sitk.Image
) -> Iterator[tuple[tuple[slice, slice, slice], np.ndarray]]:
    """Interpolate probabilities linearly to the native grid, a few slices at a time.

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

    Yields
    ------
    region : tuple of slice
        A part of the native array (slice, row, column) that the crop covers.
    probabilities : ndarray of float32, shape (channels, *region)
    """
    start = np.asarray(workspace.TransformPhysicalPointToContinuousIndex(native.GetOrigin()))[::-1] - (0, *first)
    step = np.asarray(native.GetSpacing())[::-1] / np.asarray(workspace.GetSpacing())[::-1]
    depth, *plane = native.GetSize()[::-1]
    heights = start[0] + step[0] * np.arange(depth)
    positions, region = [], []
    for axis, size in enumerate(plane, 1):
        position = start[axis] + step[axis] * np.arange(size)
        # Half a pixel beyond the outermost centres still belongs to the field; all slices do.
        inside = np.flatnonzero((position >= -0.5) & (position <= probabilities.shape[axis + 1] - 0.5))
        if not inside.size:
            return
        positions.append(position[inside[0] : inside[-1] + 1])
        region.append(slice(int(inside[0]), int(inside[-1]) + 1))
    for top in range(0, depth, NATIVE_SLICES):
        slices = slice(top, min(top + NATIVE_SLICES, depth))
        part = _interpolate(probabilities, heights[slices], axis=1)
        for axis, position in enumerate(positions, 2):
            part = _interpolate(part, position, axis)
        yield (slices, *region), part


def _interpolate(values: np.ndarray, position: np.ndarray, axis: int) -> np.ndarray:
    """Linear interpolation at index positions along one axis; beyond the ends the last value holds."""
    position = np.clip(position, 0, values.shape[axis] - 1)
    low = np.minimum(np.floor(position + 1e-9).astype(int), max(values.shape[axis] - 2, 0))
    high = np.minimum(low + 1, values.shape[axis] - 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = (position - low).reshape(shape).astype(np.float32)
    return values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight


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
