"""Two groups in every muscle at once."""

from __future__ import annotations

import pandas as pd

from myot2.analyse.keys import key_of
from myot2.analyse.material import Material
from myot2.analyse.mixed_model import Effect, MuscleModel, muscle_model
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan import SIZES
from myot2.analyse.plan_kinds import MixedModel
from myot2.analyse.rounding import print_interval
from myot2.analyse.selection import cells_of
from myot2.analyse.statistic import Statistic, number, unavailable

TESTS = {
    "model": "no effect of the group (mixed model, Student's t)",
    "bootstrap": "no effect of the group (bootstrap of people, Welch's t)",
}
SAME = {
    "model": "the same effect in all muscles (mixed model, Wald's F)",
    "bootstrap": "the same effect in all muscles (bootstrap of people)",
}


def run(key: str, analysis: MixedModel, material: Material) -> Outcome:
    """`<key>.average` and `<key>.<muscle>`, the effects of the group; `.interaction`, whether muscles differ in it."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    found = muscle_model(
        _table(analysis, material),
        log=analysis.log,
        method=analysis.method,
        covariates=analysis.covariates,
        weighting=analysis.weighting,
        **material.drawing(analysis),
    )
    unit, decimals = (None, 3) if found.ratio else (endpoint.unit, endpoint.decimals)
    effects = {effect.name: _effect(effect, found, unit, decimals) for effect in found.muscles}
    statistics = {"average": _average(found, unit, decimals), "interaction": _interaction(found)}
    for muscle in _muscles(material):
        few = unavailable("fewer than two people of a group have a value", n=0, unit=unit)
        statistics[key_of(muscle)] = effects.get(muscle, few)
    return Outcome({f"{key}.{name}": entry for name, entry in statistics.items()}, warnings=_warnings(found))


def main_keys(key: str, analysis: MixedModel, material: Material) -> tuple[str, ...]:
    """The average, the interaction, and every muscle."""
    return tuple(f"{key}.{name}" for name in ("average", "interaction", *map(key_of, _muscles(material))))


def _muscles(material: Material) -> tuple[str, ...]:
    return material.labels.muscles if material.labels else ()


def _table(analysis: MixedModel, material: Material) -> pd.DataFrame:
    """The rows of both groups as the model takes them: the first group in the place of the patients."""
    first, second = material.members(analysis.first), material.members(analysis.second)
    if (first & second).any():
        raise ValueError("somebody belongs to both groups")
    facts = {name: cells_of(material.people, name) for name in analysis.covariates}
    people = pd.DataFrame({"participant_id": material.people["participant_id"], **facts})
    people = people.assign(group=first.map({True: "patient", False: "control"}))[first | second]
    return material.by_muscle(analysis.endpoint, SIZES[analysis.weighting]).merge(people, on="participant_id")


def _effect(effect: Effect, found: MuscleModel, unit: str | None, decimals: int, **more: object) -> Statistic:
    extras = {
        "ratio": found.ratio,
        "n_first": effect.n_patients,
        "n_second": effect.n_controls,
        "se": effect.se,
        "ci_printed": print_interval(effect.ci, decimals),
        **more,
    }
    n = effect.n_patients + effect.n_controls
    return number(
        effect.effect, decimals, n=n, unit=unit, ci=effect.ci, test=TESTS[found.method], p=effect.p, extras=extras
    )


def _average(found: MuscleModel, unit: str | None, decimals: int) -> Statistic:
    return _effect(
        found.average,
        found,
        unit,
        decimals,
        method=found.method,
        weighting=found.weighting,
        covariates=found.covariates,
        components=found.components,
        spread=found.spread,
        rows=found.rows,
        left_out=list(found.left_out_people),
    )


def _interaction(found: MuscleModel) -> Statistic:
    n = found.patients + found.controls
    extras = {"df": found.interaction_df, "n_first": found.patients, "n_second": found.controls}
    return number(found.interaction, 2, n=n, test=SAME[found.method], p=found.interaction_p, extras=extras)


def _warnings(found: MuscleModel) -> tuple[str, ...]:
    told = [f"a bootstrap of people stands in for the mixed model: {found.fallback}"] if found.fallback else []
    if found.left_out_people:
        told.append(f"people left out for an unknown covariate: {len(found.left_out_people)}")
    if found.left_out_muscles:
        told.append(f"muscles left out, known of fewer than two people of a group: {', '.join(found.left_out_muscles)}")
    return tuple(told)
