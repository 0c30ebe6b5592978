"""Two groups with covariates held equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from myot2.analyse.adjusted import AdjustedRatio, adjusted_ratio, rank_ancova, ratio_within
from myot2.analyse.keys import key_of
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import AdjustedComparison
from myot2.analyse.rounding import print_interval
from myot2.analyse.selection import cells_of
from myot2.analyse.statistic import Statistic, number, unavailable

RATIO_TEST = "ratio of 1 (least squares on the logarithm, HC3 errors, Student's t)"
QUADE_TEST = "Quade's analysis of covariance of ranks"


@dataclass(frozen=True)
class _People:
    """Those of both groups: values of shape (n,), who belongs to the first, and the covariates of n rows."""

    values: np.ndarray
    first: np.ndarray
    covariates: pd.DataFrame


def run(key: str, analysis: AdjustedComparison, material: Material) -> Outcome:
    """`<key>.ratio`, `.rank_ancova`, and `.ratio_<column>_<level>` for each level that the plan names."""
    people = _people(analysis, material)
    found = {"ratio": _or_reason(lambda: _ratio(adjusted_ratio(people.values, people.first, people.covariates)))}
    found["rank_ancova"] = _or_reason(lambda: _ranks(people))
    for column, level in analysis.within.items():
        # the loop's names are bound now: the reason is that the call happens inside _or_reason
        found[_within(column, level)] = _or_reason(
            lambda column=column, level=level: _ratio(
                ratio_within(people.values, people.first, people.covariates, column, level), among=f"{column} {level}"
            )
        )
    return Outcome({f"{key}.{name}": statistic for name, statistic in found.items()})


def main_keys(key: str, analysis: AdjustedComparison, material: Material) -> tuple[str, ...]:
    """The ratio, the test by ranks, and the ratios within a level."""
    names = ("ratio", "rank_ancova", *(_within(column, level) for column, level in analysis.within.items()))
    return tuple(f"{key}.{name}" for name in names)


def _within(column: str, level: str) -> str:
    return f"ratio_{key_of(column)}_{key_of(level)}"


def _people(analysis: AdjustedComparison, material: Material) -> _People:
    first, second = material.members(analysis.first), material.members(analysis.second)
    if (first & second).any():
        raise ValueError("somebody belongs to both groups")
    covariates = pd.DataFrame({name: cells_of(material.people, name) for name in analysis.covariates})
    chosen = first | second
    return _People(
        material.endpoint(analysis.endpoint)[chosen].to_numpy(), first[chosen].to_numpy(bool), covariates[chosen]
    )


def _or_reason(work: Callable[[], Statistic]) -> Statistic:
    try:
        return work()
    except ValueError as error:
        return unavailable(str(error))


def _ratio(found: AdjustedRatio, **extras: object) -> Statistic:
    extras = {
        "ci_printed": print_interval(found.ci, 3),
        "coefficient": found.coefficient,
        "se": found.se,
        "t": found.t,
        "df": found.df,
        **_told(found.n_first, found.n_second, found.left_out, found.covariates),
        **extras,
    }
    return number(
        found.ratio, 3, n=found.n_first + found.n_second, ci=found.ci, test=RATIO_TEST, p=found.p, extras=extras
    )


def _ranks(people: _People) -> Statistic:
    found = rank_ancova(people.values, people.first, people.covariates)
    extras = {"df": found.df, **_told(found.n_first, found.n_second, found.left_out, found.covariates)}
    return number(found.f, 2, n=found.n_first + found.n_second, test=QUADE_TEST, p=found.p, extras=extras)


def _told(n_first: int, n_second: int, left_out: int, covariates: tuple[str, ...]) -> dict[str, object]:
    return {"n_first": n_first, "n_second": n_second, "left_out": left_out, "covariates": covariates}
