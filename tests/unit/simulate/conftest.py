"""A body of simple shapes, and one small examination of it, for the tests of the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from myot2.core.labels import LabelTable, read_labels
from myot2.simulate.anatomy import Tissue
from myot2.simulate.identity import invent_identity
from myot2.simulate.participant import draw_body, examine, muscle_pairs
from myot2.simulate.protocol import Conditions, Preset

SMALL = Preset(
    "small", 2, 1, slices=3, dixon_matrix=(120, 66), multi_echo_matrix=(80, 44), fine_matrix=(240, 132), depth=2
)


def cylinders(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two cylindrical legs: bone, then two half-moons of muscle (labels 1, 3 left and 2, 4 right), fat, skin."""
    x, y = points[..., 0], points[..., 1]
    left = x > 0
    radius = np.hypot(np.abs(x) - 90, y)
    tissue = np.full(radius.shape, Tissue.AIR, dtype=np.uint8)
    for limit, kind in (
        (82, Tissue.SKIN),
        (80, Tissue.SUBCUTANEOUS_FAT),
        (65, Tissue.MUSCLE),
        (15, Tissue.CORTEX),
        (9, Tissue.MARROW),
    ):
        tissue[radius < limit] = kind
    labels = np.where(tissue == Tissue.MUSCLE, np.where(y < 0, 1, 3) + ~left, 0).astype(np.uint8)
    return labels, tissue


@pytest.fixture(scope="session")
def label_table(root) -> LabelTable:
    return read_labels(root / "config" / "labels.tsv")


@pytest.fixture(scope="session")
def small_preset() -> Preset:
    return SMALL


@pytest.fixture(scope="session")
def cylinder_body(label_table):
    """Draw a body of cylinders: call with a seed, a target T2 and a chronicity."""

    def draw(seed: int = 1, target_t2_ms: float = 45.0, chronicity: float = 0.5):
        return draw_body(
            np.random.default_rng(seed),
            cylinders,
            pairs=muscle_pairs(label_table),
            target_t2_ms=target_t2_ms,
            chronicity=chronicity,
            residual_fat=0.03,
        )

    return draw


@pytest.fixture(scope="session")
def small_examination(cylinder_body):
    """Series, truth and identity of a patient of 45 ms who did not move; refocusing ideal."""
    series, truth = examine(cylinder_body(), SMALL, Conditions(refocusing="ideal"), 45.0, np.random.default_rng(2))
    return series, truth, invent_identity(np.random.default_rng(3), sex="F", age=44)
