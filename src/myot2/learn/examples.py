"""What is learned from: an image of one limb as the network sees it, a mask, and which muscles were drawn in it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from myot2.core.images import array_of, image_like
from myot2.core.labels import LabelTable
from myot2.segment.inference import crop, crop_start, window
from myot2.segment.legs import Leg, body_mask, find_legs
from myot2.segment.model import ModelConfiguration
from myot2.segment.overlap import dice
from myot2.segment.workspace import orient, to_workspace

REDRAWN = 0.98
"""Dice with the model's own outline below which a person drew a structure anew."""


@dataclass(frozen=True)
class Example:
    """One limb of one person, on the network's grid.

    Attributes
    ----------
    person : str
        Whose it is; people, not limbs or slices, are what is counted and held out.
    name : str
        Of the scan and limb, such as sub-01_left.
    image : ndarray of float32, shape (slices, rows, columns)
        Normalised as at inference; columns towards the middle of the body.
    labels : ndarray of uint8, same shape
        The network's channel of each voxel; 0 is background or not annotated.
    annotated : ndarray of bool, shape (slices, channels)
        Which structures were drawn in a slice as far as they are there.
    labelled : ndarray of bool, shape (slices,)
        The slices that somebody worked on: those with a label of this limb.
    drawn : ndarray of bool, shape (channels,)
        The structures whose outlines do not come from the model that is to learn: on these it can be judged.
    """

    person: str
    name: str
    image: np.ndarray
    labels: np.ndarray
    annotated: np.ndarray
    labelled: np.ndarray
    drawn: np.ndarray

    def stack(self, number: int, context: int) -> np.ndarray:
        """A slice between its neighbours, the outermost repeated; shape (2 context + 1, rows, columns)."""
        near = np.clip(np.arange(number - context, number + context + 1), 0, len(self.image) - 1)
        return self.image[near]

    @property
    def judges(self) -> bool:
        """Whether there is a structure in it by which the model can be judged."""
        return bool(np.isin(self.labels, np.flatnonzero(self.drawn[1:]) + 1).any())

    def digest(self) -> str:
        """SHA-256 of all that is learned from."""
        content = hashlib.sha256(f"{self.person} {self.name} {self.image.shape}".encode())
        for values in (self.image, self.labels, self.annotated, self.labelled, self.drawn):
            content.update(np.ascontiguousarray(values).tobytes())
        return content.hexdigest()


def limbs_of(
    image: sitk.Image,
    labels: sitk.Image,
    configuration: ModelConfiguration,
    table: LabelTable,
    *,
    person: str,
    name: str,
    not_drawn: Collection[int] = (),
    made_by_model: sitk.Image | None = None,
    where: str | Path = "image",
) -> list[Example]:
    """The limbs of a scan that carry labels.

    What was drawn is told from the mask itself. A structure without any voxel in a limb was not annotated there: it may
    be outside the field, or nobody drew it, and the mask does not say which. A structure that is missing in a slice
    between two slices that have it was left out there. Beyond its first and last slice it has ended. Slices without any
    label of the limb were not worked on.

    Parameters
    ----------
    image : SimpleITK.Image
        Axial volume, any order of axes.
    labels : SimpleITK.Image
        Numbers of the label table, on the grid of the image.
    configuration : ModelConfiguration
    table : LabelTable
    person, name : str
        Of the examples; the limb's side is added to the name.
    not_drawn : collection of int
        Numbers of the label table that are known not to be annotated, as those that a rater rejected.
    made_by_model : SimpleITK.Image, optional
        The labels that a version of the model that is to learn had made, on the same grid (see `drawn_in`).
    where : str or Path
        What an error message names.

    Returns
    -------
    list of Example
        The subject's right limb first.

    Raises
    ------
    MyoT2Error
        The image is not axial, or shows one leg whose side neither coordinates nor labels tell.
    """
    oriented = orient(image, where=where)
    workspace = to_workspace(oriented, configuration.pixel_mm)
    values = array_of(workspace)
    body = body_mask(values)
    numbers = array_of(sitk.DICOMOrient(labels, "LPS"))
    own = None if made_by_model is None else array_of(sitk.DICOMOrient(made_by_model, "LPS"))
    legs = find_legs(body, workspace, where=where, side=_only_side(numbers, table))
    examples = []
    for leg in legs:
        channels = _channels_of(numbers, leg, configuration, table, not_drawn)
        if not channels.any():
            continue
        made = None if own is None else _channels_of(own, leg, configuration, table, not_drawn)
        seen = _labels_of(channels, oriented, leg, configuration)
        examples.append(
            Example(
                person=person,
                name=f"{name}_{leg.side}",
                image=crop(values, body, leg, configuration.crop_pixels),
                labels=seen,
                annotated=annotated_in(seen, len(configuration.structures) + 1),
                labelled=seen.any(axis=(1, 2)),
                drawn=drawn_in(channels, made, len(configuration.structures) + 1),
            )
        )
    return examples


