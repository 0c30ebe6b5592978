"""mrpro (Apache-2.0): its dictionary matching, on its own signal models.

torchvision serves its phantoms only, and is left out. The similarities of a batch of voxels to all entries are held at
once: its default batch of a million voxels takes gigabytes, and batches that fit the cache are several times as fast.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from worker import Echoes, Method, leave_out, serve

leave_out("torchvision", "torchvision.transforms", "torchvision.transforms.functional")

from mrpro.operators import DictionaryMatchOp  # noqa: E402
from mrpro.operators.models import MonoExponentialDecay, MultiEchoSpinEcho  # noqa: E402

DEFAULT_BATCH = 1024 * 1024
SIMILARITIES = 1_000_000
"""In a small batch."""

T2_RANGE_S = (0.010, 0.200)
B1_RANGE = (0.6, 1.0)
T1_S = 1.4


def matching(operator: DictionaryMatchOp, echoes: Echoes, which: int) -> Callable[[], np.ndarray]:
    """A match of all voxels."""
    signal = torch.from_numpy(echoes.signal)
    return lambda: 1000 * operator(signal)[which].numpy()


def mono(entries: int, batch: int = DEFAULT_BATCH) -> Method:
    """Exponentials, T2 evenly spaced in its logarithm."""

    def prepare(echoes: Echoes) -> Callable[[], np.ndarray]:
        model = MonoExponentialDecay(torch.tensor(echoes.times_ms / 1000, dtype=torch.float32))
        operator = DictionaryMatchOp(model, index_of_scaling_parameter=0, batch_size=batch)
        t2 = torch.tensor(np.geomspace(*T2_RANGE_S, entries), dtype=torch.float32)
        return matching(operator.append(torch.ones(1), t2), echoes, 1)

    return prepare


def epg(t2_entries: int, b1_entries: int, batch: int = DEFAULT_BATCH) -> Method:
    """Phase graphs of a grid of T2 and B1."""

    def prepare(echoes: Echoes) -> Callable[[], np.ndarray]:
        pulses = torch.full((len(echoes.times_ms),), torch.pi)
        model = MultiEchoSpinEcho(pulses, torch.zeros_like(pulses), echoes.spacing_ms / 1000)
        operator = DictionaryMatchOp(model, index_of_scaling_parameter=0, batch_size=batch)
        t2, b1 = np.meshgrid(np.geomspace(*T2_RANGE_S, t2_entries), np.linspace(*B1_RANGE, b1_entries))
        t2, b1 = (torch.tensor(values.ravel(), dtype=torch.float32) for values in (t2, b1))
        with torch.no_grad():
            operator.append(torch.ones(1), torch.tensor([T1_S]), t2, b1)
        # echoes of such a train are real, and real numbers are a quarter of the work
        operator.y = operator.y.real.contiguous()
        return matching(operator, echoes, 2)

    return prepare


serve(
    {
        "dictionary 400": mono(400),
        "dictionary 400, small batches": mono(400, SIMILARITIES // 400),
        "EPG dictionary 60 x 20": epg(60, 20),
        "EPG dictionary 60 x 20, small batches": epg(60, 20, SIMILARITIES // (60 * 20)),
        "EPG dictionary 200 x 41": epg(200, 41),
        "EPG dictionary 200 x 41, small batches": epg(200, 41, SIMILARITIES // (200 * 41)),
    }
)
