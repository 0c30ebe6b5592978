"""Patients against controls, muscle by muscle."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.cohort import Cohort
from myot2.analyse.comparisons import Comparison, compare
from myot2.analyse.keys import key_of
from myot2.analyse.sample import summarise
from myot2.analyse.statistic import Statistic
from myot2.core.labels import LabelTable

_FIGURES = ("n", "mean", "sd", "median")


def regions_of(cohort: Cohort, labels: LabelTable | None) -> dict[str, str]:
    """Region -> kind (muscle, group or region): the label table's in its order, measured or not, then any others."""
    muscles, groups = (labels.muscles, labels.groups) if labels else ((), ())
    kinds = dict.fromkeys(groups, "group") | dict.fromkeys(muscles, "muscle")
    return {name: kinds.get(name, "region") for name in [*muscles, *groups, *cohort.regions.columns]}


def compare_muscles(cohort: Cohort, regions: dict[str, str]) -> dict[str, Statistic]:
    """`muscle.<name>.patient.*`, `muscle.<name>.control.*` and `muscle.<name>.mann_whitney` for every region."""
    found = {}
    for region in regions:
        prefix = f"muscle.{key_of(region)}"
        patients, controls = _values(cohort, region)
        names = (f"{prefix}.mann_whitney", f"{prefix}.patient", f"{prefix}.control")
        found |= Comparison(*names, patients, controls, "ms", 1).statistics()
    return found


def muscles_table(cohort: Cohort, regions: dict[str, str]) -> pd.DataFrame:
    """One row per region (both sides): each group's n, mean, SD and median in ms, z and p of Mann and Whitney."""
    rows = []
    for region, kind in regions.items():
        groups = dict(zip(("patient", "control"), _values(cohort, region), strict=True))
        row: dict[str, object] = {"region": region, "kind": kind}
        for group, values in groups.items():
            sample = summarise(values)
            row |= {f"{group}_{name}" + ("" if name == "n" else "_ms"): getattr(sample, name) for name in _FIGURES}
        test = compare(groups["patient"], groups["control"])
        rows.append({**row, "z": test.extras.get("z"), "p": test.p})
    figures = [f"{group}_{name}" for group in ("patient", "control") for name in ("n", "mean_ms", "sd_ms", "median_ms")]
    return pd.DataFrame(rows, columns=["region", "kind", *figures, "z", "p"])


def _values(cohort: Cohort, region: str) -> tuple[np.ndarray, np.ndarray]:
    if region not in cohort.regions.columns:
        return np.empty(0), np.empty(0)
    t2 = cohort.regions[region].dropna()
    patients = t2.index.isin(cohort.patients["participant_id"])
    return t2[patients].to_numpy(), t2[~patients].to_numpy()
