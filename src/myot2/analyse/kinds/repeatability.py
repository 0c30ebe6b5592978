"""The error of repetition, from people who were measured several times."""

from __future__ import annotations

from myot2.analyse.agreement import Repeatability as Error
from myot2.analyse.agreement import repeatability
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Repeatability
from myot2.analyse.rounding import print_interval, print_number
from myot2.analyse.statistic import Statistic, number, unavailable


def run(key: str, analysis: Repeatability, material: Material) -> Outcome:
    """`<key>.wsd` and `.rc` in the endpoint's unit, and `.rc_percent` (%)."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    sessions = material.sessions(analysis.endpoint, analysis.among)
    found = repeatability(sessions.pivot(index="participant_id", columns="position", values="t2").to_numpy(float))
    places = endpoint.decimals + 1
    told = {"measurements": found.measurements, "df": found.df}

    def figure(value: float, ci: tuple[float, float], decimals: int, unit: str | None) -> Statistic:
        extras = {"ci_printed": print_interval(ci, decimals), **told}
        return number(value, decimals, n=found.n, unit=unit, ci=ci, extras=extras)

    statistics = {
        "wsd": figure(found.wsd, found.wsd_ci, places, endpoint.unit),
        "rc": figure(found.rc, found.rc_ci, places, endpoint.unit),
        "rc_percent": figure(found.rc_percent, found.rc_percent_ci, 1, "%")
        if found.rc_percent is not None and found.rc_percent_ci is not None
        else unavailable("a value is not positive, so it has no logarithm", n=found.n),
    }
    return Outcome({f"{key}.{name}": entry for name, entry in statistics.items()}, warnings=_trend(found))


def main_keys(key: str, analysis: Repeatability, material: Material) -> tuple[str, ...]:
    """Every number."""
    return tuple(f"{key}.{name}" for name in ("wsd", "rc", "rc_percent"))


def _trend(found: Error) -> tuple[str, ...]:
    if found.trend_p is None or found.trend_p >= 0.05 or found.trend_tau <= 0:
        return ()
    tau = print_number(found.trend_tau, 2)
    return (f"the error grows with the value (Kendall's tau {tau}): rc_percent is the one to use",)
