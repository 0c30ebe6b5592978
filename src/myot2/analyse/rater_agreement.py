"""Two raters of the same scans, or one rater twice: agreement of decisions, and of T2 by the masks they left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from myot2.analyse.agreement import icc, limits_of_agreement
from myot2.analyse.raters import weighted_kappa

DECISION_COLUMNS = {
    "scans": "Scans that both decided about, having seen the same files.",
    "equal": "Those of them with the same decision.",
    "agreement": "Share (0-1) of equal decisions.",
    "agreement_low": "Lower end of its 95 % interval (Clopper and Pearson).",
    "agreement_high": "Upper end.",
    "kappa": "Cohen's kappa of the decisions, every disagreement alike.",
    "kappa_low": "Lower end of its 95 % interval.",
    "kappa_high": "Upper end; at most 1.",
    "kappa_missing": "Why there is no kappa, or no interval of it.",
}

T2_COLUMNS = {
    "masks": "Scans of which both masks have a T2.",
    "t2_bias_ms": "Mean T2 of both thighs by the first's mask minus by the second's (ms).",
    "t2_bias_low_ms": "Lower end of its 95 % interval.",
    "t2_bias_high_ms": "Upper end.",
    "t2_lower_ms": "Lower limit of agreement (ms; Bland and Altman).",
    "t2_lower_low_ms": "Lower end of its 95 % interval.",
    "t2_lower_high_ms": "Upper end.",
    "t2_upper_ms": "Upper limit of agreement (ms).",
    "t2_upper_low_ms": "Lower end of its 95 % interval.",
    "t2_upper_high_ms": "Upper end.",
    "t2_missing": "Why there are no limits of agreement.",
    "icc": "Intraclass correlation of T2, absolute agreement, single measurements (ICC(A,1)).",
    "icc_low": "Lower end of its 95 % interval.",
    "icc_high": "Upper end.",
    "icc_missing": "Why there is no correlation.",
}


def decision_agreement(first: Sequence[str], second: Sequence[str], words: Sequence[str]) -> dict[str, Any]:
    """Equal decisions and Cohen's kappa.

    Parameters
    ----------
    first, second : sequence of str
        Decisions about the same scans, in the same order.
    words : sequence of str
        All decisions that there are.

    Returns
    -------
    dict
        `DECISION_COLUMNS`; None where there is no number.
    """
    made = dict.fromkeys(DECISION_COLUMNS) | {"scans": len(first)}
    made["equal"] = sum(one == other for one, other in zip(first, second, strict=True))
    places = [np.array([words.index(word) for word in said], dtype=float) for said in (first, second)]
    try:
        found = weighted_kappa(*places, weights=None, grades=range(len(words)))
    except ValueError as error:
        reason = str(error).replace("readers", "raters").replace("everybody", "every scan").replace("grade", "decision")
        return made | {"agreement": made["equal"] / len(first) if len(first) else None, "kappa_missing": reason}
    made["agreement"], (made["agreement_low"], made["agreement_high"]) = found.agreement, found.agreement_ci
    made["kappa"], (made["kappa_low"], made["kappa_high"]) = found.kappa, found.ci or (None, None)
    return made | {"kappa_missing": None if found.ci else "no interval: the decisions show no error"}


def t2_agreement(first_ms: Sequence[float], second_ms: Sequence[float]) -> dict[str, Any]:
    """Bland and Altman's limits and the intraclass correlation of T2 by two masks of the same scans.

    Parameters
    ----------
    first_ms, second_ms : sequence of float
        T2 (ms), NaN where there is none.

    Returns
    -------
    dict
        `T2_COLUMNS`; None where there is no number.
    """
    pairs = np.column_stack([np.asarray(first_ms, dtype=float), np.asarray(second_ms, dtype=float)])
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    made: dict[str, Any] = dict.fromkeys(T2_COLUMNS) | {"masks": len(pairs)}
    if len(pairs):
        made["t2_bias_ms"] = float((pairs[:, 0] - pairs[:, 1]).mean())
    try:
        limits = limits_of_agreement(pairs[:, 0], pairs[:, 1])
    except ValueError as error:
        made["t2_missing"] = str(error)
    else:
        for name in ("bias", "lower", "upper"):
            made[f"t2_{name}_ms"] = getattr(limits, name)
            made[f"t2_{name}_low_ms"], made[f"t2_{name}_high_ms"] = getattr(limits, f"{name}_ci")
    try:
        correlation = icc(pairs)
    except ValueError as error:
        return made | {"icc_missing": str(error).replace("people", "scans")}
    low, high = correlation.ci or (None, None)
    return made | {"icc": correlation.icc, "icc_low": low, "icc_high": high}
