"""Two readers of the lungs: how far their grades agree, and T2 against the score of both."""

from __future__ import annotations

from myot2.report.lookup import DASH, Statistics
from myot2.report.markdown import escape, pipe_table
from myot2.report.tables import Entries

KAPPAS: Entries = [("readers.severity.kappa", "Severity"), ("readers.extent.kappa", "Extent")]
_CONSENSUS = "readers.spearman.ild_consensus"


def were_two(statistics: Statistics) -> bool:
    """Whether two readers graded anybody."""
    return any(statistics.has(key) for key, _ in KAPPAS)


def readers_table(statistics: Statistics) -> str:
    """Kappa with its interval, equal grades, grades at most one apart, and n, of severity and of extent."""
    rows = []
    for key, label in KAPPAS:
        counts = [_share(statistics, key.replace("kappa", name)) for name in ("agreement", "within_one")]
        value, interval = statistics.number(key), statistics.part(key, "ci_printed")
        rows.append([label, value, interval, *counts, statistics.part(key, "n")])
    header = ["Grades of", "Weighted kappa", "95 % interval", "equal", "at most one apart", "*n*"]
    return pipe_table(header, rows, align="lrrrrr", widths=[3, 3, 4, 3, 3, 1])


def readers_sentence(statistics: Statistics) -> str:
    """How weights were chosen, who is read again, and T2 against the score of both readers."""
    key = next(key for key, _ in KAPPAS if statistics.has(key))
    flagged = [
        f"{statistics.part(each.replace('kappa', 'flagged'), 'numerator')} ({label.lower()})"
        for each, label in KAPPAS
        if statistics.has(each)
    ]
    told = (
        f"Kappa has {escape(statistics.content[key]['weights'])} weights (@tbl-readers). More than one grade apart, "
        f"and to be read once more: {', '.join(flagged)}."
    )
    if not statistics.has(_CONSENSUS):
        return f"{told} T2 could not be set against the score of both: {statistics.reason(_CONSENSUS)}."
    interval = statistics.part(_CONSENSUS, "ci_printed")
    return (
        f"{told} T2 against the score of both, the mean of their grades: *r*~s~\\ =\\ {statistics.bare(_CONSENSUS)} "
        f"(95 % interval {interval}, {statistics.p(_CONSENSUS)}, {statistics.n(_CONSENSUS)})."
    )


def _share(statistics: Statistics, key: str) -> str:
    if not statistics.has(key):
        return DASH
    return f"{statistics.part(key, 'numerator')} of {statistics.part(key, 'denominator')}"
