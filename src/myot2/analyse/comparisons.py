"""Two groups side by side: patients and controls, with and without lung disease, with and without ASS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from myot2.analyse.cohort import T2, Cohort
from myot2.analyse.describe import describe
from myot2.analyse.mann_whitney import mann_whitney
from myot2.analyse.proportion import proportion
from myot2.analyse.rounding import print_number, print_p
from myot2.analyse.sample import summarise
from myot2.analyse.statistic import Statistic, number, unavailable

MANN_WHITNEY = "Mann-Whitney U (asymptotic, tie-corrected, no continuity correction)"


@dataclass(frozen=True)
class Comparison:
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


def comparisons(cohort: Cohort) -> list[Comparison]:
    """All comparisons of the study. Whoever lacks a value, or whose group is unknown, is left out of that one."""
    patients = cohort.patients
    t2, score = patients[T2], patients["ild_score"]
    present, absent = ild_present(patients), score == 0
    ass = (patients["diagnosis"].str.upper() == "ASS").fillna(False).to_numpy(bool)
    not_ass = patients["diagnosis"].notna().to_numpy(bool) & ~ass
    return [
        _comparison("t2.mann_whitney", "t2.patient", t2, "t2.control", cohort.controls[T2]),
        _comparison("t2.ild_mann_whitney", "t2.ild_present", t2[present], "t2.ild_absent", t2[absent]),
        _comparison(
            "t2.ild_mann_whitney_unknown_as_absent",
            "t2.ild_present",
            t2[present],
            "t2.ild_absent_or_unknown",
            t2[~present],
        ),
        _comparison("t2.ass_mann_whitney", "t2.ass", t2[ass], "t2.non_ass", t2[not_ass]),
        _comparison(
            "ild_score.ass_mann_whitney",
            "ild_score.ass",
            score[ass],
            "ild_score.non_ass",
            score[not_ass],
            unit=None,
            decimals=2,
        ),
    ]


def ild_present(patients: pd.DataFrame) -> pd.Series:
    """Who has interstitial lung disease: a score, or one of its parts, above 0; False where unknown."""
    return (patients[["ild_score", "ild_severity", "ild_extent"]] > 0).any(axis=1)


def describe_ild(patients: pd.DataFrame) -> dict[str, Statistic]:
    """How many have interstitial lung disease, by both denominators, and their score."""
    present = ild_present(patients)
    known = int((present | (patients["ild_score"] == 0)).sum())
    with_ild, everybody = int(present.sum()), len(patients)
    found = {
        "ild.present_of_known": proportion(with_ild, known, among="patients with a known HRCT"),
        "ild.present_of_all": proportion(with_ild, everybody, among="all patients, unknown HRCT counted as absent"),
        "ild.unknown": Statistic(everybody - known, str(everybody - known), n=everybody),
    }
    return found | describe("ild_score.present", patients.loc[present, "ild_score"].to_numpy(), decimals=1, unit=None)


def groups_table(found: list[Comparison]) -> pd.DataFrame:
    """All comparisons as one table, two rows each."""
    return pd.DataFrame([row for comparison in found for row in comparison.rows()])


def _comparison(
    test_key: str,
    first: str,
    first_values: pd.Series,
    second: str,
    second_values: pd.Series,
    unit: str | None = "ms",
    decimals: int = 1,
) -> Comparison:
    values = (first_values.dropna().to_numpy(), second_values.dropna().to_numpy())
    return Comparison(test_key, first, second, *values, unit, decimals)
