"""The rows of muscles, people and sides as the matrices of a regression on group x muscle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

NEEDED = ("participant_id", "group", "muscle", "side", "t2_ms")
WEIGHTS = {"volume": "volume_ml", "voxels": "voxels"}
FEWEST = 2
"""People of either group that a muscle, and the whole, needs."""


@dataclass(frozen=True)
class Design:
    """What is regressed: `y` of shape (rows,) on `x` of shape (rows, 2 muscles + covariates).

    The columns of `x` are a mean of the controls for each of `muscles`, the group effect in each, and the centred
    covariates. `person` holds the rows' place in `people`, `patient` is per person; `nested` has the labels of random
    effects within a person (side, muscle) that the rows can tell apart. `table` are the rows themselves.
    """

    table: pd.DataFrame
    y: np.ndarray
    x: np.ndarray
    person: np.ndarray
    people: tuple[str, ...]
    patient: np.ndarray
    muscles: tuple[str, ...]
    nested: dict[str, np.ndarray]
    covariates: tuple[str, ...]
    covariate_columns: int
    log: bool
    left_out_people: tuple[str, ...]
    left_out_muscles: tuple[str, ...]

    @property
    def group_sizes(self) -> tuple[int, int]:
        """Patients and controls."""
        return int(self.patient.sum()), int((~self.patient).sum())

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Patients and controls with a value, by muscle."""
        seen = self.table.groupby(["muscle", "group"])["participant_id"].nunique()
        return {name: (int(seen[name, "patient"]), int(seen[name, "control"])) for name in self.muscles}

    def cells_within_people(self) -> int:
        """Degrees of freedom within people that comparisons of muscles rest on, before the fixed effects.

        Both sides of one muscle count once where they are alike; else rows, less one for each side of each person.
        """
        cells = {name: len(set(zip(self.person.tolist(), labels, strict=True))) for name, labels in self.nested.items()}
        if "muscle" in cells:
            return cells["muscle"] - len(self.people)
        return len(self.y) - cells.get("side", len(self.people))

    def turn(self, value: float) -> float:
        """An effect on the scale that is reported: itself, or the ratio whose logarithm it is."""
        return math.exp(value) if self.log else float(value)

    def spread(self) -> dict[str, float]:
        """SD of the people's mean T2 (ms) in either group."""
        means = self.table.groupby(["group", "participant_id"])["t2_ms"].mean()
        return {group: float(means[group].std(ddof=1)) for group in ("patient", "control")}

    def least_squares(self, counts: np.ndarray) -> np.ndarray:
        """Group effects, shape (samples, muscles), of people counted `counts` times, shape (samples, people).

        NaN in samples that do not determine them.
        """
        columns = self.x.shape[1]
        order = np.argsort(self.person, kind="stable")
        starts = np.searchsorted(self.person[order], np.arange(len(self.people)))
        x, y = self.x[order], self.y[order]
        squares = np.add.reduceat(x[:, :, None] * x[:, None, :], starts).reshape(len(self.people), -1)
        products = np.add.reduceat(x * y[:, None], starts)
        left = (counts @ squares).reshape(-1, columns, columns)
        right = counts @ products
        k = len(self.muscles)
        held = np.array([np.linalg.matrix_rank(one, hermitian=True) == columns for one in left])
        effects = np.full((len(counts), k), np.nan)
        effects[held] = np.linalg.solve(left[held], right[held][:, :, None])[:, k : 2 * k, 0]
        return effects


