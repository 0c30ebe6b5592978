"""How well an endpoint tells two groups apart: the curve, its area, and a cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from myot2.analyse.material import Material
from myot2.analyse.outcome import Outcome
from myot2.analyse.plan_kinds import Prespecified, Roc
from myot2.analyse.proportion import proportion
from myot2.analyse.roc import Area, RocCurve, area, interval, roc_curve
from myot2.analyse.rounding import print_number
from myot2.analyse.statistic import Statistic, number, unavailable

AREA_TEST = "area of 0.5 (normal approximation, null variance (n1 + n0 + 1) / (12 n1 n0))"
RULE = "highest Youden index; among equals the highest specificity, then the lowest cutoff; positive at or above it"
OPTIMISM = "chosen in the very participants in whom it is judged, so sensitivity and specificity are optimistic"
PRESPECIFIED = "given before, not chosen in these participants: sensitivity and specificity are not optimistic"
ROC_COLUMNS = ("cutoff", "sensitivity", "specificity", "youden")
FIGURES = ("auc", "cutoff", "sensitivity", "specificity", "youden")


def run(key: str, analysis: Roc, material: Material) -> Outcome:
    """`<key>.auc`, `.cutoff`, `.sensitivity`, `.specificity`, `.youden`; `.prespecified.*` where a cutoff is given."""
    positives = material.sample(analysis.endpoint, analysis.positive)
    negatives = material.sample(analysis.endpoint, analysis.negative)
    endpoint = material.plan.endpoints[analysis.endpoint]
    titles = (material.title(analysis.positive), material.title(analysis.negative))
    curve, reason = curve_of(positives, negatives)
    n = len(positives) + len(negatives)
    if curve is None:
        found = {name: unavailable(reason, n=n) for name in FIGURES}
    else:
        found = {"auc": _area_statistic(area(positives, negatives), len(positives), len(negatives))}
        found |= _operating_point(curve, titles, unit=endpoint.unit, decimals=endpoint.decimals)
    if analysis.prespecified:
        found |= _at_given(positives, negatives, titles, analysis.prespecified)
    return Outcome({f"{key}.{name}": statistic for name, statistic in found.items()}, {"roc": roc_table(curve)})


def main_keys(key: str, analysis: Roc, material: Material) -> tuple[str, ...]:
    """The area."""
    return (f"{key}.auc",)


def curve_of(positives: np.ndarray, negatives: np.ndarray) -> tuple[RocCurve | None, str]:
    """The curve, or None and the reason why there is none."""
    if min(len(positives), len(negatives)) == 0:
        return None, "a group is empty"
    if len(positives) + len(negatives) < 3:
        return None, "fewer than three values"
    if len(np.unique(np.concatenate([positives, negatives]))) == 1:
        return None, "all values are equal"
    return roc_curve(positives, negatives), ""


def roc_table(curve: RocCurve | None) -> pd.DataFrame:
    """Every cutoff (ms) with sensitivity, specificity (0-1) and Youden's index; no rows where there is no curve."""
    if curve is None:
        return pd.DataFrame(columns=list(ROC_COLUMNS))
    columns = (curve.cutoffs, curve.sensitivity, curve.specificity, curve.youden)
    return pd.DataFrame(dict(zip(ROC_COLUMNS, columns, strict=True)))


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


def _operating_point(
    curve: RocCurve, titles: tuple[str, str], *, unit: str | None, decimals: int
) -> dict[str, Statistic]:
    n = curve.n_positive + curve.n_negative
    best, tied = curve.best()
    if curve.youden[best] <= 0:
        reason = "no cutoff is better than chance (Youden's index is nowhere above 0)"
        return {name: unavailable(reason, n=n) for name in FIGURES[1:]}
    extras = {"rule": RULE, "tied_cutoffs": curve.cutoffs[tied].tolist(), "note": OPTIMISM}
    extras |= {"n_positive": curve.n_positive, "n_negative": curve.n_negative}
    return {
        "cutoff": number(float(curve.cutoffs[best]), decimals, n=n, unit=unit, extras=extras),
        "sensitivity": proportion(int(curve.hits[best]), curve.n_positive, among=titles[0]),
        "specificity": proportion(int(curve.rejections[best]), curve.n_negative, among=titles[1]),
        "youden": number(float(curve.youden[best]), 3, n=n),
    }


def _at_given(
    positives: np.ndarray, negatives: np.ndarray, titles: tuple[str, str], given: Prespecified
) -> dict[str, Statistic]:
    """Sensitivity and specificity at a cutoff that was given before the data."""
    extras = {"cutoff": given.cutoff, "source": given.source, "note": PRESPECIFIED}
    hits, rejections = int((positives >= given.cutoff).sum()), int((negatives < given.cutoff).sum())
    return {
        "prespecified.sensitivity": proportion(hits, len(positives), among=titles[0], **extras),
        "prespecified.specificity": proportion(rejections, len(negatives), among=titles[1], **extras),
    }
