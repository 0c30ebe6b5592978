"""What is unknown, of whom."""

from __future__ import annotations

import pandas as pd

from myot2.analyse.material import Material
from myot2.analyse.missing import complete_cases, missing_patterns, missing_table
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import MissingData
from myot2.analyse.proportion import proportion
from myot2.analyse.statistic import Statistic, unavailable


def run(key: str, analysis: MissingData, material: Material) -> Outcome:
    """`<key>.<group>.<endpoint>`: how many lack it; `<key>.<group>.complete`: the fraction with all endpoints known."""
    groups = {group: material.table(analysis.endpoints, group) for group in analysis.among}
    found: dict[str, Statistic] = {}
    for group, people in groups.items():
        for name in analysis.endpoints:
            unknown = int(people[name].isna().sum())
            found[f"{key}.{group}.{name}"] = (
                Statistic(unknown, str(unknown), n=len(people))
                if len(people)
                else unavailable("the group is empty", n=0)
            )
        complete, _ = complete_cases(people, analysis.endpoints)
        found[f"{key}.{group}.complete"] = proportion(len(complete), len(people), among=material.title(group))
    return Outcome(found, _tables(analysis, material))


def main_keys(key: str, analysis: MissingData, material: Material) -> tuple[str, ...]:
    """Every count, and the complete."""
    return tuple(f"{key}.{group}.{name}" for group in analysis.among for name in (*analysis.endpoints, "complete"))


def _tables(analysis: MissingData, material: Material) -> dict[str, pd.DataFrame]:
    """Counts per endpoint and group, and the combinations in which endpoints are unknown, the most frequent first."""
    people = pd.concat([material.table(analysis.endpoints, group).assign(_group=group) for group in analysis.among])
    patterns = missing_patterns(people, analysis.endpoints)
    unknown = [
        ", ".join(name for name in analysis.endpoints if not known[name]) or "none"
        for known in patterns[analysis.endpoints].to_dict("records")
    ]
    counts = missing_table(people, analysis.endpoints, people["_group"]).rename(columns={"column": "endpoint"})
    return {"missing": counts, "missing_patterns": patterns[["n"]].assign(unknown=unknown)}
