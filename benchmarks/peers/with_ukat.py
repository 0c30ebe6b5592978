"""ukat (GPL-3): curve_fit voxel by voxel, and its StimFit (phase graph, pulses without slice).

Its kidney segmentation is left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from worker import Echoes, leave_out, serve

leave_out("segment", "segment.Tkv")

from ukat.mapping.t2 import T2  # noqa: E402
from ukat.mapping.t2_stimfit import StimFitModel, T2StimFit  # noqa: E402

AFFINE = np.eye(4)


def mono(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Two parameters."""
    signal = echoes.signal.T.astype(float)
    return lambda: T2(signal, echoes.times_ms, AFFINE, method="2p_exp", multithread=False).t2_map


def stimfit(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0, T2 and B1 of one component."""
    signal = echoes.signal.T.astype(float)
    model = StimFitModel(mode="non_selective", n_comp=1)
    count = len(echoes.times_ms)
    model.opt.update(esp=echoes.spacing_ms / 1000, etl=count, T1=1.4, te=echoes.times_ms / 1000)
    model.opt["RFr"]["FA_array"] = np.ones(count)
    return lambda: T2StimFit(signal, AFFINE, model, multithread=False).t2_map


serve({"two parameters": mono, "StimFit": stimfit})
