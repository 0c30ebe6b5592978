"""Who is in the cohort: counts, sex, and per group what the plan lists."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.describe import describe
from myot2.analyse.keys import key_of
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Described, Description
from myot2.analyse.rounding import print_number, print_percent
from myot2.analyse.selection import cells_of
from myot2.analyse.statistic import Statistic, unavailable


def run(key: str, analysis: Description, material: Material) -> Outcome:
    """All statistics under `<key>.`."""
    found = {
        f"{key}.n": count(len(material.people)),
        f"{key}.unused_sessions": Statistic(
            len(material.cohort.unused_sessions),
            str(len(material.cohort.unused_sessions)),
            extras={
                "rule": "one session per person: the first that was measured, in natural order of the session names",
                "sessions": list(material.cohort.unused_sessions),
            },
        ),
    }
    measured = material.endpoint(analysis.measured).notna()
    for group, content in analysis.of.items():
        found |= _numbers_and_sex(f"{key}.{group}", material.people, material.members(group), measured)
        found |= _described(f"{key}.{group}", group, content, material)
    return Outcome(found, n=len(material.people))


def main_keys(key: str, analysis: Description, material: Material) -> tuple[str, ...]:
    """How many people there are."""
    return (f"{key}.n",)


def count(value: int, **others: object) -> Statistic:
    """A number of people."""
    return Statistic(value, str(value), **others)


def _numbers_and_sex(
    prefix: str, everybody: pd.DataFrame, members: pd.Series, measured: pd.Series
) -> dict[str, Statistic]:
    people = everybody[members]
    without = people.loc[~measured[members], "participant_id"].tolist()
    found = {
        f"{prefix}.n": count(len(people)),
        f"{prefix}.measured": count(len(people) - len(without), n=len(people), extras={"not_measured": without}),
    }
    known = int(people["sex"].notna().sum())
    male, female = (int(np.sum(people["sex"] == sex)) for sex in ("M", "F"))
    for name, number_of in (("male", male), ("female", female)):
        found[f"{prefix}.{name}"] = count(number_of, n=known) if known else unavailable("no sex is known", n=0)
    found[f"{prefix}.sex_ratio"] = (
        Statistic(female / male, f"1:{print_number(female / male, 1)}", n=known, extras={"of": "male to female"})
        if male
        else unavailable("there are no males", n=known)
    )
    return found


def _described(prefix: str, group: str, content: Described, material: Material) -> dict[str, Statistic]:
    found = {}
    for name in content.summarise:
        endpoint = material.plan.endpoints[name]
        found |= describe(
            f"{prefix}.{name}",
            material.sample(name, group),
            decimals=endpoint.decimals,
            unit=endpoint.unit,
            range_decimals=endpoint.range_decimals,
        )
    for column, words in content.count.items():
        cells = cells_of(material.people, column)[material.members(group)]
        found |= _count_each(f"{prefix}.{column}", cells, words)
    return found


def _count_each(prefix: str, cells: pd.Series, always: list[str]) -> dict[str, Statistic]:
    """How many have each of the words of a column; the plan's words have a key even where nobody has them."""
    names = [key_of(cell) for cell in cells.dropna()]
    if not names:
        return {f"{prefix}.{name}": unavailable("the column is not in the table, or unknown", n=0) for name in always}
    words = [*always, *sorted(set(names) - set(always))]
    return {
        f"{prefix}.{word}": count(
            names.count(word), n=len(names), extras={"percent_printed": print_percent(names.count(word) / len(names))}
        )
        for word in words
    }
