"""The codes of a kept anatomy volume: one number per voxel that says tissue and, in muscle, which muscle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myot2.core.labels import LabelTable
from myot2.simulate.anatomy import Tissue

OTHER_MUSCLE = int(Tissue.MUSCLE)
"""Muscle without a label, such as the gluteus maximus at the top of the field; the n-th muscle of the label table, from
1 on, has code OTHER_MUSCLE + n, every other tissue its own number."""

BONE = (int(Tissue.CORTEX), int(Tissue.MARROW))


def class_count(muscles: int) -> int:
    """Number of codes for that many muscles in the label table."""
    return OTHER_MUSCLE + 1 + 2 * muscles


def septum_code(number: int | np.ndarray, muscles: int) -> int | np.ndarray:
    """Code of the septum, fat and fascia, around the n-th muscle.

    It looks like fat and is labelled as the muscle: a reader draws the border of two muscles as one line in the middle
    of their septum, and a muscle's outer border along its fascia.
    """
    return OTHER_MUSCLE + muscles + number


def is_muscle(muscles: int) -> np.ndarray:
    """Which codes are muscle, named or not; bool, shape (class codes,)."""
    codes = np.arange(class_count(muscles))
    return (codes >= OTHER_MUSCLE) & (codes <= OTHER_MUSCLE + muscles)


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
    number_of = np.zeros(256, np.uint8)
    for number, name in enumerate(table.muscles, start=1):
        number_of[table.index(name, side)] = number
    muscle = tissue == Tissue.MUSCLE
    return np.where(muscle, OTHER_MUSCLE + number_of[labels], tissue).astype(np.uint8)


def channel_of_class(muscles: Sequence[str], structures: Sequence[str]) -> np.ndarray:
    """The network's channel of each class code.

    Parameters
    ----------
    muscles : sequence of str
        In the order of the codes.
    structures : sequence of str
        What the channels from 1 on stand for: muscles, and bone.

    Returns
    -------
    ndarray of int, shape (class codes,)
        0, background, for what no channel stands for.
    """
    channels = {name: channel for channel, name in enumerate(structures, start=1)}
    result = np.zeros(class_count(len(muscles)), int)
    for number, name in enumerate(muscles, start=1):
        result[[OTHER_MUSCLE + number, septum_code(number, len(muscles))]] = channels.get(name, 0)
    result[list(BONE)] = channels.get("femur", 0)
    return result
