"""The multiverse: patients against controls by T2 that was made in every way the study could have chosen.

Where a result hangs on a choice that has equals (which voxels, which T2, how they become one number), all of them are
shown (Steegen et al., Perspect Psychol Sci 2016;11:702). Each variant is analysed as the main path is; the cutoff is
chosen anew in each, so sensitivity and specificity are as optimistic as the main path's. The variants share people and
voxels: they are no independent tests, and no p value is given.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from myot2.analyse.cohort import T2, Cohort
from myot2.analyse.roc import area, interval, roc_curve
from myot2.analyse.statistic import Statistic, number, unavailable
from myot2.analyse.variant_tables import PERSONS, VALUE, most_given
from myot2.core.errors import MyoT2Error
from myot2.core.scans import Scan
from myot2.core.variants import CHOICES, OWN_AGGREGATION, OWN_STATISTIC

COLUMNS = (
    *CHOICES,
    "main",
    "n_patient",
    "n_control",
    "auc",
    "auc_ci_low",
    "auc_ci_high",
    "cutoff_ms",
    "sensitivity",
    "specificity",
    "patient_mean_ms",
    "control_mean_ms",
    "reason",
)


CORRECTED = "corrected"


@dataclass(frozen=True)
class Choices:
    """What is compared: of each choice the main path's first, then the others; names of `myot2.core.variants`."""

    masks: Sequence[str]
    t2: Sequence[str]
    statistics: Sequence[str]
    aggregations: Sequence[str]

    @property
    def main(self) -> tuple[str, ...]:
        """The variant that is the main path."""
        return self.masks[0], self.t2[0], OWN_STATISTIC, OWN_AGGREGATION

    def combinations(self) -> Iterable[tuple[str, ...]]:
        """Every variant, each once, the main path first."""
        statistics, aggregations = (OWN_STATISTIC, *self.statistics), (OWN_AGGREGATION, *self.aggregations)
        return dict.fromkeys(product(self.masks, self.t2, statistics, aggregations))


def compare_variants(
    cohort: Cohort, variants: pd.DataFrame, choices: Choices, decided: Collection[str] = ()
) -> pd.DataFrame:
    """One row per variant: `COLUMNS`; T2 in ms, fractions 0-1.

    Parameters
    ----------
    cohort : Cohort
        The people, with the main path's T2.
    variants : pd.DataFrame
        As `myot2.analyse.variant_tables.read_variants` gives it. Of a person's sessions the cohort's is taken.
    choices : Choices
        Which variants are compared.
    decided : collection of str
        Names of the scans whose value is by a person's decision: by the corrected mask, or none. A scan that has none
        for that reason has none in any variant.

    Raises
    ------
    MyoT2Error
        The main variant's values are not those of the cohort, or the variants are of people not in it.
    """
    _require_people_of(cohort, variants)
    groups_of = cohort.people["group"].to_numpy()
    by_person = np.array([Scan(*scan).name in decided for scan in _scans(cohort.people)], dtype=bool)
    left_out = by_person & cohort.people[T2].isna().to_numpy()
    by_variant = dict(list(variants.groupby(list(CHOICES), sort=False)))
    rows = []
    for variant in choices.combinations():
        found = by_variant.get(variant, variants.iloc[:0])
        t2 = _values(cohort, found)
        if variant == choices.main:
            corrected = by_variant.get((CORRECTED, *choices.main[1:]), variants.iloc[:0])
            _require_equal(cohort, np.where(by_person, _values(cohort, corrected), t2))
        t2[left_out] = math.nan
        rows.append({**dict(zip(CHOICES, variant, strict=True)), "main": variant == choices.main})
        rows[-1] |= _row(*(t2[(groups_of == group) & ~np.isnan(t2)] for group in ("patient", "control")), found)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.assign(main=table["main"].map({True: "yes", False: "no"}))


