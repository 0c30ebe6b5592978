"""The configuration of the stage analyse: which plan it follows, and what a run changes in it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from myot2.core.config_multiverse import Multiverse
from myot2.core.config_section import Section

Entries = dict[str, dict[str, Any] | None]


class Analysis(Section):
    """The statistics: a plan, and what this run changes in it. docs/analysis-plan.md lists what a plan holds."""

    plan: str = Field(
        "config/plans/study.yaml", description="The analysis plan: endpoints, groups, families and analyses; YAML."
    )
    ck_upper_limit: float | None = Field(
        None,
        gt=0,
        description="Creatine kinase up to this value (U/l) counts as normal; null: as the plan says. Take your "
        "laboratory's.",
    )
    seed: int | None = Field(None, ge=0, description="Seed of every resampling; null: the plan's.")
    resamples: int | None = Field(
        None, ge=100, le=100_000, description="Number of bootstrap samples; null: the plan's."
    )
    endpoints: Entries = Field(
        {}, description="Endpoints to be changed, added, or (null) taken out; an entry's keys replace the plan's."
    )
    groups: Entries = Field({}, description="Groups of people, likewise.")
    families: Entries = Field({}, description="Families of tests, likewise.")
    analyses: Entries = Field({}, description="Analyses, likewise.")
    claims: list[str] = Field(
        [],
        description="Files of printed numbers that are checked, such as config/claims/wang2023.yaml; "
        "docs/how-to/check-claims.md.",
    )
    multiverse: Multiverse = Field(Multiverse(), description=Multiverse.__doc__)

    def changes(self) -> dict[str, Any]:
        """What the run changes in its plan, as `myot2.analyse.plan_file.read_plan` takes it."""
        changes = {name: getattr(self, name) for name in ("seed", "resamples", *_ENTRIES) if getattr(self, name)}
        if self.seed is not None:
            changes["seed"] = self.seed  # 0 is a seed
        return changes | ({"limits": {"ck": self.ck_upper_limit}} if self.ck_upper_limit is not None else {})


_ENTRIES = ("endpoints", "groups", "families", "analyses")
