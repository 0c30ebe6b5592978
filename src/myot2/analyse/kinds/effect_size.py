"""How large the difference of two groups is."""

from __future__ import annotations

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
    n = len(first) + len(second)
    found = {f"{key}.shift": _shift(hodges_lehmann(first, second), n, endpoint.unit, endpoint.decimals)}
    return Outcome(found | {f"{key}.{name}": entry for name, entry in _dominance(first, second, n).items()})


def main_keys(key: str, analysis: EffectSize, material: Material) -> tuple[str, ...]:
    """All three."""
    return (f"{key}.shift", f"{key}.delta", f"{key}.common_language")


def _shift(found: Shift, n: int, unit: str | None, decimals: int) -> Statistic:
    """The interval is the one that holds for groups of unequal spread; Moses's stands beside it."""
    extras: dict[str, object] = {
        "method": "Hodges and Lehmann; interval of the shifts that Brunner and Munzel's test does not reject",
        "ci_moses": found.ci,
        "moses_exact": found.exact,
    }
    if found.ci_unequal:
        extras["ci_printed"] = print_interval(found.ci_unequal, decimals)
    return number(found.shift, decimals, n=n, unit=unit, ci=found.ci_unequal, extras=extras)


def _dominance(first: np.ndarray, second: np.ndarray, n: int) -> dict[str, Statistic]:
    try:
        found = dominance(first, second)
    except ValueError as error:
        return {name: unavailable(str(error), n=n) for name in ("delta", "common_language")}
    method = {"method": "Cliff's delta, with Wilson's interval of the area, stretched"}
    return {
        "delta": number(found.delta, 3, n=n, ci=found.ci, extras=method | {"ci_printed": print_interval(found.ci, 3)}),
        "common_language": number(
            found.common_language,
            3,
            n=n,
            ci=found.common_language_ci,
            extras={"ci_printed": print_interval(found.common_language_ci, 3)},
        ),
    }