def t2_by_mask(cohort: Cohort, variants: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    """Everybody's T2 by each mask, all else as in the main path: `PERSONS`, T2 in ms, the masks in their order.

    Arguments as in `compare_variants`. Who has no T2 by a mask has a row with the reason, where one is known.
    """
    _, t2, statistic, aggregation = choices.main
    by_variant = dict(list(variants.groupby(list(CHOICES), sort=False)))
    tables = []
    for mask in choices.masks:
        found = by_variant.get((mask, t2, statistic, aggregation), variants.iloc[:0])
        reasons = dict(zip(_scans(found), found["reason"], strict=True))
        people = cohort.people[["participant_id", "session"]]
        tables.append(
            people.assign(
                mask=mask, **{VALUE: _values(cohort, found)}, reason=[reasons.get(scan) for scan in _scans(people)]
            )
        )
    return pd.concat(tables, ignore_index=True)[list(PERSONS)]


def describe_multiverse(table: pd.DataFrame) -> dict[str, Statistic]:
    """The statistics under `multiverse.`: how many variants there are, and between what they lie.

    `table` is what `compare_variants` returns.
    """
    with_area = table[table["auc"].notna()]
    main = table[table["main"] == "yes"].iloc[0]
    extras = {"asked_for": len(table), "main": _name(main)}
    people = int(main["n_patient"] + main["n_control"])
    found = {"multiverse.variants": number(len(with_area), 0, n=people, extras=extras)}
    for key, column, decimals, unit in (("auc", "auc", 3, None), ("cutoff", "cutoff_ms", 1, "ms")):
        for end in ("min", "max"):
            found[f"multiverse.{key}.{end}"] = _end(table[table[column].notna()], column, end, decimals, unit)
    return found


def _end(table: pd.DataFrame, column: str, end: str, decimals: int, unit: str | None) -> Statistic:
    if table.empty:
        return unavailable("no variant has one", n=0, unit=unit)
    value = getattr(table[column], end)()
    at = table[table[column] == value]
    first = at.iloc[0]
    extras = {"variant": _name(first), "variants_with_it": len(at), "of_variants": len(table)}
    return number(float(value), decimals, n=int(first["n_patient"] + first["n_control"]), unit=unit, extras=extras)


def _name(row: Mapping[str, object]) -> str:
    return ", ".join(str(row[choice]) for choice in CHOICES)


def _row(patients: np.ndarray, controls: np.ndarray, found: pd.DataFrame) -> dict[str, object]:
    """The numbers of one variant; `found` are its rows of the table of variants."""
    row: dict[str, object] = {
        "n_patient": len(patients),
        "n_control": len(controls),
        "patient_mean_ms": patients.mean() if len(patients) else None,
        "control_mean_ms": controls.mean() if len(controls) else None,
    }
    if len(patients) == len(controls) == 0:
        return {**row, "reason": _why_nobody(found)}
    reasons = {
        "a group is empty": min(len(patients), len(controls)) == 0,
        "fewer than three values": len(patients) + len(controls) < 3,
        "all values are equal": len(np.unique([*patients, *controls])) == 1,
    }
    reason = next((reason for reason, holds in reasons.items() if holds), None)
    return {**row, "reason": reason} if reason else {**row, **_accuracy(patients, controls)}


def _accuracy(patients: np.ndarray, controls: np.ndarray) -> dict[str, object]:
    """The area with DeLong's interval, and the point of Youden's index, as the main path has them."""
    measured = area(patients, controls)
    # without overlap DeLong's error is 0, which is no precision; a group of one has none
    low, high = interval(measured.area, measured.se_delong) if measured.se_delong else (None, None)
    accuracy: dict[str, object] = {
        "auc": measured.area,
        "auc_ci_low": None if low is None else max(low, 0.0),
        "auc_ci_high": None if high is None else min(high, 1.0),
    }
    curve = roc_curve(patients, controls)
    best, _ = curve.best()
    if curve.youden[best] <= 0:
        return {**accuracy, "reason": "no cutoff is better than chance"}
    return {
        **accuracy,
        "cutoff_ms": curve.cutoffs[best],
        "sensitivity": curve.sensitivity[best],
        "specificity": curve.specificity[best],
    }


def _why_nobody(found: pd.DataFrame) -> str:
    return most_given(found["reason"]) or "no scan was measured so"


def _values(cohort: Cohort, found: pd.DataFrame) -> np.ndarray:
    """T2 (ms) of each of the people by one variant, shape (people,), NaN where there is none."""
    by_scan = dict(zip(_scans(found), found[VALUE], strict=True))
    return np.array([by_scan.get(scan, math.nan) for scan in _scans(cohort.people)], dtype=float)


def _scans(table: pd.DataFrame) -> list[tuple[str, str | None]]:
    pairs = zip(table["participant_id"], table["session"], strict=True)
    return [(person, None if pd.isna(session) else session) for person, session in pairs]


def _require_people_of(cohort: Cohort, variants: pd.DataFrame) -> None:
    strangers = sorted(set(variants["participant_id"]) - set(cohort.people["participant_id"]))
    if strangers:
        raise MyoT2Error(
            expected="variants of people of the participants table",
            found=f"participant {strangers[0]!r}",
            where="--tables",
            do="Check that all tables are of one cohort.",
        )


def _require_equal(cohort: Cohort, t2: np.ndarray) -> None:
    """Refuse tables of variants that are of another run than the measures of the cohort."""
    for person, main, variant in zip(cohort.people["participant_id"], cohort.people[T2], t2, strict=True):
        if main != variant and not (math.isnan(main) and math.isnan(variant)):
            raise MyoT2Error(
                expected=f"{main:.10g} ms, the value of {person} in the measures, in the main variant",
                found=f"{variant:.10g} ms",
                where="--tables",
                do="Give the tables of variants and the measures of one run; name its mask and T2 first.",
            )
