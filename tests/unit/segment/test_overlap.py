"""Comparison of two label maps, against formulas, counts by hand and peers."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.labels import read_labels
from myot2.segment.overlap import dice, dice_by_muscle


@pytest.fixture(scope="module")
def table(root):
    return read_labels(root / "config" / "labels.tsv")


def test_dice_is_twice_the_overlap_over_the_sum_of_sizes(table):
    first, second = np.zeros((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    first[:, :4], second[:, 2:8] = True, True
    assert dice(first, second) == pytest.approx(2 * 40 / (80 + 120))
    assert dice(first, first) == 1
    assert dice(first & False, second & False) is None
    index = table.index("gracilis", "left")
    scores = dice_by_muscle(first * index, second * index, table)
    assert scores["gracilis", "left"] == pytest.approx(0.4)
    assert scores["gracilis", "right"] is None
