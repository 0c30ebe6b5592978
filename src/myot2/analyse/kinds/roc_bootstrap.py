"""How far a cutoff, and the rates found with it, can be trusted."""

from __future__ import annotations

import pandas as pd

from myot2.analyse.cutoff import Rate, cutoff_stability
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import RocBootstrap
from myot2.analyse.roc_intervals import roc_band
from myot2.analyse.rounding import print_interval, print_percent, print_percents
from myot2.analyse.statistic import Statistic, number, unavailable

METHOD = "bootstrap within each group, the cutoff chosen anew in each sample"
NOT_NEW = (
    "the interval shows how the derivation varies; in new people the exact interval of the rate is the one to quote"
)
MEANINGS = {
    "optimism": "how much better a cutoff does in its own sample than in the original one, on average",
    "corrected": "the apparent rate less the optimism",
    "out_of_bag": "mean rate among the people whom a sample left out",
}


def run(key: str, analysis: RocBootstrap, material: Material) -> Outcome:
    """`<key>.cutoff`, and of sensitivity and specificity the apparent rate, optimism, corrected and out-of-bag rate."""
    positives = material.sample(analysis.endpoint, analysis.positive)
    negatives = material.sample(analysis.endpoint, analysis.negative)
    endpoint, drawn = material.plan.endpoints[analysis.endpoint], material.drawing(analysis)
    found = cutoff_stability(positives, negatives, **drawn)
    if found.sensitivity.apparent + found.specificity.apparent <= 1:
        raise ValueError("no cutoff is better than chance (Youden's index is nowhere above 0)")
    n = len(positives) + len(negatives)
    statistics = {
        f"{key}.cutoff": number(
            found.cutoff,
            endpoint.decimals,
            n=n,
            unit=endpoint.unit,
            ci=found.ci,
            extras={
                "n_positive": len(positives),
                "n_negative": len(negatives),
                "ci_printed": print_interval(found.ci, endpoint.decimals),
                "method": METHOD,
                **drawn,
            },
        )
    }
    for name, rate, size in (
        ("sensitivity", found.sensitivity, len(positives)),
        ("specificity", found.specificity, len(negatives)),
    ):
        statistics |= {f"{key}.{name}{part}": entry for part, entry in _rate(rate, size, drawn).items()}
    rigid = [name for name in ("sensitivity", "specificity") if len(set(getattr(found, name).ci)) == 1]
    warnings = tuple(
        f"the bootstrap interval of the {name} has no width in these data; quote the exact one" for name in rigid
    )
    band = roc_band(positives, negatives, **drawn)
    columns = {"false_positive_rate": band.rates, "sensitivity": band.sensitivity, "low": band.low, "high": band.high}
    return Outcome(statistics, {"roc_band": pd.DataFrame(columns)}, warnings)


def main_keys(key: str, analysis: RocBootstrap, material: Material) -> tuple[str, ...]:
    """Every number."""
    parts = ("", *(f"_{name}" for name in MEANINGS))
    rates = [f"{name}{part}" for name in ("sensitivity", "specificity") for part in parts]
    return tuple(f"{key}.{name}" for name in ("cutoff", *rates))


def _rate(rate: Rate, n: int, drawn: dict[str, int]) -> dict[str, Statistic]:
    apparent = {"ci_printed": print_percents(rate.ci), "method": METHOD, "note": NOT_NEW, **drawn}
    found = {"": Statistic(rate.apparent, print_percent(rate.apparent), n=n, ci=rate.ci, extras=apparent)}
    for name, meaning in MEANINGS.items():
        value = getattr(rate, name)
        extras = {"meaning": meaning}
        found[f"_{name}"] = (
            unavailable("no sample left anybody out", n=n, extras=extras)
            if value is None
            else Statistic(value, print_percent(value), n=n, extras=extras)
        )
    return found
