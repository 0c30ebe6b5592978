"""Correcting the p values of a family for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from myot2.analyse.multiplicity import adjust
from myot2.analyse.plan import Plan
from myot2.analyse.rounding import print_p
from myot2.analyse.statistic import Statistic

METHODS = {"holm": "Holm", "bh": "Benjamini and Hochberg"}


def with_corrected_p(
    statistics: Mapping[str, Statistic], tests: Mapping[str, Sequence[str]], plan: Plan
) -> dict[str, Statistic]:
    """The statistics, those that belong to a family with its name and size and their corrected p value.

    Parameters
    ----------
    statistics : mapping
        All statistics by key.
    tests : mapping
        Per analysis of the plan, the keys of its tests. The size of a family counts those that have a p value.
    plan : Plan
        Says which analysis belongs to which family.

    Returns
    -------
    dict
        The same keys in the same order.
    """
    result = dict(statistics)
    for name, family in plan.families.items():
        keys = [key for each, analysis in plan.analyses.items() if analysis.family == name for key in tests[each]]
        keys = [key for key in dict.fromkeys(keys) if key in statistics]
        adjusted = adjust([statistics[key].p for key in keys], family.method)
        for key, p in zip(keys, adjusted.p, strict=True):
            if p is not None:
                extras = {
                    "family": name,
                    "family_size": adjusted.tested,
                    "family_method": METHODS[family.method],
                    "p_adjusted": p,
                    "p_adjusted_printed": print_p(p),
                }
                result[key] = replace(statistics[key], extras={**statistics[key].extras, **extras})
    return result
