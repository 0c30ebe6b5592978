"""A leg that is easily told: a muscle in front, another behind, fat between and around them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myot2.learn.examples import Example
from myot2.simulate.anatomy import Tissue
from myot2.train.classes import OTHER_MUSCLE


def leg_codes() -> np.ndarray:
    """Class codes, shape (41, 200, 200), voxels of 1 x 1 x 4 mm."""
    row, column = np.mgrid[0:200, 0:200]
    distance = np.hypot(row - 100, column - 100)
    plane = np.zeros((200, 200), np.uint8)
    plane[distance < 80] = Tissue.SUBCUTANEOUS_FAT
    plane[distance < 60] = OTHER_MUSCLE + 1
    plane[(distance < 60) & (row > 105)] = OTHER_MUSCLE + 2
    plane[(distance < 60) & (abs(row - 103) <= 3)] = Tissue.INTERMUSCULAR_FAT
    return np.repeat(plane[None], 41, axis=0)


def without(example: Example, channel: int) -> Example:
    """The same mask as if nobody had drawn a structure."""
    labels = np.where(example.labels == channel, np.uint8(0), example.labels)
    annotated = example.annotated.copy()
    annotated[:, channel] = False
    return replace(example, labels=labels, annotated=annotated, labelled=labels.any(axis=(1, 2)))


def missing_as_background(example: Example) -> Example:
    """The same mask read by DAFNE's rule: whatever was not drawn is background."""
    return replace(example, annotated=np.ones_like(example.annotated))
