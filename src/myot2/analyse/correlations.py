"""T2 against the enzymes and the lung score, among patients (the study's Table 1)."""

from __future__ import annotations

import pandas as pd

from myot2.analyse.cohort import T2
from myot2.analyse.rounding import print_number
from myot2.analyse.spearman import Spearman, spearman
from myot2.analyse.statistic import Statistic, number, unavailable

QUANTITIES = ("ck", "alt", "ast", "ldh", "ild_score")
TEST = "Spearman's rank correlation (t with n - 2 degrees of freedom)"
TABLE_COLUMNS = ("quantity", "n", "rs", "ci_low", "ci_high", "t", "p")


def correlate(patients: pd.DataFrame) -> dict[str, Statistic]:
    """`spearman.<quantity>` for each quantity; pairs with an unknown are left out, n says how many remain."""
    found = {}
    for quantity in QUANTITIES:
        pairs = patients[[T2, quantity]].dropna()
        try:
            result = spearman(pairs[T2].to_numpy(), pairs[quantity].to_numpy())
        except ValueError as error:
            found[f"spearman.{quantity}"] = unavailable(str(error), n=len(pairs), test=TEST)
        else:
            found[f"spearman.{quantity}"] = _statistic(result)
    return found


def correlations_table(found: dict[str, Statistic]) -> pd.DataFrame:
    """The correlations as a table, one row per quantity."""
    rows = []
    for quantity in QUANTITIES:
        statistic = found[f"spearman.{quantity}"]
        low, high = statistic.ci or (None, None)
        rows.append((quantity, statistic.n, statistic.value, low, high, statistic.extras.get("t"), statistic.p))
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS))


def _statistic(result: Spearman) -> Statistic:
    extras = {"t": result.t, "among": "patients"}
    if result.ci:
        extras["ci_printed"] = " to ".join(print_number(end, 3) for end in result.ci)
    return number(result.rs, 3, n=result.n, ci=result.ci, test=TEST, p=result.p, extras=extras)
