"""torchsim (MIT): dictionary matching, Levenberg-Marquardt and kernel regression (PERK)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torchsim import PERK, DictionaryMatcher, NonlinearLeastSquares
from torchsim.simulators import FSESimulator, MultiEchoSimulator
from worker import Echoes, Method, serve

T2_RANGE_MS = (10.0, 200.0)
B1_RANGE = (0.6, 1.0)
T1_MS = 1400.0


def mapping(estimator: object, echoes: Echoes) -> Callable[[], np.ndarray]:
    """A map of the echoes relative to the mean of the first."""
    signal = torch.from_numpy(np.ascontiguousarray(echoes.signal.T / echoes.signal[0].mean()))
    return lambda: estimator.map(signal)["T2"].numpy().ravel()


def decay(echoes: Echoes) -> MultiEchoSimulator:
    """The exponential."""
    return MultiEchoSimulator(TE=torch.tensor(echoes.times_ms, dtype=torch.float32))


def train(echoes: Echoes) -> FSESimulator:
    """The phase graph, T1 set."""
    return FSESimulator(flip=180.0 * torch.ones(len(echoes.times_ms)), ESP=echoes.spacing_ms, T1=T1_MS)


def dictionary(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Exponentials."""
    return mapping(DictionaryMatcher(decay(echoes)).fit(T2=np.geomspace(*T2_RANGE_MS, 400)), echoes)


def nonlinear(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0 and T2."""
    fit = NonlinearLeastSquares(decay(echoes), bounds={"T2": (1.0, 500.0), "M0": (0.0, 20.0)})
    return mapping(fit.fit(T2=(20.0, 120.0), M0=(0.5, 3.0), seed=0), echoes)


def perk(echoes: Echoes) -> Callable[[], np.ndarray]:
    """Trained at the noise of the data."""
    noise = echoes.sigma / float(echoes.signal[0].mean())
    fit = PERK(decay(echoes), n_features=500, feature_seed=0, uncertainty=False)
    return mapping(fit.fit(T2=(15.0, 150.0), M0=(0.9, 1.6), noise_std=noise, samples=50_000, seed=0), echoes)


def epg_dictionary(t2_entries: int, b1_entries: int) -> Method:
    """Phase graphs of a grid of T2 and B1."""

    def prepare(echoes: Echoes) -> Callable[[], np.ndarray]:
        t2, b1 = np.meshgrid(np.geomspace(*T2_RANGE_MS, t2_entries), np.linspace(*B1_RANGE, b1_entries))
        return mapping(DictionaryMatcher(train(echoes)).fit(T2=t2.ravel(), B1=b1.ravel()), echoes)

    return prepare


def epg_nonlinear(echoes: Echoes) -> Callable[[], np.ndarray]:
    """M0, T2 and B1."""
    bounds = {"T2": (1.0, 500.0), "M0": (0.0, 20.0), "B1": (0.3, 1.0)}
    fit = NonlinearLeastSquares(train(echoes), bounds=bounds)
    return mapping(fit.fit(T2=(20.0, 120.0), M0=(0.5, 3.0), B1=(0.65, 1.0), seed=0), echoes)


serve(
    {
        "dictionary 400": dictionary,
        "Levenberg-Marquardt": nonlinear,
        "PERK 500": perk,
        "EPG dictionary 60 x 20": epg_dictionary(60, 20),
        "EPG Levenberg-Marquardt": epg_nonlinear,
    }
)
