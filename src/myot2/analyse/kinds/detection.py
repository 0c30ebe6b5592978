"""How many of a group a cutoff finds that a ROC analysis chose."""

from __future__ import annotations

from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Detection
from myot2.analyse.proportion import proportion
from myot2.analyse.statistic import unavailable


def run(key: str, analysis: Detection, material: Material) -> Outcome:
    """`<key>.detected`: the fraction at or above the cutoff among those of the group whose value is known."""
    values = material.sample(analysis.endpoint, analysis.among)
    extras = {"among": material.title(analysis.among), **_limits(analysis.among, material)}
    chosen = material.found.get(f"{analysis.cutoff_of}.cutoff")
    if chosen is None or chosen.value is None:
        return Outcome({f"{key}.detected": unavailable("there is no cutoff", n=len(values), extras=extras)})
    detected = int((values >= chosen.value).sum())
    return Outcome({f"{key}.detected": proportion(detected, len(values), **extras)})


def main_keys(key: str, analysis: Detection, material: Material) -> tuple[str, ...]:
    """The fraction."""
    return (f"{key}.detected",)


def _limits(group: str, material: Material) -> dict[str, object]:
    """The limits of normal by which the group was chosen, with their units."""
    units = {endpoint.column: endpoint.unit for endpoint in material.plan.endpoints.values()}
    found: dict[str, object] = {}
    for column in material.plan.groups[group].where:
        if column in material.plan.limits:
            found |= {f"{column}_upper_limit": material.plan.limits[column], f"{column}_unit": units.get(column)}
    return found
