"""Who of the people belongs to a group of the plan."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from myot2.analyse.plan import Condition, Group

NORMAL, RAISED = "normal", "raised"
PRESENT, ABSENT = "present", "absent"


def members(people: pd.DataFrame, group: Group, limits: Mapping[str, float]) -> pd.Series:
    """Whether each person belongs to a group; shape (people,), never missing.

    All conditions must hold. Where one fails a person is out, whatever is unknown; where none fails and one is unknown,
    the group's `unknown` decides.

    Raises
    ------
    ValueError
        A column is not in the table, or holds text where the condition compares numbers.
    """
    belongs = pd.Series(True, index=people.index, dtype="boolean")
    for column, condition in group.where.items():
        belongs &= _holds(cells_of(people, column), condition, limits.get(column))
    return belongs.fillna(group.unknown == "included").astype(bool)


def cells_of(people: pd.DataFrame, column: str) -> pd.Series:
    """A column of the participants table, or `ild`, which is worked out of the score and its parts.

    Raises
    ------
    ValueError
        The table has no such column.
    """
    if column == "ild":
        return lung_disease(people)
    if column not in people.columns:
        raise ValueError(f"the participants table has no column {column!r}")
    return people[column]


def lung_disease(people: pd.DataFrame) -> pd.Series:
    """Interstitial lung disease: present where score, severity or extent is above 0, absent where the score is 0."""
    found = pd.Series(pd.NA, index=people.index, dtype="string")
    found[people["ild_score"] == 0] = ABSENT
    found[(people[["ild_score", "ild_severity", "ild_extent"]] > 0).any(axis=1)] = PRESENT
    return found


def numbers_of(cells: pd.Series, column: str) -> pd.Series:
    """Cells as numbers, NaN where unknown.

    Raises
    ------
    ValueError
        A cell holds text.
    """
    try:
        return pd.to_numeric(cells).astype("float64")
    except (ValueError, TypeError) as error:
        raise ValueError(f"the column {column!r} does not hold numbers only") from error


def _holds(cells: pd.Series, condition: Condition, limit: float | None) -> pd.Series:
    """Whether a condition holds per person; missing where the cell is."""
    holds = pd.Series(True, index=cells.index, dtype="boolean")
    for wanted, words in ((True, condition.is_), (False, condition.not_)):
        if words is not None:
            matches = _matches(cells, [words] if isinstance(words, str) else words, limit)
            holds &= matches if wanted else ~matches
    bounds = {"at_least": "ge", "at_most": "le", "above": "gt", "below": "lt"}
    for name, compare in bounds.items():
        bound = getattr(condition, name)
        if bound is not None:
            holds &= getattr(numbers_of(cells, str(cells.name)), compare)(bound).astype("boolean")
    return holds.mask(cells.isna())


def _matches(cells: pd.Series, words: list[str], limit: float | None) -> pd.Series:
    """Whether each cell is one of the words, whatever its case; normal and raised compare with the limit."""
    plain = [word.casefold() for word in words]
    matches = cells.astype("string").str.casefold().isin(plain)
    if limit is not None:
        numbers = numbers_of(cells, str(cells.name))
        matches |= (numbers <= limit) & (NORMAL in plain) | (numbers > limit) & (RAISED in plain)
    return matches.astype("boolean").mask(cells.isna())
