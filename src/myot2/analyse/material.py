"""What an analysis works on: the people and their measures, cut by the plan's endpoints and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from myot2.analyse.change import sessions_of
from myot2.analyse.cohort import Cohort
from myot2.analyse.plan import Endpoint, Plan
from myot2.analyse.plan_kinds import Drawn
from myot2.analyse.raters import consensus
from myot2.analyse.selection import cells_of, members, numbers_of
from myot2.analyse.statistic import Statistic
from myot2.analyse.variant_tables import VALUE, most_given
from myot2.core.labels import LabelTable
from myot2.core.regions import BOTH


@dataclass(frozen=True)
class Material:
    """A cohort under a plan.

    Parameters
    ----------
    cohort, plan : Cohort, Plan
        The people, and what is asked of them.
    labels : LabelTable or None
        Names the muscles and groups that are to have a row even where nobody's was measured.
    multiverse : pd.DataFrame or None
        The comparison by T2 made in every way (`myot2.analyse.multiverse.compare_variants`), where there is one.
    masks : pd.DataFrame or None
        Everybody's T2 by each mask (`myot2.analyse.multiverse.t2_by_mask`), where there is such a table.
    found : mapping
        The statistics of the analyses that were run before, by key; it grows as a plan is run.
    """

    cohort: Cohort
    plan: Plan
    labels: LabelTable | None = None
    multiverse: pd.DataFrame | None = None
    masks: pd.DataFrame | None = None
    found: Mapping[str, Statistic] = field(default_factory=dict)
    _members: dict[str, pd.Series] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def people(self) -> pd.DataFrame:
        """One row per person, by participant_id: the order of a table is to change no number."""
        return self.cohort.people.sort_values("participant_id", kind="stable", ignore_index=True)

    def endpoint(self, name: str) -> pd.Series:
        """An endpoint of everybody, in the order of `people`, float64, NaN where unknown.

        Raises
        ------
        ValueError
            The participants or the measures have no such column, or it holds text.
        """
        return self.values_of(self.plan.endpoints[name])

    def values_of(self, endpoint: Endpoint) -> pd.Series:
        """The same for an endpoint that need not be the plan's."""
        if endpoint.column is not None:
            return self._numbers(endpoint.column)
        if endpoint.readers is not None:
            grades = [self._numbers(column).to_numpy() for column in endpoint.readers]
            counting = consensus(*grades, rule="third" if len(grades) == 3 else "mean").grades
            return pd.Series(counting, index=self.people.index)
        if endpoint.sum_of is not None:
            return sum(self.endpoint(part) for part in endpoint.sum_of)
        if endpoint.mask is not None:
            return self._by_mask(endpoint.mask)
        measures = self.cohort.measures
        if endpoint.measure not in measures.columns:
            raise ValueError(f"the measures table has no column {endpoint.measure!r}")
        chosen = (
            measures["chosen"] & (measures["region"] == endpoint.region) & (measures["side"] == endpoint.side)
        ).to_numpy(bool)
        values = measures[chosen].set_index("participant_id")[endpoint.measure]
        return self.people["participant_id"].map(values).astype("float64")

    def _numbers(self, column: str) -> pd.Series:
        return numbers_of(cells_of(self.people, column), column)

    def _by_mask(self, mask: str) -> pd.Series:
        if self.masks is None:
            raise ValueError("no table of T2 by mask was given (scripts/compare_variants.py makes it)")
        # the run's own mask comes first; it is called automatic or given
        wanted = self.masks["mask"].iloc[0] if mask == "own" and len(self.masks) else mask
        rows = self.masks[self.masks["mask"] == wanted]
        if rows[VALUE].isna().all():
            raise ValueError(most_given(rows["reason"]) or f"the run has no mask {mask!r} (analysis.multiverse.masks)")
        return self.people["participant_id"].map(rows.set_index("participant_id")[VALUE]).astype("float64")

    def members(self, group: str) -> pd.Series:
        """Whether each person belongs to a group of the plan."""
        if group not in self._members:
            told = self.plan.groups[group]
            worked_out = [name for name in told.where if name not in self.people and name in self.plan.endpoints]
            people = self.people.assign(**{name: self.endpoint(name) for name in worked_out})
            self._members[group] = members(people, told, self.plan.limits)
        return self._members[group]

    def sample(self, endpoint: str, group: str) -> np.ndarray:
        """The known values of an endpoint in a group, shape (n,), ascending: what is drawn hangs on no names."""
        return np.sort(self.endpoint(endpoint)[self.members(group)].dropna().to_numpy())

    def table(self, endpoints: Sequence[str], group: str) -> pd.DataFrame:
        """The people of a group with these endpoints as columns, NaN where unknown."""
        columns = {name: self.endpoint(name) for name in endpoints}
        return self.people.assign(**columns)[self.members(group)]

    def sessions(self, endpoint: str, group: str) -> pd.DataFrame:
        """Every session of the people of a group: participant_id, session, position (1, 2, ...) and t2, the measure.

        Raises
        ------
        ValueError
            The endpoint is no measure, or the measures table has no such column.
        """
        what = self.plan.endpoints[endpoint]
        if what.measure is None or what.mask is not None:
            raise ValueError(f"{endpoint} is not a measure of every session")
        members = self.people.loc[self.members(group), "participant_id"]
        measures = self.cohort.measures[self.cohort.measures["participant_id"].isin(members)]
        return sessions_of(
            measures.sort_values("participant_id", kind="stable"),
            region=what.region,
            side=what.side,
            column=what.measure,
        )

    def by_muscle(self, endpoint: str, size: str | None = None) -> pd.DataFrame:
        """Every muscle of either side of everybody: participant_id, muscle, side, t2_ms (the measure), and its size.

        Raises
        ------
        ValueError
            Without a label table nobody knows which regions are muscles; the endpoint is no measure, or there is no
            such column.
        """
        if self.labels is None:
            raise ValueError("which regions are muscles is told by the label table (--label-table)")
        what = self.plan.endpoints[endpoint]
        column = None if what.mask else what.measure
        measures = self.cohort.measures
        for name in (column, size):
            if name is not None and name not in measures.columns:
                raise ValueError(f"the measures table has no column {name!r}")
        if column is None:
            raise ValueError(f"{endpoint} is not a measure of every muscle")
        rows = measures[measures["chosen"] & measures["region"].isin(self.labels.muscles) & (measures["side"] != BOTH)]
        kept = rows[["participant_id", "region", "side", column, *([size] if size else [])]]
        return kept.rename(columns={"region": "muscle", column: "t2_ms"}).reset_index(drop=True)

    def drawing(self, analysis: Drawn) -> dict[str, int]:
        """The `seed`, and the number of `resamples` where it takes one, of an analysis: its own, or the plan's."""
        return drawing_of(analysis, self.plan)

    def title(self, group: str) -> str:
        """What a group is called in words."""
        return self.plan.groups[group].title or group


def drawing_of(analysis: Drawn, plan: Plan) -> dict[str, int]:
    """The `seed`, and the number of `resamples` where it takes one, of an analysis: its own, or the plan's."""
    own = {name: getattr(analysis, name) for name in ("seed", "resamples") if hasattr(analysis, name)}
    return {name: getattr(plan, name) if value is None else value for name, value in own.items()}
