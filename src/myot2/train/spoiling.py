"""Images spoiled until a network fails on them, each way from harmless (severity 0) to hopeless (1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from myot2.core.images import array_of, image_like
from myot2.train.trials import Trial

Spoiling = Callable[[Trial, float, np.random.Generator], tuple[sitk.Image, Trial]]
"""Takes a trial, the severity (0-1) and random numbers; gives the image to label, and the trial on that image's grid,
which differs only where the field was cut or the legs were moved."""


def noise(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """Rician noise: signal-to-noise ratio of muscle from 20 down to 1.3."""
    values = array_of(trial.images["in"])
    sigma = float(np.median(values[array_of(trial.truth) > 0])) / (20 * (1.3 / 20) ** severity)
    real, imaginary = (sigma * rng.standard_normal(values.shape) for _ in range(2))
    return _like(np.hypot(values + real, imaginary), trial), trial


def shading(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """The fall-off of a coil: by a factor of 2 to 100 from edge to edge of the field, in any direction."""
    values = array_of(trial.images["in"])
    angle, rate = rng.uniform(0, 2 * np.pi), np.log(2 * 50**severity)
    y, x = np.meshgrid(*(np.linspace(-0.5, 0.5, size) for size in values.shape[1:]), indexing="ij")
    return _like(values * np.exp(rate * (np.cos(angle) * x + np.sin(angle) * y)), trial), trial


def voids(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """One to four holes with a bright rim, as metal leaves them, 5 to 40 mm in radius, through all slices."""
    image = trial.images["in"]
    values = array_of(image)
    places = np.argwhere(array_of(trial.truth).any(axis=0))
    y, x = np.mgrid[: values.shape[1], : values.shape[2]]
    columns_mm, rows_mm, _ = image.GetSpacing()
    for row, column in places[rng.integers(len(places), size=1 + int(3.99 * severity))]:
        away = np.hypot((y - row) * rows_mm, (x - column) * columns_mm) / (5 + 35 * severity)
        values = values * np.where(away < 1, 0.03, np.where(away < 1.2, 1.6, 1.0))
    return _like(values, trial), trial


def swap(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """The water image, with water and fat exchanged in regions that take up to nine tenths of the field."""
    water, fat = (array_of(trial.images[name]) for name in ("water", "fat"))
    field = ndimage.gaussian_filter(rng.standard_normal(water.shape), (2, 20, 20))
    exchanged = field > np.quantile(field, 1 - 0.9 * severity)
    return _like(np.where(exchanged, fat, water), trial), trial


def contrast(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """On the way to a contrast that no sequence makes: tissue inverted, or its brightness folded several times."""
    values = array_of(trial.images["in"])
    top = np.percentile(values, 99)
    body = ndimage.binary_closing(values > 0.1 * top, np.ones((1, 7, 7)))
    if rng.random() < 0.5:
        odd = np.clip(1.2 * top - values, 0.05 * top, None)
    else:
        odd = top * (1.1 + np.sin(rng.uniform(4, 12) * values / top)) / 2
    return _like(np.where(body, (1 - severity) * values + severity * odd, values), trial), trial


def ghosts(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """Motion: one to three copies along the phase encoding, each with up to 60 % of the signal."""
    values = array_of(trial.images["in"])
    copies = [np.roll(values, int(rng.integers(6, values.shape[1] - 6)), axis=1) for _ in range(rng.integers(1, 4))]
    return _like(values + 0.6 * severity * sum(copies), trial), trial


def cut_field(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """A field that ends within the legs, by up to 60 % of them; of some, three slices or fewer are left."""
    columns, rows, slices = trial.truth.GetSize()
    occupied = np.argwhere(array_of(trial.truth).any(axis=0))
    (top, first), (bottom, last) = occupied.min(axis=0), occupied.max(axis=0)
    begin, end = [0, 0, 0], [columns, rows, slices]
    axis, low, high = (0, first, last) if rng.random() < 0.5 else (1, top, bottom)
    depth = round(0.6 * severity * (high - low))
    if rng.random() < 0.5:
        begin[axis] = low + depth
    else:
        end[axis] = high + 1 - depth
    if severity > 0.5 and rng.random() < 0.5:
        end[2] = int(rng.integers(1, 4))
    part = tuple(slice(int(a), int(b)) for a, b in zip(begin, end, strict=True))
    cropped = replace(trial, images={k: image[part] for k, image in trial.images.items()}, truth=trial.truth[part])
    return cropped.images["in"], cropped


def jolts(trial: Trial, severity: float, rng: np.random.Generator) -> tuple[sitk.Image, Trial]:
    """Slices displaced against one another, each by up to 20 pixels; the truth goes with them."""
    shifts = np.round(20 * severity * rng.uniform(-1, 1, (trial.truth.GetSize()[2], 2))).astype(int)

    def moved(image: sitk.Image) -> sitk.Image:
        planes = [np.roll(plane, tuple(shift), (0, 1)) for plane, shift in zip(array_of(image), shifts, strict=True)]
        return image_like(np.stack(planes), image)

    jolted = Trial({name: moved(image) for name, image in trial.images.items()}, moved(trial.truth))
    return jolted.images["in"], jolted


SPOILINGS: dict[str, Spoiling] = {
    "noise": noise,
    "shading": shading,
    "voids": voids,
    "swap": swap,
    "contrast": contrast,
    "ghosts": ghosts,
    "cut field": cut_field,
    "jolts": jolts,
}


def _like(values: np.ndarray, trial: Trial) -> sitk.Image:
    return image_like(values.astype(np.float32), trial.truth)
