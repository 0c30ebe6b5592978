"""The area under the ROC curve with its interval by several methods."""

from __future__ import annotations

import numpy as np

from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import AreaIntervals
from myot2.analyse.roc_intervals import area_interval
from myot2.analyse.rounding import print_interval
from myot2.analyse.statistic import Statistic, number, unavailable

METHODS = {
    "wilson": "Wilson's score interval with DeLong's variance",
    "delong": "DeLong, truncated to 0-1",
    "logit": "DeLong on the logit scale",
    "percentile": "bootstrap within each group, percentiles",
    "bca": "bootstrap within each group, bias-corrected and accelerated",
}


def run(key: str, analysis: AreaIntervals, material: Material) -> Outcome:
    """`<key>.<method>`: the area with the interval by that method."""
    positives = material.sample(analysis.endpoint, analysis.positive)
    negatives = material.sample(analysis.endpoint, analysis.negative)
    drawn = material.drawing(analysis)
    return Outcome({f"{key}.{method}": _by(method, positives, negatives, drawn) for method in analysis.methods})


def main_keys(key: str, analysis: AreaIntervals, material: Material) -> tuple[str, ...]:
    """Every method's."""
    return tuple(f"{key}.{method}" for method in analysis.methods)


def _by(method: str, positives: np.ndarray, negatives: np.ndarray, drawn: dict[str, int]) -> Statistic:
    n = len(positives) + len(negatives)
    extras = {"ci_method": METHODS[method], "n_positive": len(positives), "n_negative": len(negatives)}
    try:
        found = area_interval(positives, negatives, method, **drawn)
    except ValueError as error:
        return unavailable(str(error), n=n, extras=extras)
    ci = (found.low, found.high)
    if found.resamples is not None:
        extras |= {"resamples": found.resamples, "seed": found.seed}
    return number(found.area, 3, n=n, ci=ci, extras=extras | {"ci_printed": print_interval(ci, 3)})
