"""The tissues of a completed thigh, drawn at random: fat and skin around it, atrophy, the room between its muscles."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from myot2.simulate.anatomy import CORTEX_MM, Tissue
from myot2.simulate.person import FatLayer
from myot2.train.classes import OTHER_MUSCLE, septum_code
from myot2.train.recipe import Variation
from myot2.train.thighs import CompleteThigh

HIDDEN_MM = 2.5
"""Unlabelled room at least this far from any muscle may hold muscles that no label map has, such as pectineus."""

HIDDEN_ABOVE_MM = 30.0
"""Height above mid-thigh from which it may."""

FAR_MM = 15.0
"""A completed thigh knows distances up to a little above this; from here on that to the fascia is taken anew."""


def draw_variant(
    thigh: CompleteThigh, muscles: int, variation: Variation, in_plane_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """Give a thigh its tissues.

    Parameters
    ----------
    thigh : CompleteThigh
    muscles : int
        Number of muscles in the label table.
    variation : Variation
        Ranges of what is drawn.
    in_plane_mm : float
        Side of the thigh's pixels.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of uint8, shape of `thigh.muscle`
        Class codes (see `myot2.train.classes`).
    """
    depth, fascia = thigh.depth.astype(np.float32), _from_fascia(thigh, in_plane_mm)
    codes = _layers(thigh, fascia, variation, rng)
    deep = (fascia < 0) & (codes != Tissue.AIR)
    limits, septum = _erosion_limits(thigh, depth, muscles, variation, rng), rng.uniform(*variation.septum_mm)
    codes[deep] = Tissue.INTERMUSCULAR_FAT
    named = deep & (depth < -limits[thigh.muscle]) & (thigh.muscle > 0)
    codes[named] = septum_code(thigh.muscle, muscles)[named]
    filled = deep & (depth < -np.maximum(limits, septum)[thigh.muscle])
    codes[filled] = (OTHER_MUSCLE + thigh.muscle)[filled]
    if rng.random() < 0.5:
        hidden = deep & (depth > HIDDEN_MM) & (fascia < -1) & (thigh.height > HIDDEN_ABOVE_MM)[:, None, None]
        codes[hidden & (thigh.femur > 2)] = OTHER_MUSCLE
    for number, tissue in ((1, Tissue.ARTERY), (2, Tissue.VEIN)):
        codes[deep & (thigh.vessel == number)] = tissue
    femur = thigh.femur.astype(np.float32)
    cortex = rng.uniform(*variation.cortex) * np.interp(thigh.height, *CORTEX_MM)
    codes[deep & (femur < 0)] = Tissue.CORTEX
    codes[deep & (femur < -cortex[:, None, None])] = Tissue.MARROW
    return codes


def _from_fascia(thigh: CompleteThigh, in_plane_mm: float) -> np.ndarray:
    """Signed distance to the fascia lata, mm, without the limit that a completed thigh has for it."""
    fascia = thigh.fascia.astype(np.float32)
    for plane in fascia:
        if (plane < 0).any():
            away = ndimage.distance_transform_edt(plane >= 0, sampling=in_plane_mm) - in_plane_mm / 2
            far = plane >= FAR_MM
            plane[far] = np.maximum(away, FAR_MM)[far]
    return fascia


def _layers(thigh: CompleteThigh, fascia: np.ndarray, variation: Variation, rng: np.random.Generator) -> np.ndarray:
    """Fascia, subcutaneous fat and skin from the fascia lata outwards; air where the other leg would press."""
    low, high = np.log(variation.fat_mm)
    layer = FatLayer(
        float(np.exp(rng.uniform(low, high))),
        tuple((np.array([0.28, 0.08, 0.05]) * rng.uniform(0.4, 1.4, 3)).tolist()),
        tuple(rng.uniform([0.0, -np.pi, -np.pi], [1.6, np.pi, np.pi]).tolist()),
        float(rng.uniform(0.0, 0.0035)),
    )
    fascia_mm, skin_mm = rng.uniform(0.5, 1.5), rng.uniform(1.2, 2.2)
    fat = fascia_mm + layer.thickness(thigh.angle.astype(np.float32), thigh.height[:, None, None])
    codes = np.full(fascia.shape, Tissue.FASCIA, np.uint8)
    codes[fascia >= fascia_mm] = Tissue.SUBCUTANEOUS_FAT
    codes[fascia >= fat] = Tissue.SKIN
    outside = fascia >= fat + skin_mm
    if rng.random() < variation.pressed_share:
        inner = (fascia < 0).any(axis=1)
        last = np.where(inner.any(axis=1), inner.shape[1] - 1 - np.argmax(inner[:, ::-1], axis=1), inner.shape[1])
        room = ndimage.gaussian_filter1d(last.astype(float), 3.0) + rng.uniform(2, 10)
        beyond = np.arange(fascia.shape[2]) - np.maximum(room, last + 2)[:, None]
        codes[np.broadcast_to((beyond > -skin_mm)[:, None, :], codes.shape) & (fascia >= 0)] = Tissue.SKIN
        outside |= (beyond > 0)[:, None, :]
    codes[outside] = Tissue.AIR
    return codes


def _erosion_limits(
    thigh: CompleteThigh, depth: np.ndarray, muscles: int, variation: Variation, rng: np.random.Generator
) -> np.ndarray:
    """Depth (mm) per muscle number that atrophy has taken."""
    limits = np.zeros(muscles + 1, np.float32)
    if rng.random() < variation.atrophy_share:
        mean = rng.uniform(0, variation.atrophy_most)
        losses = np.clip(mean * rng.gamma(2.5, 1 / 2.5, muscles), 0, 0.85)
        for number in range(1, muscles + 1):
            inside = -depth[(thigh.muscle == number) & (depth < 0)]
            if inside.size:
                limits[number] = np.quantile(inside, losses[number - 1])
    return limits
