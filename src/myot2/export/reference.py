"""The reference range of the controls, for one new person."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

FEWEST_CONTROLS = 3
COVERAGE = 0.95


@dataclass(frozen=True)
class Range:
    """Where the value of one more control would lie with a probability of `COVERAGE`, of `controls` controls."""

    low: float
    high: float
    controls: int


def prediction_range(values: Collection[float]) -> Range | None:
    """The interval in which a further value falls with a probability of 95 %, for values from a normal distribution.

    mean +- t(0.975, n - 1) s sqrt(1 + 1/n), which takes into account that mean and SD are themselves estimated: of few
    controls it is wide (Hahn and Meeker, Statistical Intervals, 1991, section 4.7; Horn and Pesce, Reference Intervals,
    2005). None of fewer than 3 values.

    Parameters
    ----------
    values : collection of float
        One per control; NaN is left out.
    """
    known = np.array([value for value in values if np.isfinite(value)], float)
    if known.size < FEWEST_CONTROLS:
        return None
    spread = stats.t.ppf((1 + COVERAGE) / 2, known.size - 1) * known.std(ddof=1) * np.sqrt(1 + 1 / known.size)
    return Range(float(known.mean() - spread), float(known.mean() + spread), int(known.size))


def control_ranges(cohort: pd.DataFrame, controls: Collection[str], column: str, *, without: str) -> dict[str, Range]:
    """The range of each region, of both sides together, of the controls' first visits.

    Parameters
    ----------
    cohort : DataFrame
        The measures of the cohort: `participant_id`, `session`, `region`, `side` and the column, which holds numbers.
    controls : collection of str
        Participant ids.
    column : str
    without : str
        The person that is to be held against the range, who is not part of it.
    """
    both = cohort[(cohort["side"] == "both") & cohort["participant_id"].isin(set(controls) - {without})]
    first = both.drop_duplicates(["participant_id", "region"])
    ranges = {region: prediction_range(values.tolist()) for region, values in first.groupby("region")[column]}
    return {region: found for region, found in ranges.items() if found}
