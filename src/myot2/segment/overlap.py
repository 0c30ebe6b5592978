"""How well a label map matches the truth."""

from __future__ import annotations

import numpy as np

from myot2.core.labels import LabelTable


def dice(first: np.ndarray, second: np.ndarray) -> float | None:
    """Dice's coefficient 2 |A and B| / (|A| + |B|) of two masks; None where both are empty."""
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else None


def dice_by_muscle(labels: np.ndarray, truth: np.ndarray, table: LabelTable) -> dict[tuple[str, str], float | None]:
    """Dice of every muscle and side; a muscle that the truth lacks is None, however it was labelled.

    Parameters
    ----------
    labels, truth : ndarray of unsigned integer, same shape
        Numbers of the label table.
    table : LabelTable

    Returns
    -------
    dict
        (name, side) to Dice (0-1) or None.
    """
    return {
        (label.name, label.side): dice(labels == label.index, truth == label.index)
        if (truth == label.index).any()
        else None
        for label in table.labels
    }
