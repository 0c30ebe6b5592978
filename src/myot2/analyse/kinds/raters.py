"""Two readers of the same people."""

from __future__ import annotations

from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Raters
from myot2.analyse.proportion import proportion
from myot2.analyse.raters import FLAGGED_ABOVE, Kappa, consensus, weighted_kappa
from myot2.analyse.rounding import print_interval
from myot2.analyse.statistic import Statistic, number

TEST = "kappa of 0 (Fleiss, Cohen and Everitt)"


def run(key: str, analysis: Raters, material: Material) -> Outcome:
    """`<key>.kappa`, `.agreement`, `.within_one`, and `.flagged`: those whose readers differ by more than a grade."""
    inside = material.members(analysis.among)
    first, second = (material.endpoint(name)[inside].to_numpy() for name in (analysis.first, analysis.second))
    found = weighted_kappa(first, second, weights=analysis.weights, grades=analysis.grades)
    read = consensus(first, second)
    alone = int(read.single.sum())
    statistics = {
        "kappa": _kappa(found),
        "agreement": proportion(_count(found.agreement, found.n), found.n),
        "within_one": proportion(_count(found.within_one, found.n), found.n),
        "flagged": proportion(int(read.flagged.sum()), found.n, rule=f"more than {FLAGGED_ABOVE} grade apart"),
    }
    warnings = (f"people whom one reader alone has read: {alone}",) if alone else ()
    return Outcome({f"{key}.{name}": statistic for name, statistic in statistics.items()}, warnings=warnings)


def main_keys(key: str, analysis: Raters, material: Material) -> tuple[str, ...]:
    """Every number."""
    return tuple(f"{key}.{name}" for name in ("kappa", "agreement", "within_one", "flagged"))


def _kappa(found: Kappa) -> Statistic:
    extras: dict[str, object] = {"weights": found.weights, "se": found.se, "table": found.table.tolist()}
    if found.ci:
        extras["ci_printed"] = print_interval(found.ci, 3)
    return number(
        found.kappa, 3, n=found.n, ci=found.ci, test=TEST if found.p is not None else None, p=found.p, extras=extras
    )


def _count(fraction: float, n: int) -> int:
    return round(fraction * n)
