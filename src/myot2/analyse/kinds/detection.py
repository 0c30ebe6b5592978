"""How many of a group a cutoff finds that a ROC analysis chose."""

from __future__ import annotations

import numpy as np

from myot2.analyse.cutoff import leave_one_out
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Detection, Roc
from myot2.analyse.proportion import proportion
from myot2.analyse.statistic import unavailable

LEFT_OUT = "each person is judged by the cutoff of all others, so nobody helps to choose the cutoff that finds them"


def run(key: str, analysis: Detection, material: Material) -> Outcome:
    """`<key>.detected`: the fraction at or above the cutoff among those of the group whose value is known."""
    values = material.sample(analysis.endpoint, analysis.among)
    extras = {"among": material.title(analysis.among), **_limits(analysis.among, material)}
    chosen = material.found.get(f"{analysis.cutoff_of}.cutoff")
    if chosen is None or chosen.value is None:
        return Outcome({f"{key}.detected": unavailable("there is no cutoff", n=len(values), extras=extras)})
    if analysis.leave_one_out:
        found, extras = _found_by_the_others(analysis, material), extras | {"rule": LEFT_OUT}
    else:
        found = values >= chosen.value
    return Outcome({f"{key}.detected": proportion(int(found.sum()), len(found), **extras)})


def _found_by_the_others(analysis: Detection, material: Material) -> np.ndarray:
    """Whether each of the group is at or above the cutoff that everybody else gives."""
    curve = material.plan.analyses[analysis.cutoff_of]
    if not isinstance(curve, Roc) or curve.endpoint != analysis.endpoint:
        raise ValueError(f"the cutoff of {analysis.cutoff_of} is of another endpoint")
    known = material.endpoint(analysis.endpoint).notna()
    among = material.members(analysis.among) & known
    positive = material.members(curve.positive) & known
    if (among & ~positive).any():
        raise ValueError(f"somebody of the group is not among the {material.title(curve.positive)} of the curve")
    values = material.endpoint(analysis.endpoint)[positive].to_numpy()
    judged = leave_one_out(values, material.sample(analysis.endpoint, curve.negative))
    return judged.found[among[positive].to_numpy(bool)]


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
