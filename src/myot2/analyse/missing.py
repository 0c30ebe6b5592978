"""What is unknown: counted by group and by pattern, and filled in many times over. Unknown is never negative."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from myot2.analyse.defaults import IMPUTATIONS

BURN_IN, THIN = 10, 3
"""Cycles of the chain before the first imputed table, and from each to the next."""
DONORS = 5
"""People of nearest prediction, of whom one lends their value; as R's mice."""
FEWEST_KNOWN = 10


def missing_table(people: pd.DataFrame, columns: Sequence[str], group: pd.Series) -> pd.DataFrame:
    """How many are known and unknown, column by column and group by group.

    Parameters
    ----------
    people
        One row per person; an unknown cell is missing (NaN, None, NA).
    group
        The group of each row, in the same order; people without one are counted under n/a.

    Returns
    -------
    pd.DataFrame
        column, group, n, known, unknown; for each column the groups in sorted order, then `all`.
    """
    names = pd.Series(group).astype(object).reset_index(drop=True)
    names = names.where(names.notna(), "n/a").astype(str)
    rows = []
    for column in columns:
        known = people[column].notna().reset_index(drop=True)
        for name, inside in [(name, names == name) for name in sorted(names.unique())] + [("all", names == names)]:
            n, count = int(inside.sum()), int(known[inside].sum())
            rows.append({"column": column, "group": name, "n": n, "known": count, "unknown": n - count})
    return pd.DataFrame(rows, columns=["column", "group", "n", "known", "unknown"])


def missing_patterns(people: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Which combinations of known and unknown occur.

    Returns
    -------
    pd.DataFrame
        One row per pattern, the most frequent first: `n` people, `unknown` columns, and each of `columns`, True where
        known.
    """
    known = people[list(columns)].notna()
    counts = known.value_counts(sort=False).rename("n").reset_index()
    counts.insert(0, "unknown", len(columns) - counts[list(columns)].sum(axis=1))
    counts.insert(0, "n", counts.pop("n"))
    order = ["n", "unknown", *columns]
    return counts.sort_values(order, ascending=[False, True] + [False] * len(columns), ignore_index=True)


def complete_cases(people: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """The rows in which all of `columns` are known, and how many were left out."""
    known = people[list(columns)].notna().all(axis=1)
    return people[known], int((~known).sum())


def impute(
    table: pd.DataFrame, *, imputations: int = IMPUTATIONS, seed: int = 0, whole: Sequence[str] = ()
) -> list[pd.DataFrame]:
    """Fill in the unknown values of a table of numbers, `imputations` times, by chained equations.

    Each column in turn is predicted from all others by least squares with drawn coefficients, and an unknown value is
    lent by one of the five people whose prediction is nearest (predictive mean matching; van Buuren, Flexible
    Imputation of Missing Data, 2018, 3.4 and 4.5): only values that occur are filled in, so counts stay counts and
    nothing becomes negative. statsmodels' MICEData does it; scikit-learn's IterativeImputer draws from a normal
    distribution instead and gives creatine kinases below 0. Predictions are made on normal scores of the ranks, for
    enzymes are far from normal. Assumes that, given the other columns, those unknown are like those known (missing at
    random): put in every column that the analysis uses, the group and the outcome too, as 0 and 1.

    Parameters
    ----------
    table
        One row per person, columns of numbers; NaN where unknown.
    seed
        Starts the chain: the same table and seed give the same imputations.
    whole
        Columns that help to predict but must not be filled in.

    Returns
    -------
    list of pd.DataFrame
        Tables like the given one, without NaN. All equal if nothing was unknown.

    Raises
    ------
    ValueError
        Fewer than two imputations or columns, a column is no number, does not vary or is known of fewer than ten
        people, a column of `whole` has unknown values, or nothing is known of somebody.
    """
    from statsmodels.imputation.mice import MICEData

    if imputations < 2:
        raise ValueError("fewer than two imputations")
    values = _checked(table, whole)
    if not values.isna().any(axis=None):
        return [values.copy() for _ in range(imputations)]
    plain = [f"x{place}" for place in range(values.shape[1])]  # statsmodels puts the names into a formula
    scores = pd.DataFrame({new: _scores(values[old]) for new, old in zip(plain, values.columns, strict=True)})
    chain = MICEData(scores, k_pmm=DONORS, rng=np.random.default_rng(seed))
    chain.update_all(BURN_IN)
    filled = []
    for _ in range(imputations):
        chain.update_all(THIN)
        columns = {
            old: _values(chain.data[new].to_numpy(), scores[new].to_numpy(), values[old].to_numpy())
            for new, old in zip(plain, values.columns, strict=True)
        }
        filled.append(pd.DataFrame(columns, index=values.index))
    return filled


def _checked(table: pd.DataFrame, whole: Sequence[Hashable]) -> pd.DataFrame:
    if table.shape[1] < 2:
        raise ValueError("there is no other column to predict from")
    for name in table.columns:
        if not (pd.api.types.is_numeric_dtype(table[name]) or pd.api.types.is_bool_dtype(table[name])):
            raise ValueError(f"the column '{name}' holds no numbers")
        known = table[name].dropna()
        if len(known) < FEWEST_KNOWN:
            raise ValueError(f"'{name}' is known of fewer than ten people")
        if known.nunique() < 2:
            raise ValueError(f"'{name}' does not vary")
        if name in whole and len(known) < len(table):
            raise ValueError(f"'{name}' is unknown of {len(table) - len(known)} people and must not be filled in")
    values = table.astype("float64")
    if values.isna().all(axis=1).any():
        raise ValueError("nothing is known of somebody")
    return values


def _scores(column: pd.Series) -> np.ndarray:
    """Normal scores (van der Waerden) of the known values, NaN elsewhere; equal values have equal scores."""
    known = column.notna().to_numpy()
    scores = np.full(len(column), np.nan)
    scores[known] = special.ndtri(stats.rankdata(column[known]) / (known.sum() + 1))
    return scores


def _values(filled: np.ndarray, scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The values that the scores stand for; every filled score is one of the known ones."""
    known = np.isfinite(values)
    order = np.argsort(scores[known], kind="stable")
    place = np.searchsorted(scores[known][order], filled)
    return np.where(known, values, values[known][order][np.minimum(place, known.sum() - 1)])
