"""The codes of a kept anatomy volume: one number per voxel that says tissue and, in muscle, which muscle."""

from __future__ import annotations

import numpy as np

from myot2.core.labels import LabelTable
from myot2.simulate.anatomy import Tissue

OTHER_MUSCLE = int(Tissue.MUSCLE)
"""Muscle without a label, such as the gluteus maximus at the top of the field; muscle channel c has code
OTHER_MUSCLE + c, every other tissue its own number."""


def class_codes(labels: np.ndarray, tissue: np.ndarray, table: LabelTable, side: str) -> np.ndarray:
    """Merge labels and tissue of one leg into class codes.

    Parameters
    ----------
    labels, tissue : ndarray of unsigned integer, same shape
        As the anatomy generator renders them.
    table : LabelTable
        Gives the order of the muscles, which is that of the network's channels.
    side : str
        The leg whose muscles count; labels of the other leg become muscle without a label.

    Returns
    -------
    ndarray of uint8, same shape
    """
    channel_of = np.zeros(256, np.uint8)
    for channel, name in enumerate(table.muscles, start=1):
        channel_of[table.index(name, side)] = channel
    muscle = tissue == Tissue.MUSCLE
    return np.where(muscle, OTHER_MUSCLE + channel_of[labels], tissue).astype(np.uint8)


def class_count(channels: int) -> int:
    """Number of codes for `channels` output channels, background included."""
    return OTHER_MUSCLE + channels


def channel_of_class(channels: int) -> np.ndarray:
    """The network's channel of each class code, shape (class_count,)."""
    return np.maximum(np.arange(class_count(channels)) - OTHER_MUSCLE, 0)
