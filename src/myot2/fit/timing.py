"""What a model asks of the number and the times of the echoes."""

from __future__ import annotations

import numpy as np

from myot2.core.errors import MyoT2Error
from myot2.fit.echoes import Echoes

_EVEN = 1e-3


def require_count(used: Echoes, least: int, model: str) -> None:
    """Raise `MyoT2Error` where there are fewer echoes than a model has to have."""
    if len(used.times_ms) < least:
        raise MyoT2Error(
            expected=f"at least {least} echoes for {model}",
            found=str(len(used.times_ms)),
            where=used.where,
            do="Give all echoes of the series, skip fewer, or choose the model mono.",
        )


def require_even(used: Echoes, what: str, *, from_excitation: bool) -> np.ndarray:
    """The echo times in ms, where all are multiples of their spacing (of a phase graph: from the first multiple on).

    Raises
    ------
    MyoT2Error
        They are not; `what` needs them so.
    """
    times = even_times(used.times_ms)
    if times is None or (from_excitation and times[0] > 1.5 * (times[1] - times[0])):
        first = "the first of them one spacing after the excitation" if from_excitation else "multiples of one spacing"
        raise MyoT2Error(
            expected=f"evenly spaced echo times for {what}, {first}",
            found=", ".join(f"{time:g}" for time in used.times_ms) + " ms",
            where=used.where,
            do="Check the echo times; or choose the model mono without noise, which takes any.",
        )
    return times


def even_times(times: np.ndarray) -> np.ndarray | None:
    """Echo times as exact multiples of their spacing, rid of the rounding of headers; None where they are none."""
    spacing = (times[-1] - times[0]) / (len(times) - 1)
    before = round(times[0] / spacing)
    numbers = np.arange(before, before + len(times))
    exact = numbers * (times @ numbers / (numbers @ numbers))
    return exact if before > 0 and np.allclose(times, exact, rtol=0, atol=_EVEN * spacing) else None
