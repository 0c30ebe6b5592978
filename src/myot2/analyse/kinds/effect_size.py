"""How large the difference of two groups is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myot2.analyse.effect_sizes import Shift, dominance, hodges_lehmann
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import EffectSize
from myot2.analyse.rounding import print_interval
from myot2.analyse.statistic import Statistic, number, unavailable


def run(key: str, analysis: EffectSize, material: Material) -> Outcome:
    """`<key>.shift` in the endpoint's unit, `.delta` (-1 to 1) and `.common_language` (0-1)."""
    first = material.sample(analysis.endpoint, analysis.first)
    second = material.sample(analysis.endpoint, analysis.second)
    endpoint = material.plan.endpoints[analysis.endpoint]
    found = {"shift": _shift(hodges_lehmann(first, second), endpoint.unit, endpoint.decimals)}
    found |= _dominance(first, second)
    sizes = {"n_first": len(first), "n_second": len(second)}
    n = len(first) + len(second)
    return Outcome({f"{key}.{name}": replace(entry, n=n, extras=entry.extras | sizes) for name, entry in found.items()})


def main_keys(key: str, analysis: EffectSize, material: Material) -> tuple[str, ...]:
    """All three."""
    return (f"{key}.shift", f"{key}.delta", f"{key}.common_language")


def _shift(found: Shift, unit: str | None, decimals: int) -> Statistic:
    """The interval is the one that holds for groups of unequal spread; Moses's stands beside it."""
    extras: dict[str, object] = {
        "method": "Hodges and Lehmann; interval of the shifts that Brunner and Munzel's test does not reject",
        "ci_moses": found.ci,
        "moses_exact": found.exact,
    }
    if found.ci_unequal:
        extras["ci_printed"] = print_interval(found.ci_unequal, decimals)
    return number(found.shift, decimals, unit=unit, ci=found.ci_unequal, extras=extras)


def _dominance(first: np.ndarray, second: np.ndarray) -> dict[str, Statistic]:
    try:
        found = dominance(first, second)
    except ValueError as error:
        return {name: unavailable(str(error)) for name in ("delta", "common_language")}
    method = {"method": "Cliff's delta, with Wilson's interval of the area, stretched"}
    return {
        "delta": number(found.delta, 3, ci=found.ci, extras=method | {"ci_printed": print_interval(found.ci, 3)}),
        "common_language": number(
            found.common_language,
            3,
            ci=found.common_language_ci,
            extras={"ci_printed": print_interval(found.common_language_ci, 3)},
        ),
    }
