"""How many have something, by both denominators: those of whom it is known, and all."""

from __future__ import annotations

from myot2.analyse.describe import describe
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Prevalence
from myot2.analyse.proportion import proportion
from myot2.analyse.selection import ABSENT, PRESENT, cells_of
from myot2.analyse.statistic import Statistic


def run(key: str, analysis: Prevalence, material: Material) -> Outcome:
    """`<key>.present_of_known`, `.present_of_all`, `.unknown`, and the score of those who have it."""
    cells = cells_of(material.people, analysis.fact)
    inside = material.members(analysis.among)
    present = (cells == PRESENT).fillna(False).astype(bool) & inside
    known = int((cells[inside].isin([PRESENT, ABSENT])).sum())
    affected, everybody = int(present.sum()), int(inside.sum())
    who, by = material.title(analysis.among), analysis.known_by or analysis.fact
    found = {
        f"{key}.present_of_known": proportion(affected, known, among=f"{who} with a known {by}"),
        f"{key}.present_of_all": proportion(affected, everybody, among=f"all {who}, unknown {by} counted as absent"),
        f"{key}.unknown": Statistic(everybody - known, str(everybody - known), n=everybody),
    }
    if analysis.score is not None:
        endpoint = material.plan.endpoints[analysis.score]
        found |= describe(
            f"{analysis.score}.present",
            material.endpoint(analysis.score)[present].to_numpy(),
            decimals=endpoint.decimals if analysis.decimals is None else analysis.decimals,
            unit=endpoint.unit,
        )
    return Outcome(found)


def main_keys(key: str, analysis: Prevalence, material: Material) -> tuple[str, ...]:
    """The fraction of those of whom it is known."""
    return (f"{key}.present_of_known",)
