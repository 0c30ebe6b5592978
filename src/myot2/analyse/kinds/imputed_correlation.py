"""Correlations with the unknown filled in many times."""

from __future__ import annotations

from collections.abc import Callable

from myot2.analyse.kinds.pooled import cannot_help, pooled_statistic
from myot2.analyse.material import Material
from myot2.analyse.missing import impute
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import ImputedCorrelation
from myot2.analyse.pooling import Pooled, imputed_spearman
from myot2.analyse.statistic import Statistic, unavailable

TEST = "Spearman's t, pooled over imputations (Rubin; Barnard and Rubin)"


def run(key: str, analysis: ImputedCorrelation, material: Material) -> Outcome:
    """`<key>.<endpoint>` for each of the others, by predictive mean matching and Rubin's rules."""
    names = list(dict.fromkeys([analysis.endpoint, *analysis.with_, *analysis.predictors]))
    people = material.table(names, analysis.among)[names].dropna(subset=[analysis.endpoint])
    poor = {name: reason for name in names if (reason := cannot_help(people[name]))}
    if analysis.endpoint in poor:
        raise ValueError(f"{analysis.endpoint} {poor[analysis.endpoint]}")
    usable = people.drop(columns=list(poor)).reset_index(drop=True)
    tables = impute(usable, imputations=analysis.imputations, whole=[analysis.endpoint], **material.drawing(analysis))
    found = {}
    for name in analysis.with_:
        told = {"filled_in": int(people[name].isna().sum()), "among": material.title(analysis.among)}
        found[f"{key}.{name}"] = (
            unavailable(f"{name} {poor[name]}", n=len(people), test=TEST, extras=told)
            if name in poor
            else _or_reason(lambda name=name: imputed_spearman(tables, analysis.endpoint, name), len(people), told)
        )
    return Outcome(found, warnings=tuple(f"{name} {reason}: not used" for name, reason in poor.items()))


def main_keys(key: str, analysis: ImputedCorrelation, material: Material) -> tuple[str, ...]:
    """Every correlation."""
    return tuple(f"{key}.{name}" for name in analysis.with_)


def _or_reason(work: Callable[[], Pooled], n: int, told: dict[str, object]) -> Statistic:
    try:
        found = work()
    except ValueError as error:
        return unavailable(str(error), n=n, test=TEST, extras=told)
    return pooled_statistic(found, n, TEST, told)
