"""How well T2 tells patients from controls, and what it finds where CK is normal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.cohort import T2, Cohort
from myot2.analyse.proportion import proportion
from myot2.analyse.roc import Area, RocCurve, area, interval, roc_curve
from myot2.analyse.rounding import print_number
from myot2.analyse.statistic import Statistic, number, unavailable

AREA_TEST = "area of 0.5 (normal approximation, null variance (n1 + n0 + 1) / (12 n1 n0))"
RULE = "highest Youden index; among equals the highest specificity, then the lowest cutoff; positive at or above it"
OPTIMISM = "chosen in the very participants in whom it is judged, so sensitivity and specificity are optimistic"
ROC_COLUMNS = ("cutoff", "sensitivity", "specificity", "youden")

CK_UPPER_LIMIT = 200.0
"""U/l, one limit for both sexes. The study prints none; laboratories' limits lie around this."""


def curve_of(cohort: Cohort) -> tuple[RocCurve | None, str]:
    """The curve of patients against controls, or None and the reason why there is none."""
    positives, negatives = _values(cohort)
    if min(len(positives), len(negatives)) == 0:
        return None, "a group is empty"
    if len(positives) + len(negatives) < 3:
        return None, "fewer than three values"
    if len(np.unique(np.concatenate([positives, negatives]))) == 1:
        return None, "all values are equal"
    return roc_curve(positives, negatives), ""


def describe_accuracy(cohort: Cohort, ck_upper_limit: float) -> dict[str, Statistic]:
    """The statistics under `roc.` and `normal_ck.`."""
    curve, reason = curve_of(cohort)
    positives, negatives = _values(cohort)
    n = len(positives) + len(negatives)
    if curve is None:
        names = ("auc", "cutoff", "sensitivity", "specificity", "youden")
        found = {f"roc.{name}": unavailable(reason, n=n) for name in names}
        cutoff = None
    else:
        found = {"roc.auc": _area_statistic(area(positives, negatives), len(positives), len(negatives))}
        operating, cutoff = _operating_point(curve)
        found |= operating
    return found | _normal_ck(cohort.patients, cutoff, ck_upper_limit)


def roc_table(curve: RocCurve | None) -> pd.DataFrame:
    """Every cutoff (ms) with sensitivity, specificity (0-1) and Youden's index; no rows where there is no curve."""
    if curve is None:
        return pd.DataFrame(columns=list(ROC_COLUMNS))
    columns = (curve.cutoffs, curve.sensitivity, curve.specificity, curve.youden)
    return pd.DataFrame(dict(zip(ROC_COLUMNS, columns, strict=True)))


def _values(cohort: Cohort) -> tuple[np.ndarray, np.ndarray]:
    return cohort.patients[T2].dropna().to_numpy(), cohort.controls[T2].dropna().to_numpy()


def _area_statistic(found: Area, n_positive: int, n_negative: int) -> Statistic:
    extras = {
        "u": found.u,
        "n_positive": n_positive,
        "n_negative": n_negative,
        "z": found.z,
        "se_delong": found.se_delong,
        "se_spss": found.se_spss,
        "ci_spss": interval(found.area, found.se_spss),
    }
    ci = None
    if found.se_delong is None:
        extras["ci_reason"] = "a group of one has no variance"
    elif found.se_delong == 0:
        extras["ci_reason"] = "the groups do not overlap: the standard error is 0 and no interval can be estimated"
    else:
        extras["ci_untruncated"] = interval(found.area, found.se_delong)
        low, high = extras["ci_untruncated"]
        ci = (max(low, 0.0), min(high, 1.0))
        extras["ci_method"] = "DeLong, truncated to 0-1"
        extras["ci_printed"] = " to ".join(print_number(end, 3) for end in ci)
    return number(found.area, 3, n=n_positive + n_negative, ci=ci, test=AREA_TEST, p=found.p, extras=extras)


def _operating_point(curve: RocCurve) -> tuple[dict[str, Statistic], float | None]:
    n = curve.n_positive + curve.n_negative
    best, tied = curve.best()
    if curve.youden[best] <= 0:
        reason = "no cutoff is better than chance (Youden's index is nowhere above 0)"
        names = ("cutoff", "sensitivity", "specificity", "youden")
        return {f"roc.{name}": unavailable(reason, n=n) for name in names}, None
    cutoff = float(curve.cutoffs[best])
    extras = {"rule": RULE, "tied_cutoffs": curve.cutoffs[tied].tolist(), "note": OPTIMISM}
    return {
        "roc.cutoff": number(cutoff, 1, n=n, unit="ms", extras=extras),
        "roc.sensitivity": proportion(int(curve.hits[best]), curve.n_positive, among="patients"),
        "roc.specificity": proportion(int(curve.rejections[best]), curve.n_negative, among="controls"),
        "roc.youden": number(float(curve.youden[best]), 3, n=n),
    }, cutoff


def _normal_ck(patients: pd.DataFrame, cutoff: float | None, upper_limit: float) -> dict[str, Statistic]:
    """Of the measured patients with CK at or below the limit: how many T2 finds."""
    normal = patients[(patients["ck"] <= upper_limit) & patients[T2].notna()]
    extras = {"among": "measured patients with CK up to the limit", "ck_upper_limit": upper_limit, "ck_unit": "U/l"}
    if cutoff is None:
        return {"normal_ck.detected": unavailable("there is no cutoff", n=len(normal), extras=extras)}
    return {"normal_ck.detected": proportion(int((normal[T2] >= cutoff).sum()), len(normal), **extras)}
