"""One endpoint against others by rank (the study's Table 1)."""

from __future__ import annotations

import pandas as pd

from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Correlation
from myot2.analyse.rounding import print_number
from myot2.analyse.spearman import Spearman, spearman
from myot2.analyse.statistic import Statistic, number, unavailable

TEST = "Spearman's rank correlation (t with n - 2 degrees of freedom)"
TABLE_COLUMNS = ("quantity", "n", "rs", "ci_low", "ci_high", "t", "p")


def run(key: str, analysis: Correlation, material: Material) -> Outcome:
    """`<key>.<endpoint>` for each of the others; pairs with an unknown are left out, n says how many remain."""
    found, rows = {}, []
    for name in analysis.with_:
        # a Series by itself: an endpoint correlated with itself is one column, not two
        pairs = pd.DataFrame({0: material.endpoint(analysis.endpoint), 1: material.endpoint(name)})
        pairs = pairs[material.members(analysis.among)].dropna()
        statistic = _correlated(pairs, material.title(analysis.among))
        found[f"{key}.{name}"] = statistic
        low, high = statistic.ci or (None, None)
        rows.append((name, statistic.n, statistic.value, low, high, statistic.extras.get("t"), statistic.p))
    return Outcome(found, {"correlations": pd.DataFrame(rows, columns=list(TABLE_COLUMNS))})


def main_keys(key: str, analysis: Correlation, material: Material) -> tuple[str, ...]:
    """Every correlation."""
    return tuple(f"{key}.{name}" for name in analysis.with_)


def _correlated(pairs: pd.DataFrame, among: str) -> Statistic:
    try:
        return _statistic(spearman(pairs[0].to_numpy(), pairs[1].to_numpy()), among)
    except ValueError as error:
        return unavailable(str(error), n=len(pairs), test=TEST)


def _statistic(result: Spearman, among: str) -> Statistic:
    extras = {"t": result.t, "among": among}
    if result.ci:
        extras["ci_printed"] = " to ".join(print_number(end, 3) for end in result.ci)
    return number(result.rs, 3, n=result.n, ci=result.ci, test=TEST, p=result.p, extras=extras)
