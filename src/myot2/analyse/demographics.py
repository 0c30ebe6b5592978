"""Who is in the cohort: counts, age, sex, diagnosis, treatment, enzymes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.cohort import T2, Cohort
from myot2.analyse.describe import describe
from myot2.analyse.keys import key_of
from myot2.analyse.rounding import print_number, print_percent
from myot2.analyse.statistic import Statistic, unavailable

DIAGNOSES = ("DM", "PM", "ASS")
TREATMENTS = ("untreated", "relapsed")
ENZYMES = ("ck", "alt", "ast", "ldh")


def describe_cohort(cohort: Cohort) -> dict[str, Statistic]:
    """All statistics under `cohort.`."""
    found = {
        "cohort.n": count(len(cohort.people)),
        "cohort.unused_sessions": Statistic(
            len(cohort.unused_sessions),
            str(len(cohort.unused_sessions)),
            extras={
                "rule": "one session per person: the first that was measured, in natural order of the session names",
                "sessions": list(cohort.unused_sessions),
            },
        ),
    }
    for group, people in (("patient", cohort.patients), ("control", cohort.controls)):
        found |= _describe_group(f"cohort.{group}", people)
    patients = cohort.patients
    found |= _count_each("cohort.patient.diagnosis", patients["diagnosis"], DIAGNOSES)
    found |= _count_each("cohort.patient.treatment", patients["treatment"], TREATMENTS)
    found |= describe(
        "cohort.patient.disease_duration",
        patients["disease_duration_months"].to_numpy(),
        decimals=1,
        unit="months",
        range_decimals=0,
    )
    for enzyme in ENZYMES:
        found |= describe(f"cohort.patient.{enzyme}", patients[enzyme].to_numpy(), decimals=1, unit="U/l")
    return found


def count(value: int, **others: object) -> Statistic:
    """A number of people."""
    return Statistic(value, str(value), **others)


def _describe_group(prefix: str, people: pd.DataFrame) -> dict[str, Statistic]:
    without = people.loc[people[T2].isna(), "participant_id"].tolist()
    found = {
        f"{prefix}.n": count(len(people)),
        f"{prefix}.measured": count(len(people) - len(without), n=len(people), extras={"not_measured": without}),
    }
    known = int(people["sex"].notna().sum())
    male, female = (int(np.sum(people["sex"] == sex)) for sex in ("M", "F"))
    for name, number_of in (("male", male), ("female", female)):
        found[f"{prefix}.{name}"] = count(number_of, n=known) if known else unavailable("no sex is known", n=0)
    found[f"{prefix}.sex_ratio"] = (
        Statistic(female / male, f"1:{print_number(female / male, 1)}", n=known, extras={"of": "male to female"})
        if male
        else unavailable("there are no males", n=known)
    )
    return found | describe(f"{prefix}.age", people["age"].to_numpy(), decimals=1, unit="years", range_decimals=0)


def _count_each(prefix: str, cells: pd.Series, always: tuple[str, ...]) -> dict[str, Statistic]:
    """How many have each of the words of a column; the study's words have a key even where nobody has them."""
    names = [key_of(cell) for cell in cells.dropna()]
    if not names:
        return {f"{prefix}.{name}": unavailable("the column is not in the table, or unknown", n=0) for name in always}
    words = [*always, *sorted(set(names) - set(always))]
    return {
        f"{prefix}.{word}": count(
            names.count(word), n=len(names), extras={"percent_printed": print_percent(names.count(word) / len(names))}
        )
        for word in words
    }
