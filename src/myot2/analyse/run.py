"""Running a plan: each analysis by its kind, one after the other, and a line of the log for each."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from myot2.analyse.cohort import Cohort
from myot2.analyse.families import with_corrected_p
from myot2.analyse.kinds import (
    adjusted_comparison,
    agreement,
    area_intervals,
    change,
    comparison,
    correlation,
    description,
    detection,
    effect_size,
    imputed_comparison,
    imputed_correlation,
    missing_data,
    mixed_model,
    muscle_comparison,
    paired_roc,
    prevalence,
    raters,
    repeatability,
    roc,
    roc_bootstrap,
)
from myot2.analyse.kinds import multiverse as multiverse_kind
from myot2.analyse.material import Material, drawing_of
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan import Endpoint, Group, Plan, references
from myot2.analyse.plan_kinds import Analysis, Drawn
from myot2.analyse.statistic import Statistic, unavailable
from myot2.core.labels import LabelTable

DONE, NOT_APPLICABLE, FAILED = "done", "not applicable", "failed"
OF_ONE = ("roc", "roc_band", "muscles")
"""Tables of one analysis, the first that makes them; the others hold the rows of all."""

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Kind:
    """How a kind of analysis is run, and the keys of the numbers that answer its question.

    `main` names those keys before anything is run: they are there whatever comes of the analysis, an analysis without a
    value under any of them is not applicable, and their p values are those that a family corrects.
    """

    run: Callable[[str, Any, Material], Outcome]
    main: Callable[[str, Any, Material], tuple[str, ...]]


KINDS = {
    name: Kind(module.run, module.main_keys)
    for name, module in {
        "description": description,
        "comparison": comparison,
        "effect-size": effect_size,
        "adjusted-comparison": adjusted_comparison,
        "muscle-comparison": muscle_comparison,
        "prevalence": prevalence,
        "correlation": correlation,
        "roc": roc,
        "area-intervals": area_intervals,
        "roc-bootstrap": roc_bootstrap,
        "paired-roc": paired_roc,
        "detection": detection,
        "agreement": agreement,
        "repeatability": repeatability,
        "change": change,
        "raters": raters,
        "missing-data": missing_data,
        "imputed-correlation": imputed_correlation,
        "imputed-comparison": imputed_comparison,
        "mixed-model": mixed_model,
        "multiverse": multiverse_kind,
    }.items()
}


@dataclass(frozen=True)
class Entry:
    """One analysis as it went; `to_json` is its line of the log."""

    key: str
    analysis: Analysis
    parameters: dict[str, Any]
    status: str
    n: dict[str, int]
    n_of_all: int | None
    reason: str | None
    keys: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The line, with its keys in a fixed order."""
        return {
            "id": self.key,
            "kind": self.analysis.kind,
            "role": self.analysis.role,
            "family": self.analysis.family,
            "status": self.status,
            "reason": self.reason,
            "n": self.n_of_all if self.n_of_all is not None else max(self.n.values(), default=None),
            **({"n_by_key": self.n} if len(self.n) > 1 else {}),
            "parameters": self.parameters,
            "keys": list(self.keys),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Results:
    """`statistics` by key, `tables` by name, and the `log`: an entry for every analysis of the plan, in its order."""

    statistics: dict[str, Statistic]
    tables: dict[str, pd.DataFrame]
    log: tuple[Entry, ...] = field(default=())


def run_plan(
    plan: Plan,
    cohort: Cohort,
    labels: LabelTable | None = None,
    multiverse: pd.DataFrame | None = None,
    masks: pd.DataFrame | None = None,
) -> Results:
    """Run every analysis of a plan.

    What cannot be had of these people keeps its key, with the reason; an analysis that breaks is in the log as failed,
    and the others go on.

    Parameters
    ----------
    plan : Plan
        The analyses.
    cohort : Cohort
        The people, their facts and measures.
    labels : LabelTable, optional
        Names the muscles and groups that are to have a row even where nobody's was measured.
    multiverse : pd.DataFrame, optional
        The comparison by T2 made in every way, as `myot2.analyse.multiverse.compare_variants` gives it.
    masks : pd.DataFrame, optional
        Everybody's T2 by each mask, as `myot2.analyse.multiverse.t2_by_mask` gives it.
    """
    statistics: dict[str, Statistic] = {}
    tables: dict[str, list[pd.DataFrame]] = {}
    tests: dict[str, tuple[str, ...]] = {}
    material = Material(cohort, plan, labels, multiverse, masks, statistics)
    log = []
    for key, analysis in plan.analyses.items():
        outcome, entry = _run_one(key, analysis, material)
        tests[key] = KINDS[analysis.kind].main(key, analysis, material)
        statistics |= outcome.statistics
        for name, table in outcome.tables.items():
            if name not in tables or name not in OF_ONE:
                tables.setdefault(name, []).append(table)
        log.append(entry)
    return Results(
        with_corrected_p(statistics, tests, plan),
        {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()},
        tuple(log),
    )


def _run_one(key: str, analysis: Analysis, material: Material) -> tuple[Outcome, Entry]:
    kind = KINDS[analysis.kind]
    main = kind.main(key, analysis, material)
    status, reason = DONE, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outcome = kind.run(key, analysis, material)
            _refuse_taken_keys(outcome, material)
        except Exception as error:
            status = NOT_APPLICABLE if _is_said_by_us(error) else FAILED
            reason = str(error) if status == NOT_APPLICABLE else f"{type(error).__name__}: {error}"
            if status == FAILED:
                traceback.print_exc(file=sys.stderr)
            outcome = Outcome({name: unavailable(reason) for name in main if name not in material.found})
    answers = {name: outcome.statistics[name] for name in main if name in outcome.statistics}
    if status == DONE and all(answer.value is None for answer in answers.values()):
        reasons = dict.fromkeys(answer.reason for answer in answers.values())
        status, reason = NOT_APPLICABLE, "; ".join(map(str, reasons)) or "there is nothing to analyse"
    told = dict.fromkeys([*outcome.warnings, *(" ".join(str(each.message).split()) for each in caught)])
    entry = Entry(
        key=key,
        analysis=analysis,
        parameters=_parameters(analysis, material.plan),
        status=status,
        n={name: answer.n for name, answer in answers.items() if answer.n is not None},
        n_of_all=outcome.n,
        reason=reason,
        keys=tuple(outcome.statistics),
        warnings=tuple(told),
    )
    return outcome, entry


def _refuse_taken_keys(outcome: Outcome, material: Material) -> None:
    for name, statistic in outcome.statistics.items():
        if material.found.get(name, statistic) != statistic:
            raise ValueError(f"the key {name} belongs to an analysis above that gives it another number")


def _is_said_by_us(error: Exception) -> bool:
    """Whether an error is a reason that our code gives, not a defect of it or of a library that it calls."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error) is ValueError and Path(frames[-1].filename).is_relative_to(_PACKAGE)


def _parameters(analysis: Analysis, plan: Plan) -> dict[str, Any]:
    """All that an analysis was told: its own options, and the endpoints and groups behind their names."""
    told = analysis.model_dump(mode="json", by_alias=True, exclude={"kind", "role", "family"}, exclude_none=True)
    for part in ("endpoints", "groups"):
        names = [name for _, of, names in references(analysis) if of == part for name in names]
        entries = getattr(plan, part)
        told[part] = {
            name: entries[name].model_dump(mode="json", by_alias=True, exclude_none=True, exclude=_idle(entries[name]))
            for name in dict.fromkeys(names)
        }
    if isinstance(analysis, Drawn):
        told |= drawing_of(analysis, plan)
    columns = {column for name in told["groups"] for column in plan.groups[name].where}
    limits = {column: limit for column, limit in plan.limits.items() if column in columns}
    return {**told, **({"limits": limits} if limits else {})}


def _idle(entry: Endpoint | Group) -> set[str]:
    """Keys of an entry that mean nothing in it."""
    return {"region", "side"} if isinstance(entry, Endpoint) and entry.measure is None else set()
