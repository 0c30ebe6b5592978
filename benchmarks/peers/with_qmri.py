"""qmri (MIT): SciPy's Levenberg-Marquardt voxel by voxel, and what it does unless told otherwise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qmri.relaxometry import t2
from worker import Echoes, serve


def fit(echoes: Echoes, **options: object) -> Callable[[], np.ndarray]:
    """T2 by its own function, in s there."""
    signal = echoes.signal.T.astype(float)
    return lambda: 1000 * t2.fit(signal, echoes.times_ms / 1000, **options).t2


serve(
    {
        "least squares": lambda echoes: fit(echoes, model="reduced", skip_echoes=0),
        "default (offset, without echo 1)": fit,
    }
)
