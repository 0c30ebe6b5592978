"""Two groups side by side: summaries of both, and Mann and Whitney's test between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from myot2.analyse.describe import describe
from myot2.analyse.mann_whitney import mann_whitney
from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Comparison
from myot2.analyse.rounding import print_number, print_p
from myot2.analyse.sample import summarise
from myot2.analyse.statistic import Statistic, number, unavailable

MANN_WHITNEY = "Mann-Whitney U (asymptotic, tie-corrected, no continuity correction)"


@dataclass(frozen=True)
class TwoGroups:
    """One quantity in two groups. Values have shapes (n1,) and (n2,); z is positive where the first is larger."""

    test_key: str
    first: str
    second: str
    first_values: np.ndarray
    second_values: np.ndarray
    unit: str | None
    decimals: int

    def statistics(self) -> dict[str, Statistic]:
        """Both groups' summaries under their keys, and the test."""
        found = {}
        for prefix, values in ((self.first, self.first_values), (self.second, self.second_values)):
            found |= describe(prefix, values, decimals=self.decimals, unit=self.unit)
        return found | {self.test_key: compare(self.first_values, self.second_values)}

    def rows(self) -> list[dict[str, object]]:
        """One table row per group, with the test's figures in both."""
        test = compare(self.first_values, self.second_values)
        rows = []
        for prefix, values in ((self.first, self.first_values), (self.second, self.second_values)):
            sample = summarise(values)
            figures = {name: getattr(sample, name) for name in ("n", "mean", "sd", "median", "q1", "q3")}
            figures |= {"min": sample.low, "max": sample.high, "unit": self.unit}
            figures |= {name: test.extras.get(name) for name in ("u", "u_smaller", "z")}
            figures |= {"p": test.p, "p_exact": test.extras.get("p_exact")}
            rows.append({"comparison": self.test_key, "group": prefix, **figures})
        return rows


def compare(first: np.ndarray, second: np.ndarray) -> Statistic:
    """Mann and Whitney's test as a statistic: value U of the first group; z, the smaller U and exact p as extras."""
    n = len(first) + len(second)
    try:
        result = mann_whitney(first, second)
    except ValueError as error:
        return unavailable(str(error), n=n, test=MANN_WHITNEY)
    extras = {
        "u": result.u,
        "u_smaller": result.u_smaller,
        "z": result.z,
        "z_printed": print_number(result.z, 3),
        "n_first": result.n_first,
        "n_second": result.n_second,
    }
    if result.p_exact is not None:
        extras |= {"p_exact": result.p_exact, "p_exact_printed": print_p(result.p_exact)}
    return number(result.u, 1, n=n, test=MANN_WHITNEY, p=result.p, extras=extras)


def run(key: str, analysis: Comparison, material: Material) -> Outcome:
    """The test under the analysis's own key, the summaries under <endpoint>.<group>."""
    endpoint = material.plan.endpoints[analysis.endpoint]
    groups = TwoGroups(
        test_key=key,
        first=f"{analysis.endpoint}.{analysis.first}",
        second=f"{analysis.endpoint}.{analysis.second}",
        first_values=material.sample(analysis.endpoint, analysis.first),
        second_values=material.sample(analysis.endpoint, analysis.second),
        unit=endpoint.unit,
        decimals=endpoint.decimals if analysis.decimals is None else analysis.decimals,
    )
    return Outcome(groups.statistics(), {"groups": pd.DataFrame(groups.rows())})


def main_keys(key: str, analysis: Comparison, material: Material) -> tuple[str, ...]:
    """The test."""
    return (key,)
