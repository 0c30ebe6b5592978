"""Who changed between the first and the last session by more than the error of repetition."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from myot2.analyse.change import IMPROVED, STABLE, WORSE, change_of, session_pairs
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Change
from myot2.analyse.proportion import proportion
from myot2.analyse.rounding import print_interval, print_number, print_p
from myot2.analyse.signed_rank import SignedRank, signed_rank
from myot2.analyse.statistic import Statistic, number, unavailable

VERDICTS = (IMPROVED, STABLE, WORSE)
TEST = "Wilcoxon's signed ranks (asymptotic, tie-corrected, no continuity correction)"
COLUMNS = ("analysis", "participant_id", "session_first", "session_second", "first", "second")


def run(key: str, analysis: Change, material: Material) -> Outcome:
    """`<key>.improved`, `.stable` and `.worse` as fractions, and `.shift`, the typical change with its test."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    pairs = session_pairs(material.sessions(analysis.endpoint, analysis.among))
    if pairs.empty:
        raise ValueError("nobody was measured in two sessions")
    coefficient, df, source = _error(analysis, material)
    judged = [
        change_of(first, second, coefficient, df=df, relevant=analysis.relevant)
        for first, second in zip(pairs["first"], pairs["second"], strict=True)
    ]
    told = {"coefficient": coefficient, "source": source}
    found = {
        verdict: proportion(sum(each.verdict == verdict for each in judged), len(judged), **told)
        for verdict in VERDICTS
    }
    found["shift"] = _shift(pairs, endpoint.unit, endpoint.decimals)
    rows = pd.DataFrame([asdict(each) for each in judged]).drop(columns=["first", "second", "ratio"])
    rows[["ci_low", "ci_high"]] = rows.pop("ci").tolist()
    table = pd.concat([pairs.assign(analysis=key)[list(COLUMNS)], rows], axis=1)
    return Outcome({f"{key}.{name}": entry for name, entry in found.items()}, {"changes": table})


def main_keys(key: str, analysis: Change, material: Material) -> tuple[str, ...]:
    """Every number."""
    return tuple(f"{key}.{name}" for name in (*VERDICTS, "shift"))


def _error(analysis: Change, material: Material) -> tuple[float, int | None, str]:
    """The repeatability coefficient, its degrees of freedom where it was estimated here, and where it comes from."""
    if analysis.error is not None:
        return analysis.error.coefficient, None, analysis.error.source
    found = material.found[f"{analysis.error_of}.rc"]
    if found.value is None:
        raise ValueError(f"{analysis.error_of} gives no error of repetition: {found.reason}")
    return float(found.value), int(found.extras["df"]), str(analysis.error_of)


def _shift(pairs: pd.DataFrame, unit: str | None, decimals: int) -> Statistic:
    try:
        found = signed_rank(pairs["first"].to_numpy(), pairs["second"].to_numpy())
    except ValueError as error:
        return unavailable(str(error), n=len(pairs), test=TEST)
    return number(
        found.shift, decimals, n=found.n, unit=unit, ci=found.ci, test=TEST, p=found.p, extras=_extras(found, decimals)
    )


def _extras(found: SignedRank, decimals: int) -> dict[str, object]:
    extras: dict[str, object] = {
        "lower": found.lower,
        "higher": found.higher,
        "equal": found.equal,
        "z": found.z,
        "z_printed": print_number(found.z, 3),
    }
    if found.ci:
        extras["ci_printed"] = print_interval(found.ci, decimals)
    if found.p_exact is not None:
        extras |= {"p_exact": found.p_exact, "p_exact_printed": print_p(found.p_exact)}
    return extras
