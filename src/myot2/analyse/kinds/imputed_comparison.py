"""Two groups with covariates held equal, the covariates filled in where they are unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from myot2.analyse.kinds.pooled import cannot_help, pooled_statistic
from myot2.analyse.material import Material
from myot2.analyse.missing import impute
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import ImputedComparison
from myot2.analyse.pooling import imputed_ratio
from myot2.analyse.selection import cells_of

TEST = "ratio of 1 (least squares on the logarithm, HC3 errors), pooled over imputations (Rubin; Barnard and Rubin)"
WHOLE = ("value", "first")
"""Columns that help to fill in and are not filled in themselves."""
_HELPER = "helper "


@dataclass(frozen=True)
class _People:
    """Those of both groups with a value: values and who belongs to the first, shape (n,); covariates as numbers."""

    values: np.ndarray
    first: np.ndarray
    covariates: pd.DataFrame
    helpers: pd.DataFrame


def run(key: str, analysis: ImputedComparison, material: Material) -> Outcome:
    """`<key>.ratio`, by predictive mean matching and Rubin's rules; `filled_in` counts people, `by_column` cells."""
    people, warnings = _people(analysis, material)
    unknown = people.covariates.isna()
    # covariates first: their names are the user's, and the others' must not be taken for them
    table = pd.concat([people.covariates, people.helpers.add_prefix(_HELPER)], axis=1)
    table = table.set_axis([*(f"covariate {name}" for name in unknown), *table.columns[unknown.shape[1] :]], axis=1)
    table = table.assign(**dict(zip(WHOLE, (people.values, people.first.astype(float)), strict=True)))
    filled = impute(table, imputations=analysis.imputations, whole=WHOLE, **material.drawing(analysis))
    covariates = [one.iloc[:, : unknown.shape[1]].set_axis(unknown.columns, axis=1) for one in filled]
    found = imputed_ratio(people.values, people.first, covariates)
    told = {
        "filled_in": int(unknown.any(axis=1).sum()),
        "by_column": {name: int(unknown[name].sum()) for name in unknown},
        "covariates": tuple(analysis.covariates),
        "n_first": int(people.first.sum()),
        "n_second": int((~people.first).sum()),
    }
    return Outcome({f"{key}.ratio": pooled_statistic(found, len(table), TEST, told)}, warnings=warnings)


def main_keys(key: str, analysis: ImputedComparison, material: Material) -> tuple[str, ...]:
    """The ratio."""
    return (f"{key}.ratio",)


def _people(analysis: ImputedComparison, material: Material) -> tuple[_People, tuple[str, ...]]:
    """The people, and what is to be said of predictors that cannot help."""
    first, second = material.members(analysis.first), material.members(analysis.second)
    if (first & second).any():
        raise ValueError("somebody belongs to both groups")
    values = material.endpoint(analysis.endpoint)
    chosen = (first | second) & values.notna()
    cells = {name: _numbers(cells_of(material.people, name))[chosen] for name in analysis.covariates}
    for name, column in cells.items():
        if reason := cannot_help(column):
            raise ValueError(f"the covariate {name!r} {reason}")
    helpers = pd.DataFrame({name: material.endpoint(name)[chosen] for name in analysis.predictors})
    poor = {name: reason for name in helpers if (reason := cannot_help(helpers[name]))}
    people = _People(
        values[chosen].to_numpy(),
        first[chosen].to_numpy(bool),
        pd.DataFrame(cells).reset_index(drop=True),
        helpers.drop(columns=list(poor)).reset_index(drop=True),
    )
    return people, tuple(f"{name} {reason}: not used" for name, reason in poor.items())


def _numbers(cells: pd.Series) -> pd.Series:
    """Numbers as they are, two words as 0 and 1; NaN where unknown.

    Raises
    ------
    ValueError
        There are more words than two: they have no order in which a nearest could lend.
    """
    if pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    words = sorted(cells.dropna().unique())
    if len(words) > 2:
        raise ValueError(f"the covariate {cells.name!r} has more than two words, which are not filled in")
    return (cells == words[-1]).astype("float64").where(cells.notna(), np.nan) if words else cells.astype("float64")