def annotated_in(labels: np.ndarray, channels: int) -> np.ndarray:
    """Which channels were drawn in each slice of a limb, told from its labels (see `limbs_of`).

    Parameters
    ----------
    labels : ndarray of unsigned integer, shape (slices, rows, columns)
    channels : int

    Returns
    -------
    ndarray of bool, shape (slices, channels)
        Background, channel 0, everywhere.
    """
    present = np.stack([np.bincount(plane.ravel(), minlength=channels)[:channels] > 0 for plane in labels])
    worked = present[:, 1:].any(axis=1)
    drawn = np.zeros_like(present)
    drawn[:, 0] = True
    for channel in range(1, channels):
        at = np.flatnonzero(present[:, channel])
        if at.size:
            drawn[:, channel] = True
            drawn[at[0] : at[-1] + 1, channel] = present[at[0] : at[-1] + 1, channel]
    return drawn & (worked[:, None] | (np.arange(channels) == 0))


def drawn_in(labels: np.ndarray, made: np.ndarray | None, channels: int) -> np.ndarray:
    """Which channels of a limb's mask a person drew, not just accepted.

    Parameters
    ----------
    labels : ndarray of unsigned integer, any shape
        Channels of the mask.
    made : ndarray of unsigned integer, same shape, or None
        What a version of the model had made; None where the mask comes from elsewhere.
    channels : int

    Returns
    -------
    ndarray of bool, shape (channels,)
        A channel whose Dice with what the model had made is below `REDRAWN`, or all. Redrawing a muscle moves some
        voxels of its neighbours, which makes these no truth.
    """
    if made is None:
        return np.ones(channels, bool)
    agreement = [dice(labels == channel, made == channel) for channel in range(1, channels)]
    return np.array([False, *(value is not None and value < REDRAWN for value in agreement)])


def counts_of(examples: Sequence[Example], structures: Sequence[str]) -> dict[str, dict[str, int]]:
    """People and slices per structure: how many have voxels of it."""
    counts = {}
    for channel, structure in enumerate(structures, 1):
        slices = {one.name: int((one.labels == channel).any(axis=(1, 2)).sum()) for one in examples}
        people = {one.person for one in examples if slices[one.name]}
        counts[structure] = {"People": len(people), "Slices": sum(slices.values())}
    return counts


def digest_of(examples: Sequence[Example]) -> str:
    """SHA-256 of all examples, in whatever order they come."""
    return hashlib.sha256("\n".join(sorted(one.digest() for one in examples)).encode()).hexdigest()


def _only_side(numbers: np.ndarray, table: LabelTable) -> str | None:
    """The one side that the labels speak of, which tells a single leg's side; None where both or none."""
    found = set(np.unique(numbers).tolist())
    sides = {label.side for label in table.labels if label.index in found}
    return sides.pop() if len(sides) == 1 and sides <= {"left", "right"} else None


def _channels_of(
    numbers: np.ndarray, leg: Leg, configuration: ModelConfiguration, table: LabelTable, not_drawn: Collection[int]
) -> np.ndarray:
    """The network's channel of each voxel of one limb, on the image's own grid."""
    own = np.zeros(1 + max(int(numbers.max()), *table.indices()), np.uint8)
    for channel, structure in enumerate(configuration.structures, 1):
        for index in table.indices(name=structure, side=leg.side):
            own[index] = 0 if index in not_drawn else channel
    return own[numbers]


def _labels_of(channels: np.ndarray, oriented: sitk.Image, leg: Leg, configuration: ModelConfiguration) -> np.ndarray:
    """Channels on the network's grid: each voxel that which fills most of it, as labels are made in training."""
    first, pixels = crop_start(leg, configuration.crop_pixels), configuration.crop_pixels

    def share_of(channel: int) -> np.ndarray:
        """How much of each pixel of the crop a channel fills, 0-1."""
        mask = image_like((channels == channel).astype(np.float32), oriented)
        return window(array_of(to_workspace(mask, configuration.pixel_mm)), first, pixels)

    filled = share_of(0)
    labels = np.zeros(filled.shape, np.uint8)
    for channel in np.unique(channels[channels > 0]):
        share = share_of(int(channel))
        labels[share > filled] = channel
        filled = np.maximum(filled, share)
    return np.ascontiguousarray(labels[:, :, ::-1]) if leg.side == "left" else labels
