"""What the scanner adds to an image: shading, coils, large pixels, blur, ghosts, noise, voids, too small a field.

MONAI's transforms where MONAI has one; slices stand in for its channels, for coils shade in three dimensions and pixels
blur in two.
"""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms import (
    Compose,
    RandAdjustContrast,
    RandBiasField,
    RandGaussianSmooth,
    RandRicianNoise,
    RandSimulateLowResolution,
)
from monai.utils import convert_to_tensor

from myot2.segment.legs import body_mask
from myot2.train.recipe import Contrast
from myot2.train.slabs import shifted


class Degradation:
    """Degrades clean images (slices, rows, columns) as the ranges of a recipe say."""

    def __init__(self, recipe: Contrast):
        self.recipe = recipe
        self._shade = Compose(
            [
                RandBiasField(degree=3, coeff_range=(-recipe.bias, recipe.bias), prob=0.9),
                RandAdjustContrast(prob=0.5, gamma=recipe.gamma),
            ]
        )
        self._pixels = Compose(
            [
                RandGaussianSmooth(sigma_x=recipe.blur_pixels, sigma_y=recipe.blur_pixels, prob=0.7),
                # MONAI's default, nearest neighbours, moves the image against its labels by half a pixel and more.
                RandSimulateLowResolution(
                    prob=recipe.coarse_share,
                    downsample_mode="area",
                    upsample_mode="bilinear",
                    zoom_range=(recipe.coarsest, 1.0),
                ),
            ]
        )

    def __call__(self, image: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
        """Degraded magnitudes; where the field is cut or a void swallows it, `labels` are emptied in place."""
        recipe = self.recipe
        image = image / image.max().clamp_min(1e-6)
        for transform in (self._shade, self._pixels):
            transform.set_random_state(seed=int(rng.integers(2**31)))
        image = self._shade(image[None])[0]
        if rng.random() < recipe.coil_share:
            image = image * _coils(image.shape, recipe.coil_gain, rng)
        image = self._pixels(image)
        if rng.random() < recipe.ghost_share:
            image = _ghosted(image, rng)
        if rng.random() < recipe.void_share:
            image = _voided(image, labels, rng)
        deviation = float(np.exp(rng.uniform(*np.log(recipe.noise))))
        noise = RandRicianNoise(prob=1.0, std=deviation, sample_std=False)
        noise.set_random_state(seed=int(rng.integers(2**31)))
        values = convert_to_tensor(noise(image / image.max().clamp_min(1e-6)), track_meta=False).numpy().copy()
        if rng.random() < recipe.cut_share:
            _cut_field(values, labels, rng)
        return values


def _coils(shape: tuple[int, ...], gain: float, rng: np.random.Generator) -> torch.Tensor:
    """Sensitivity (1, rows, columns) of one to three surface coils around the leg, on top of an even one."""
    _, rows, columns = shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    sensitivity = torch.ones(rows, columns)
    for _ in range(rng.integers(1, 4)):
        angle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
        away = (y - 0.8 * np.sin(angle)) ** 2 + (x - 0.8 * np.cos(angle)) ** 2
        sensitivity += rng.uniform(0, gain) * torch.exp(-away / (2 * width**2))
    return sensitivity[None]


def _ghosted(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Faint copies along one axis, as periodic motion leaves them along the phase encoding."""
    axis, count = int(rng.integers(1, 3)), int(rng.integers(2, 6))
    copies = sum(torch.roll(image, image.shape[axis] * k // count, axis) for k in range(1, count))
    return image + rng.uniform(0.01, 0.08) * copies


def _voided(image: torch.Tensor, labels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """A hole with a bright rim, as metal leaves it; nothing can be labelled there."""
    _, rows, columns = image.shape
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    centre = rng.uniform(0.25, 0.75, 2) * (rows, columns)
    radius = rng.uniform(0.03, 0.12, 2) * (rows, columns)
    away = ((y - centre[0]) / radius[0]) ** 2 + ((x - centre[1]) / radius[1]) ** 2
    labels[:, away < 1] = 0
    return torch.where(away < 1, 0.02, torch.where(away < 1.3, 1.5, 1.0))[None] * image


def _cut_field(values: np.ndarray, labels: torch.Tensor, rng: np.random.Generator) -> None:
    """Empty a strip at one edge, as where the field of view ends before the skin, or in the middle of the leg."""
    axis = int(rng.integers(1, 3))
    most = values.shape[axis] // (2 if rng.random() < 0.5 else 5)
    strip = int(rng.integers(1, most + 1))
    index = [slice(None)] * 3
    index[axis] = slice(0, strip) if rng.random() < 0.5 else slice(-strip, None)
    values[tuple(index)] = 0
    labels[tuple(index)] = 0
    _centre_again(values, labels)


def _centre_again(values: np.ndarray, labels: torch.Tensor) -> None:
    """Move what is left of the leg to the middle, where the crop at inference has it."""
    places = np.nonzero(body_mask(values).any(axis=0))
    if not places[0].size:
        return
    shift = [round(size / 2 - axis.mean()) for size, axis in zip(values.shape[1:], places, strict=True)]
    values[:] = shifted(values, *shift)
    labels[:] = torch.from_numpy(shifted(labels.numpy(), *shift))
