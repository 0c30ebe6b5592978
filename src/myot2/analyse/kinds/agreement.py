"""Two ways of measuring the same thing in the same people."""

from __future__ import annotations

from myot2.analyse.agreement import Icc, Limits, icc, limits_of_agreement
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Agreement
from myot2.analyse.rounding import print_interval
from myot2.analyse.statistic import Statistic, number, unavailable

SLOPE_TEST = "slope of 0 of the differences on the means (no proportional bias)"
ICC_TEST = "correlation of 0 (F, one-sided)"


def run(key: str, analysis: Agreement, material: Material) -> Outcome:
    """`<key>.bias`, `.lower`, `.upper` (limits of agreement), `.slope` and `.icc`."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    pairs = material.table([analysis.endpoint, analysis.against], analysis.among)
    first, second = pairs[analysis.endpoint].to_numpy(), pairs[analysis.against].to_numpy()
    unit, decimals = (None, 3) if analysis.ratio else (endpoint.unit, endpoint.decimals)
    found = limits_statistics(limits_of_agreement(first, second, ratio=analysis.ratio), unit, decimals)
    found["icc"] = icc_statistic(icc(pairs[[analysis.endpoint, analysis.against]].to_numpy()))
    return Outcome({f"{key}.{name}": statistic for name, statistic in found.items()})


def main_keys(key: str, analysis: Agreement, material: Material) -> tuple[str, ...]:
    """Every number."""
    return tuple(f"{key}.{name}" for name in ("bias", "lower", "upper", "slope", "icc"))


def limits_statistics(found: Limits, unit: str | None, decimals: int) -> dict[str, Statistic]:
    """Bias and limits as statistics, and the test of a proportional bias."""
    told = {"ratio": found.ratio, "sd": found.sd, "equal_pairs": found.equal}
    statistics = {
        name: number(
            value, decimals, n=found.n, unit=unit, ci=ci, extras={"ci_printed": print_interval(ci, decimals), **told}
        )
        for name, value, ci in (
            ("bias", found.bias, found.bias_ci),
            ("lower", found.lower, found.lower_ci),
            ("upper", found.upper, found.upper_ci),
        )
    }
    if found.slope is None or found.slope_ci is None:
        return statistics | {"slope": unavailable("the means are all equal", n=found.n, test=SLOPE_TEST)}
    extras = {"ci_printed": print_interval(found.slope_ci, 3)}
    slope = number(found.slope, 3, n=found.n, ci=found.slope_ci, test=SLOPE_TEST, p=found.slope_p, extras=extras)
    return statistics | {"slope": slope}


def icc_statistic(found: Icc) -> Statistic:
    """An intraclass correlation as a statistic."""
    extras: dict[str, object] = {"form": f"ICC({found.form})", "measurements": found.k, "f": found.f, "df": found.df}
    if found.ci:
        extras["ci_printed"] = print_interval(found.ci, 3)
    return number(found.icc, 3, n=found.n, ci=found.ci, test=ICC_TEST, p=found.p, extras=extras)
