"""qmrpy (MIT): a Python port of qMRLab's and other fits, voxel by voxel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qmrpy.models.t2 import T2EPG, T2Mono, T2WaterFat
from worker import Echoes, Method, serve


def fit_volume(model: object, echoes: Echoes, name: str = "t2_ms", **options: object) -> Callable[[], np.ndarray]:
    """T2 by its own function for images."""
    signal = echoes.signal.T.astype(float)
    return lambda: np.asarray(model.fit_image(signal, **options)["params"][name])


def mono(kind: str) -> Method:
    """Of the kinds that it offers."""
    return lambda echoes: fit_volume(T2Mono(te_ms=echoes.times_ms), echoes, fit_type=kind)


def epg(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0, T2 and B1; from its default start, where B1 has no effect, it does not get away."""
    model = T2EPG(n_te=len(echoes.times_ms), te_ms=echoes.spacing_ms, t1_ms=1400.0)
    return fit_volume(model, echoes, estimate_b1=True, b1_bounds=(0.5, 1.0), b1_init=0.85)


def water_fat(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Two exponentials without a phase graph, the T2 of fat given."""
    grids = {"water_t2_grid_ms": np.arange(20.0, 81.0, 2.0), "fat_t2_grid_ms": np.array([150.0])}
    return fit_volume(T2WaterFat(te_ms=echoes.times_ms), echoes, "water_t2_ms", **grids)


serve(
    {
        "exponential": mono("exponential"),
        "linear": mono("linear"),
        "EPG": epg,
        "water and fat": water_fat,
    }
)