def design_of(table: pd.DataFrame, *, log: bool, covariates: tuple[str, ...]) -> Design:
    """Build the matrices from rows as `muscle_model` takes them.

    Raises
    ------
    ValueError
        As `muscle_model`.
    """
    missing = [name for name in (*NEEDED, *covariates) if name not in table.columns]
    if missing:
        raise ValueError(f"the table has no column {', '.join(missing)}")
    rows = table[table["t2_ms"].notna() & table["group"].isin(["patient", "control"])]
    known = rows[list(covariates)].notna().all(axis=1)
    left_out = tuple(sorted(set(rows.loc[~known, "participant_id"].astype(str))))
    rows = rows[known].astype({"participant_id": str, "muscle": str, "side": str})
    rows, few = _enough(rows)
    if rows.duplicated(["participant_id", "muscle", "side"]).any():
        raise ValueError("a person has two values of one muscle and side")
    if log and (rows["t2_ms"] <= 0).any():
        raise ValueError("a T2 is not positive, so it has no logarithm")
    if (rows.groupby("participant_id")[["group", *covariates]].nunique() > 1).any(axis=None):
        raise ValueError("a person's rows disagree on the group or a covariate")
    rows = rows.sort_values(["participant_id", "muscle", "side"], ignore_index=True)
    people, person = np.unique(rows["participant_id"].to_numpy(str), return_inverse=True)
    muscles = tuple(sorted(rows["muscle"].unique()))
    indicator = (rows["muscle"].to_numpy()[:, None] == np.array(muscles, dtype=object)[None, :]).astype(float)
    patient_rows = (rows["group"] == "patient").to_numpy()
    extra = [column for name in covariates for column in _columns(rows[name])]
    x = np.column_stack([indicator, indicator * patient_rows[:, None], *extra])
    if np.linalg.matrix_rank(x / np.linalg.norm(x, axis=0)) < x.shape[1]:
        raise ValueError("a covariate follows from the group or the other covariates")
    y = rows["t2_ms"].to_numpy(float)
    first_rows = np.searchsorted(person, np.arange(len(people)))
    return Design(
        table=rows,
        y=np.log(y) if log else y,
        x=x,
        person=person,
        people=tuple(people.tolist()),
        patient=patient_rows[first_rows],
        muscles=muscles,
        nested=_nested(rows),
        covariates=covariates,
        covariate_columns=len(extra),
        log=log,
        left_out_people=left_out,
        left_out_muscles=few,
    )


def means_weighting(design: Design, weighting: str) -> np.ndarray:
    """What each muscle counts for in the average effect, shape (muscles,), sum 1.

    The mean volume or number of voxels of the muscle in the rows, both groups together, so that the groups' effect is
    not one of their muscles' sizes.

    Raises
    ------
    ValueError
        The table has no such column, or a value of it is unknown or negative.
    """
    if weighting == "muscle":
        return np.full(len(design.muscles), 1 / len(design.muscles))
    if weighting not in WEIGHTS:
        raise ValueError(f"no weighting '{weighting}': one of muscle, {', '.join(WEIGHTS)}")
    column = WEIGHTS[weighting]
    if column not in design.table.columns:
        raise ValueError(f"the table has no column {column}, which the weighting asks for")
    sizes = design.table[column].astype(float)
    if not (sizes >= 0).all() or not sizes.sum() > 0:
        raise ValueError(f"a value of {column} is unknown or negative")
    means = sizes.groupby(design.table["muscle"]).mean()[list(design.muscles)].to_numpy()
    return means / means.sum()


def _enough(rows: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows of muscles that enough people of both groups have, and the names of the others."""
    seen = rows.groupby(["muscle", "group"])["participant_id"].nunique().unstack(fill_value=0)
    seen = seen.reindex(columns=["patient", "control"], fill_value=0)
    few = tuple(sorted(seen.index[(seen < FEWEST).any(axis=1)]))
    kept = rows[~rows["muscle"].isin(few)]
    if kept["muscle"].nunique() < 2:
        raise ValueError("fewer than two muscles are known of two people in each group")
    return kept, few


def _columns(covariate: pd.Series) -> Sequence[np.ndarray]:
    """A covariate as centred columns: itself, or one per further category."""
    if covariate.nunique() < 2:
        raise ValueError(f"the covariate '{covariate.name}' does not vary")
    if pd.api.types.is_numeric_dtype(covariate):
        columns = [covariate.to_numpy(float)]
    else:
        columns = [(covariate == category).to_numpy(float) for category in sorted(covariate.unique())[1:]]
    return [column - column.mean() for column in columns]


def _nested(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Labels of what repeats within a person: sides with several muscles each, muscles with several sides each."""
    nested = {}
    for name, other in (("side", "muscle"), ("muscle", "side")):
        within = rows.groupby("participant_id")[name].nunique()
        repeats = rows.groupby(["participant_id", name])[other].nunique()
        if (within > 1).any() and (repeats > 1).any():
            nested[name] = rows[name].to_numpy(str)
    return nested
