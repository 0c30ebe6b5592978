"""Two groups, muscle by muscle."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.keys import key_of
from myot2.analyse.kinds.comparison import TwoGroups, compare
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import MuscleComparison
from myot2.analyse.sample import summarise

_FIGURES = ("n", "mean", "sd", "median")


def run(key: str, analysis: MuscleComparison, material: Material) -> Outcome:
    """`<key>.<region>.<group>.*` for both groups and `<key>.<region>.mann_whitney` for every region."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    found, rows = {}, []
    for region, kind in regions_of(material).items():
        prefix = f"{key}.{key_of(region)}"
        names = (f"{prefix}.mann_whitney", f"{prefix}.{analysis.first}", f"{prefix}.{analysis.second}")
        values = _values(region, analysis, material)
        found |= TwoGroups(*names, *values, endpoint.unit, endpoint.decimals).statistics()
        rows.append(_row(region, kind, dict(zip((analysis.first, analysis.second), values, strict=True))))
    figures = [f"{group}_{name}" for group in (analysis.first, analysis.second) for name in _columns()]
    return Outcome(found, {"muscles": pd.DataFrame(rows, columns=["region", "kind", *figures, "z", "p"])})


def main_keys(key: str, analysis: MuscleComparison, material: Material) -> tuple[str, ...]:
    """Every region's test."""
    return tuple(f"{key}.{key_of(region)}.mann_whitney" for region in regions_of(material))


def regions_of(material: Material) -> dict[str, str]:
    """Region -> kind (muscle, group or region): the label table's in its order, measured or not, then any others."""
    labels = material.labels
    muscles, groups = (labels.muscles, labels.groups) if labels else ((), ())
    kinds = dict.fromkeys(groups, "group") | dict.fromkeys(muscles, "muscle")
    return {name: kinds.get(name, "region") for name in [*muscles, *groups, *material.cohort.regions.columns]}


def _values(region: str, analysis: MuscleComparison, material: Material) -> tuple[np.ndarray, np.ndarray]:
    endpoint = material.plan.endpoints[analysis.endpoint].model_copy(update={"region": region})
    values = material.values_of(endpoint)
    first, second = (values[material.members(group)].dropna().to_numpy() for group in (analysis.first, analysis.second))
    return first, second


def _row(region: str, kind: str, groups: dict[str, np.ndarray]) -> dict[str, object]:
    """Each group's n, mean, SD and median in ms, z and p of Mann and Whitney."""
    row: dict[str, object] = {"region": region, "kind": kind}
    for group, values in groups.items():
        sample = summarise(values)
        figures = (getattr(sample, name) for name in _FIGURES)
        row |= {f"{group}_{name}": figure for name, figure in zip(_columns(), figures, strict=True)}
    test = compare(*groups.values())
    return {**row, "z": test.extras.get("z"), "p": test.p}


def _columns() -> list[str]:
    return ["n", *(f"{name}_ms" for name in _FIGURES[1:])]
