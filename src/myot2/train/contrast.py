"""Images of any contrast from class codes, after SynthSeg (Billot et al., Med Image Anal 2023;86:102789).

A quarter to a half of the images look like the T2-weighted Dixon in-phase image of the protocol; the rest covers water
and fat-suppressed images, opposed-phase images, in which water and fat cancel where they meet, and contrasts no
scanner makes, so that the network learns shapes. Muscles share one brightness, up to small differences: it is the
borders and shapes that tell them apart. Nothing is taken from the physics of `myot2.simulate.signal`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from monai.transforms import Compose, RandAdjustContrast, RandBiasField, RandGaussianSmooth, RandRicianNoise
from monai.utils import convert_to_tensor
from torch.nn import functional

from myot2.segment.legs import body_mask
from myot2.segment.workspace import normalise
from myot2.simulate.anatomy import Tissue
from myot2.train.classes import OTHER_MUSCLE, channel_of_class, class_count
from myot2.train.recipe import Contrast
from myot2.train.slabs import IN_PLANE_SAMPLES

KINDS = ("dixon", "water", "opposed", "random")


@dataclass(frozen=True)
class Appearance:
    """Brightness and tissue state of each class, drawn for one image.

    Attributes
    ----------
    still : ndarray, shape (classes,)
        Signal of everything that is not muscle; negative where fat is out of phase.
    muscle : ndarray, shape (classes,)
        Signal of the muscles' water; 0 elsewhere.
    fat_fraction : ndarray, shape (classes,)
        Mean fat fraction of each muscle (0-1).
    oedema : ndarray, shape (classes,)
        Relative brightening of a muscle inside an oedematous patch.
    fat : float
        Signal of pure fat.
    """

    still: np.ndarray
    muscle: np.ndarray
    fat_fraction: np.ndarray
    oedema: np.ndarray
    fat: float


def draw_appearance(recipe: Contrast, channels: int, rng: np.random.Generator) -> Appearance:
    """Draw the appearance of one image; brightness 0 to about 1."""
    shares = np.array([getattr(recipe, kind) for kind in KINDS])
    kind = KINDS[rng.choice(len(KINDS), p=shares / shares.sum())]
    muscle, fat = _muscle_and_fat(kind, rng)
    is_muscle = np.arange(class_count(channels)) >= OTHER_MUSCLE
    count = int(is_muscle.sum())
    spread = 0.12 if kind == "random" and rng.random() < 0.3 else 0.04
    signals = np.zeros(is_muscle.size)
    signals[is_muscle] = muscle * np.clip(1 + spread * rng.standard_normal(count), 0.5, 1.5)
    fat_fraction, oedema = np.zeros(is_muscle.size), np.zeros(is_muscle.size)
    fat_fraction[is_muscle] = rng.uniform(0.01, 0.08) * rng.uniform(0.5, 1.5, count)
    if rng.random() < recipe.patient_share:
        infiltrated = rng.random(count) < rng.uniform(0, 0.8)
        fat_fraction[is_muscle] += infiltrated * rng.beta(0.9, 3.0, count)
        oedema[is_muscle] = (rng.random(count) < rng.uniform(0, 1)) * rng.uniform(0.1, 1.2, count)
    return Appearance(_still_signals(kind, muscle, fat, is_muscle, rng), signals, fat_fraction, oedema, fat)


def _muscle_and_fat(kind: str, rng: np.random.Generator) -> tuple[float, float]:
    if kind == "dixon":
        return rng.uniform(0.15, 0.5), rng.uniform(0.6, 1.0)
    if kind == "water":
        muscle = rng.uniform(0.4, 1.0)
        return muscle, muscle * rng.uniform(0.02, 0.4)
    if kind == "opposed":
        return rng.uniform(0.5, 1.0), -rng.uniform(0.15, 0.9)
    return rng.uniform(0.1, 1.0), rng.uniform(0.0, 1.0)


def _still_signals(kind: str, muscle: float, fat: float, is_muscle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    signals = np.where(is_muscle, 0.0, rng.uniform(0, 1, is_muscle.size))
    signals[Tissue.AIR] = 0.0
    signals[Tissue.SUBCUTANEOUS_FAT] = fat
    signals[Tissue.INTERMUSCULAR_FAT] = fat * rng.uniform(0.8, 1.1)
    signals[Tissue.MARROW] = fat * rng.uniform(0.6, 1.2)
    if kind != "random":
        signals[Tissue.SKIN] = rng.uniform(0.1, 1.0) * muscle
        signals[Tissue.FASCIA] = rng.uniform(0.0, 0.8) * muscle
        signals[Tissue.CORTEX] = rng.uniform(0.0, 0.12)
    return signals


class ImageMaker:
    """Makes training pairs from slabs of class codes.

    Parameters
    ----------
    recipe : Contrast
    channels : int
        Output channels of the network, background included.
    """

    def __init__(self, recipe: Contrast, channels: int):
        self.recipe, self.channels = recipe, channels
        self._channel_of = torch.from_numpy(channel_of_class(channels))
        self._shade = Compose(
            [
                RandBiasField(degree=3, coeff_range=(-recipe.bias, recipe.bias), prob=0.9),
                RandAdjustContrast(prob=0.5, gamma=recipe.gamma),
            ]
        )
        self._blur = RandGaussianSmooth(sigma_x=recipe.blur_pixels, sigma_y=recipe.blur_pixels, prob=0.7)

    def make(self, classes: torch.Tensor, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Make one training pair.

        Parameters
        ----------
        classes : torch.Tensor of int64, shape (slices, samples, rows * samples, columns * samples)
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
        appearance = draw_appearance(self.recipe, self.channels, rng)
        labels = self._majority(classes)
        image = _signal(classes, appearance, rng, torch_rng)
        values = self._degrade(image / image.max().clamp_min(1e-6), rng)
        if rng.random() < self.recipe.cut_share:
            _cut_field(values, labels, rng)
        return torch.from_numpy(normalise(values, body_mask(values))), labels

    def _degrade(self, image: torch.Tensor, rng: np.random.Generator) -> np.ndarray:
        self._shade.set_random_state(seed=int(rng.integers(2**31)))
        self._blur.set_random_state(seed=int(rng.integers(2**31)))
        deviation = float(np.exp(rng.uniform(*np.log(self.recipe.noise))))
        noise = RandRicianNoise(prob=1.0, std=deviation, sample_std=False)
        noise.set_random_state(seed=int(rng.integers(2**31)))
        # Slices stand in for channels here: receive coils shade in three dimensions, pixels blur in two.
        degraded = noise(self._blur(self._shade(image[None])[0]))
        return convert_to_tensor(degraded, track_meta=False).numpy().copy()

    def _majority(self, classes: torch.Tensor) -> torch.Tensor:
        channel = self._channel_of[classes]
        slices, samples, rows, columns = channel.shape
        k = IN_PLANE_SAMPLES
        split = channel.reshape(slices, samples, rows // k, k, columns // k, k)
        per_voxel = split.permute(0, 2, 4, 1, 3, 5).reshape(-1, samples * k * k)
        votes = torch.zeros((per_voxel.shape[0], self.channels), dtype=torch.float32)
        votes.scatter_add_(1, per_voxel, torch.ones((), dtype=torch.float32).expand_as(per_voxel))
        return votes.argmax(dim=1).reshape(slices, rows // k, columns // k)


def _signal(
    classes: torch.Tensor, appearance: Appearance, rng: np.random.Generator, torch_rng: torch.Generator
) -> torch.Tensor:
    """Magnitude (slices, rows, columns) before degradation, partial volume included."""
    is_muscle = (appearance.muscle != 0).astype(float)
    columns = [
        appearance.still,
        appearance.muscle,
        is_muscle,
        is_muscle * appearance.fat_fraction,
        is_muscle * appearance.oedema,
    ]
    table = torch.from_numpy(np.stack(columns, axis=1)).float()
    samples = functional.embedding(classes, table).mean(dim=1).permute(0, 3, 1, 2)
    still, muscle, share, fat_share, oedema = functional.avg_pool2d(samples, IN_PLANE_SAMPLES).unbind(dim=1)
    shape = still.shape
    within = share.clamp_min(1e-6)
    texture = rng.uniform(0.2, 1.2) * (smooth_noise(shape, 8, torch_rng) + smooth_noise(shape, 2, torch_rng)) / 2**0.5
    fat_fraction = (fat_share / within * (1 + texture)).clamp(0, 0.95)
    patches = torch.sigmoid(3 * (smooth_noise(shape, int(rng.integers(4, 24)), torch_rng) - rng.uniform(-1, 1)))
    grain = 1 + rng.uniform(0, 0.08) * smooth_noise(shape, 2, torch_rng)
    water = muscle * (1 + oedema / within * patches) * grain * (1 - fat_fraction)
    subcutis = 1 + rng.uniform(0, 0.08) * smooth_noise(shape, 4, torch_rng)
    return (still * subcutis + water + share * fat_fraction * appearance.fat).abs()


def smooth_noise(shape: tuple[int, ...], cell: int, torch_rng: torch.Generator) -> torch.Tensor:
    """Noise of about unit variance, smooth over `cell` pixels in the plane and two slices."""
    slices, rows, columns = shape
    coarse = torch.randn((1, 1, slices // 2 + 2, rows // cell + 2, columns // cell + 2), generator=torch_rng)
    fine = functional.interpolate(coarse, size=(slices, rows, columns), mode="trilinear", align_corners=True)[0, 0]
    return fine / fine.std().clamp_min(1e-6)


def _cut_field(values: np.ndarray, labels: torch.Tensor, rng: np.random.Generator) -> None:
    """Empty a strip at one edge, as where the field of view ends before the skin."""
    axis = int(rng.integers(1, 3))
    strip = int(rng.integers(1, values.shape[axis] // 6 + 2))
    index = [slice(None)] * 3
    index[axis] = slice(0, strip) if rng.random() < 0.5 else slice(-strip, None)
    values[tuple(index)] = 0
    labels[tuple(index)] = 0
