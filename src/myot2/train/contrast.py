"""Training pairs from class codes: an image of any contrast, and the channel that holds most of each voxel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from myot2.segment.legs import body_mask
from myot2.segment.workspace import normalise
from myot2.train.appearance import SWAPPED, Appearance, draw_appearance, draw_kind
from myot2.train.classes import channel_of_class, is_muscle
from myot2.train.degradation import Degradation
from myot2.train.recipe import Contrast
from myot2.train.slabs import IN_PLANE_SAMPLES


class ImageMaker:
    """Makes training pairs from slabs of class codes.

    Parameters
    ----------
    recipe : Contrast
    muscles : sequence of str
        In the order of the class codes.
    structures : sequence of str
        Of the network's channels from 1 on.
    """

    def __init__(self, recipe: Contrast, muscles: Sequence[str], structures: Sequence[str]):
        self.recipe, self.muscles, self.channels = recipe, len(muscles), len(structures) + 1
        self._channel_of = channel_of_class(muscles, structures).astype(np.uint8)
        self._degrade = Degradation(recipe)

    def make(self, classes: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Make one training pair.

        Parameters
        ----------
        classes : torch.Tensor of uint8, shape (slices, samples, rows * samples, columns * samples)
            As `SlabMaker.draw` gives it.
        rng : numpy.random.Generator

        Returns
        -------
        image : torch.Tensor of float32, shape (slices, rows, columns)
            Normalised as at inference.
        labels : torch.Tensor of int64, same shape
            The network's channel that holds most of each voxel.
        """
        torch_rng = torch.Generator().manual_seed(int(rng.integers(2**31)))
        kind = draw_kind(self.recipe, rng)
        kinds = [kind]
        if kind in SWAPPED and rng.random() < self.recipe.swap_share:
            kinds.append(SWAPPED[kind])
        appearances = [draw_appearance(self.recipe, kind, self.muscles, rng) for kind in kinds]
        image = _signal(classes.numpy(), is_muscle(self.muscles), appearances, rng, torch_rng)
        labels = self._majority(classes)
        values = self._degrade(image, labels, rng)
        return torch.from_numpy(normalise(values, body_mask(values))), labels

    def _majority(self, classes: torch.Tensor) -> torch.Tensor:
        channel = torch.from_numpy(np.take(self._channel_of, classes.numpy()))
        slices, samples, rows, columns = channel.shape
        k = IN_PLANE_SAMPLES
        split = channel.reshape(slices, samples, rows // k, k, columns // k, k)
        per_voxel = split.permute(0, 2, 4, 1, 3, 5).reshape(-1, samples * k * k).long()
        votes = torch.zeros((per_voxel.shape[0], self.channels), dtype=torch.float32)
        votes.scatter_add_(1, per_voxel, torch.ones((), dtype=torch.float32).expand_as(per_voxel))
        return votes.argmax(dim=1).reshape(slices, rows // k, columns // k)


def _signal(
    classes: np.ndarray,
    own: np.ndarray,
    appearances: list[Appearance],
    rng: np.random.Generator,
    torch_rng: torch.Generator,
) -> torch.Tensor:
    """Magnitude (slices, rows, columns) before degradation, partial volume included; `own` are the codes of muscle.

    With two appearances the second one replaces the first in a smooth region: water and fat are swapped there.
    """

    def pooled(of_class: np.ndarray) -> torch.Tensor:
        samples = torch.from_numpy(np.take(of_class.astype(np.float32), classes)).mean(dim=1)
        return functional.avg_pool2d(samples[:, None], IN_PLANE_SAMPLES)[:, 0]

    first = appearances[0]
    share = pooled(own)
    shape, within = share.shape, share.clamp_min(1e-6)
    rough = smooth_noise(shape, 8, torch_rng) + smooth_noise(shape, 2, torch_rng)
    if rng.random() < 0.5:
        rough = rough + rng.uniform(0, 2) * _streaks(shape, rng, torch_rng)
    fat_fraction = (pooled(first.fat_fraction) / within * (1 + rng.uniform(0.2, 1.2) * rough / 2**0.5)).clamp(0, 0.97)
    patches = torch.sigmoid(3 * (smooth_noise(shape, int(rng.integers(4, 24)), torch_rng) - rng.uniform(-1, 1)))
    brightened = 1 + pooled(first.oedema) / within * patches
    grain = 1 + rng.uniform(0, 0.08) * smooth_noise(shape, 2, torch_rng)
    subcutis = 1 + rng.uniform(0, 0.08) * smooth_noise(shape, 4, torch_rng)
    signals = []
    for look in appearances:
        water = pooled(look.muscle) * brightened * grain * (1 - fat_fraction)
        signals.append((pooled(look.still) * subcutis + water + share * fat_fraction * look.fat).abs())
    if len(signals) == 1:
        return signals[0]
    return torch.where(smooth_noise(shape, 40, torch_rng) > rng.uniform(-0.5, 1), signals[1], signals[0])


def _streaks(shape: tuple[int, ...], rng: np.random.Generator, torch_rng: torch.Generator) -> torch.Tensor:
    """Noise drawn out along one direction in the plane, as fat lies between a muscle's fascicles."""
    noise = smooth_noise(shape, 2, torch_rng)
    angle, stretch = rng.uniform(0, np.pi), rng.uniform(3, 8)
    turn = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    matrix = torch.cat([turn * torch.tensor([[1.0], [1 / stretch]]), torch.zeros(2, 1)], dim=1)
    grid = functional.affine_grid(matrix.expand(shape[0], 2, 3), [shape[0], 1, *shape[1:]], align_corners=False)
    return functional.grid_sample(noise[:, None], grid, padding_mode="reflection", align_corners=False)[:, 0]


def smooth_noise(shape: tuple[int, ...], cell: int, torch_rng: torch.Generator) -> torch.Tensor:
    """Noise of about unit variance, smooth over `cell` pixels in the plane and two slices."""
    slices, rows, columns = shape
    coarse = torch.randn((1, 1, slices // 2 + 2, rows // cell + 2, columns // cell + 2), generator=torch_rng)
    fine = functional.interpolate(coarse, size=(slices, rows, columns), mode="trilinear", align_corners=True)[0, 0]
    return fine / fine.std().clamp_min(1e-6)
