"""What analyses with the unknown filled in have in common: who can help to fill in, and a pooled number."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from myot2.analyse.missing import FEWEST_KNOWN
from myot2.analyse.pooling import Pooled
from myot2.analyse.rounding import print_interval
from myot2.analyse.statistic import Statistic, number


def cannot_help(cells: pd.Series) -> str:
    """Why a column can neither be filled in nor predict; empty where it can."""
    known = cells.dropna()
    if len(known) < FEWEST_KNOWN:
        return f"is known of fewer than {FEWEST_KNOWN} people"
    return "does not vary" if known.nunique() < 2 else ""


def pooled_statistic(found: Pooled, n: int, test: str, told: Mapping[str, object]) -> Statistic:
    """A pooled result with three decimals, and how it was pooled beside what else is `told` of it."""
    extras = {
        **told,
        "imputations": found.imputations,
        "df": found.df,
        "fraction_missing": found.fraction_missing,
        "ci_printed": print_interval(found.ci, 3),
    }
    return number(found.estimate, 3, n=n, ci=found.ci, test=test, p=found.p, extras=extras)
