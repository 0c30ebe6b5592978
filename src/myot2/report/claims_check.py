"""What the check of printed numbers found, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myot2.core.errors import MyoT2Error
from myot2.report.markdown import counted, escape

TABLE = "analyse/claims.tsv"
OWN = "statistics"
"""The source that are our own numbers; the others are files of claims."""
MOST_FINDINGS = 12


@dataclass(frozen=True)
class ClaimsCheck:
    """A summary per source (docs/how-to/check-claims.md), and the sentences of what is wrong with our own numbers."""

    summary: Sequence[Mapping[str, Any]]
    findings: Sequence[str]


def read_claims_check(path: Path) -> ClaimsCheck:
    """Read claims.json; raise `MyoT2Error` where it is none."""
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        findings = [
            outcome["sentence"]
            for outcome in content["outcomes"]
            if outcome["source"] == OWN and outcome["status"] == "inconsistent"
        ]
        needed = ("source", "checks", "inconsistent", "not checked", "topics_with_findings")
        summary = [{name: each[name] for name in needed} for each in content["summary"]]
    except (KeyError, TypeError) as error:
        raise MyoT2Error(
            expected="a summary and outcomes", found=f"no {error}", where=path.name, do="Run check_claims again."
        ) from error
    return ClaimsCheck(summary, findings)


def check_sentence(check: ClaimsCheck | None) -> str:
    """How many checks there were of our own numbers and of each file of claims, and what they found."""
    if check is None:
        return "The printed numbers were not checked."
    return " ".join(_of_source(each) for each in check.summary)


def findings_list(check: ClaimsCheck | None) -> str:
    """What is wrong with our own numbers, as a list; empty where nothing is."""
    if check is None or not check.findings:
        return ""
    shown = [f"- {escape(sentence)}" for sentence in check.findings[:MOST_FINDINGS]]
    more = len(check.findings) - MOST_FINDINGS
    return "\n".join([*shown, *([f"- {counted(TABLE, more)} more"] if more > 0 else [])])


def _of_source(summary: Mapping[str, Any]) -> str:
    checks, wrong = counted(TABLE, summary["checks"]), counted(TABLE, summary["topics_with_findings"])
    if summary["source"] == OWN:
        return (
            f"The numbers of this report were held against one another and against the values that they are the "
            f"rounding of: {checks} checks, {wrong} inconsistencies."
        )
    unchecked = f"; {counted(TABLE, summary['not checked'])} could not be made" if summary["not checked"] else ""
    return f"Printed numbers of {escape(summary['source'])}: {checks} checks, {wrong} inconsistencies{unchecked}."
