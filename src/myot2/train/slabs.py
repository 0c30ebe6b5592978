"""Slabs of class codes: slices at random positions and distances, bent, turned and scaled at random."""

from __future__ import annotations

import math

import numpy as np
import torch
from monai.transforms import Rand2DElastic
from monai.utils import convert_to_tensor

from myot2.train.recipe import Geometry, Network, Population

IN_PLANE_SAMPLES = 2
"""Sub-samples per pixel along rows and columns; their mean is the partial volume."""

SLICE_SAMPLES = 2
"""Sub-samples through a slice."""


class SlabMaker:
    """Cuts random slabs out of kept volumes (see `myot2.train.population`).

    Parameters
    ----------
    network : Network
        Pixels of a slab.
    population : Population
        Sampling of the kept volumes.
    geometry : Geometry
        Ranges of the deformation.
    """

    def __init__(self, network: Network, population: Population, geometry: Geometry):
        self.network, self.population, self.geometry = network, population, geometry
        kept = population.in_plane_mm
        fine = network.pixel_mm / IN_PLANE_SAMPLES / kept
        turn = math.radians(geometry.rotate_degrees)
        shift = geometry.translate_mm / kept
        stretch = (fine * (1 - geometry.scale) - 1, fine * (1 + geometry.scale) - 1)
        spacing = geometry.elastic_spacing_mm / kept / fine
        self._bend = Rand2DElastic(
            spacing=(spacing, spacing),
            magnitude_range=(0.0, geometry.elastic_mm / kept / fine),
            prob=1.0,
            rotate_range=(turn,),
            shear_range=(geometry.shear, geometry.shear),
            translate_range=(shift, shift),
            scale_range=(stretch, stretch),
            spatial_size=(network.crop_pixels * IN_PLANE_SAMPLES,) * 2,
            mode="nearest",
            padding_mode="zeros",
        )

    def draw(
        self, volume: np.ndarray, wanted: int, rng: np.random.Generator, holds: np.ndarray | None = None
    ) -> torch.Tensor:
        """Draw a slab.

        Parameters
        ----------
        volume : ndarray of uint8, shape (slices, rows, columns)
            Class codes of one thigh.
        wanted : int
            Slices of the slab.
        rng : numpy.random.Generator
        holds : ndarray of bool, shape (muscles, slices), optional
            Which slices of the volume hold each muscle; a share of the slabs is laid about one muscle, each as likely,
            so that short ones are seen.

        Returns
        -------
        torch.Tensor of uint8, shape (slices, samples, rows * samples, columns * samples)
            Class codes of the sub-samples.
        """
        slices, heights = self._slice_positions(volume.shape[0], wanted, rng, holds)
        tilt = rng.uniform(-self.geometry.tilt, self.geometry.tilt, 2) / self.population.in_plane_mm
        chosen = _centred(_tilted(volume[slices.ravel()], heights.ravel()[:, None] * tilt))
        self._bend.set_random_state(seed=int(rng.integers(2**31)))
        bent = self._bend(torch.from_numpy(chosen.astype(np.float32)))
        return convert_to_tensor(bent, track_meta=False).round().byte().reshape(*slices.shape, *bent.shape[1:])

    def _slice_positions(
        self, count: int, wanted: int, rng: np.random.Generator, holds: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Indices (slices, samples) into the kept slices, and their heights about the slab's middle, mm."""
        kept = self.population.slice_mm
        low, high = self.geometry.slice_distance_mm
        high = min(high, (count - 1) * kept / max(wanted - 1, 1))
        distance = math.exp(rng.uniform(math.log(low), math.log(max(high, low))))
        last = max((count - 1) * kept - distance * (wanted - 1), 0)
        first = rng.uniform(0, last)
        if holds is not None and holds.any() and rng.random() < self.geometry.stratified:
            muscle = rng.choice(np.flatnonzero(holds.any(axis=1)))
            middle = rng.choice(np.flatnonzero(holds[muscle])) * kept
            first = float(np.clip(middle - distance * (wanted - 1) / 2, 0, last))
        thickness = distance * rng.uniform(*self.geometry.slice_fill)
        through = ((np.arange(SLICE_SAMPLES) + 0.5) / SLICE_SAMPLES - 0.5) * thickness
        index = np.arange(wanted)
        if rng.random() < self.geometry.repeat_ends:
            shown = rng.integers(1, wanted + 1)
            before = rng.integers(0, wanted - shown + 1)
            index = np.clip(index, before, before + shown - 1)
        positions = first + index[:, None] * distance + through
        chosen = np.clip(np.round(positions / kept), 0, count - 1).astype(int)
        return chosen, (chosen - chosen.mean()) * kept


def _tilted(stack: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Each slice moved by its own (rows, columns), in voxels; what leaves the field on one side is lost."""
    return np.stack([shifted(plane, *np.round(shift).astype(int)) for plane, shift in zip(stack, shifts, strict=True)])


def _centred(stack: np.ndarray) -> np.ndarray:
    """Shift all slices alike so that the middle of the leg lies in the middle, as the legs are found in an image."""
    _, rows, columns = np.nonzero(stack[:, ::4, ::4])
    if not rows.size:
        return stack
    shift = [round(size / 2 - 4 * axis.mean()) for size, axis in zip(stack.shape[1:], (rows, columns), strict=True)]
    return shifted(stack, *shift)


def shifted(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Values moved along their last two axes, zero where nothing comes from."""
    result = np.zeros_like(values)
    into, out_of = [], []
    for shift, size in zip((rows, columns), values.shape[-2:], strict=True):
        into.append(slice(max(shift, 0), size + min(shift, 0)))
        out_of.append(slice(max(-shift, 0), size + min(-shift, 0)))
    result[..., into[0], into[1]] = values[..., out_of[0], out_of[1]]
    return result
