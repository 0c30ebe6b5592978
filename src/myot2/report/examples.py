"""Which participants the report shows in full size, chosen by rule so that nobody can choose the prettiest."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from myot2.report.inputs import scan_names
from myot2.report.study import Study


def typical_patient(study: Study) -> str | None:
    """The scan of the pictured patient whose T2 is nearest to the patients' median; None where there is none."""
    t2 = _pictured(study)
    median = study.statistics.value("t2.patient.median")
    return None if t2.empty or median is None else (t2 - median).abs().idxmin()


def found_by_t2_alone(study: Study) -> str | None:
    """The scan of the pictured patient of the highest T2 at or above the cutoff among those whose CK is normal."""
    t2 = _pictured(study)
    cutoff = study.statistics.value("roc.cutoff")
    limit = study.statistics.content.get("normal_ck.detected", {}).get("ck_upper_limit")
    if cutoff is None or limit is None:
        return None
    people = study.people.set_axis(scan_names(study.people), axis=0)
    ck = pd.to_numeric(people["ck"], errors="coerce") if "ck" in people else pd.Series(dtype=float)
    chosen = t2[(ck.reindex(t2.index) <= float(limit)) & (t2 >= cutoff)]
    return None if chosen.empty else chosen.idxmax()


def t2_of(study: Study, scan: str) -> float:
    """A scan's T2 in ms."""
    return float(study.people.set_axis(scan_names(study.people), axis=0).loc[scan, "t2_mean_ms"])


def _pictured(study: Study) -> pd.Series:
    """T2 (ms) of the patients with a picture, by scan name."""
    people = study.people.set_axis(scan_names(study.people), axis=0)
    chosen = people.loc[(people["group"] == "patient") & people["t2_mean_ms"].notna(), "t2_mean_ms"]
    return chosen[[isinstance(study.panels.get(scan), Path) for scan in chosen.index]]
