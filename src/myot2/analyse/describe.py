"""A group's summary as statistics with keys."""

from __future__ import annotations

import numpy as np

from myot2.analyse.rounding import print_number
from myot2.analyse.sample import Sample, summarise
from myot2.analyse.statistic import Statistic, number, unavailable

_FIGURES = {"mean": "mean", "sd": "sd", "median": "median", "q1": "q1", "q3": "q3", "min": "low", "max": "high"}


def describe(
    prefix: str, values: np.ndarray, *, decimals: int, unit: str | None, range_decimals: int | None = None
) -> dict[str, Statistic]:
    """`prefix`.mean, .sd, .median, .q1, .q3, .min and .max of values of shape (n,); NaN are left out.

    `range_decimals` is for .min and .max where they print with other decimals than the mean.
    """
    values = np.asarray(values, dtype=float)
    sample = summarise(values[np.isfinite(values)])
    found = {}
    for name, attribute in _FIGURES.items():
        places = range_decimals if range_decimals is not None and name in ("min", "max") else decimals
        found[f"{prefix}.{name}"] = _figure(sample, attribute, places, unit)
    return found


def _figure(sample: Sample, attribute: str, decimals: int, unit: str | None) -> Statistic:
    value = getattr(sample, attribute)
    if value is None:
        reason = "no values" if sample.n == 0 else "one value has no standard deviation"
        return unavailable(reason, n=sample.n, unit=unit)
    if attribute != "mean" or sample.sd is None:
        return number(value, decimals, n=sample.n, unit=unit)
    extras = {
        "sd": sample.sd,
        "sd_printed": print_number(sample.sd, decimals),
        "ci_printed": " to ".join(print_number(end, decimals) for end in sample.ci),
    }
    return number(value, decimals, n=sample.n, unit=unit, ci=sample.ci, extras=extras)
