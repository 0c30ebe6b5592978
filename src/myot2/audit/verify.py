"""The whole audit of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myot2.audit.chain_checks import check_ledger, check_listings, check_unfinished
from myot2.audit.file_checks import check_orphans, check_outputs
from myot2.audit.findings import Finding
from myot2.audit.history import History
from myot2.audit.image_checks import check_contents
from myot2.audit.reviewed import Reviewed, check_decisions
from myot2.audit.stale_checks import check_configuration, check_inputs, check_seal
from myot2.audit.wanted import asked_for, check_asked


def verify(
    history: History,
    *,
    settings: Mapping[str, Any] | None = None,
    scans: set[str] | None = None,
    labels: set[int] | None = None,
    reviewed: Reviewed | None = None,
) -> list[Finding]:
    """Everything that is wrong with a run, sorted by kind and path; an empty list where nothing is.

    Parameters
    ----------
    history : History
        What was recorded.
    settings : mapping or None
        The configuration as it is now; None leaves out the comparison with that of the run.
    scans : set of str or None
        The scans of the participants table as it is now; None leaves out the search for those it lost.
    labels : set of int or None
        The numbers of the label table.
    reviewed : Reviewed or None
        What people decided; None takes what was applied for what still stands.
    """
    asked = asked_for(history, scans, reviewed)
    digests, kept = history.digests(), asked.history
    findings = [
        *check_ledger(history.places.audit),
        *check_unfinished(kept),
        *check_listings(kept),
        *check_outputs(kept, digests),
        *check_orphans(kept, asked.unwanted),
        *check_contents(kept, labels),
        *check_inputs(kept, digests),
        *check_asked(asked),
        *check_configuration(kept, settings),
        *check_seal(kept),
        *check_decisions(kept, reviewed or Reviewed(), scans),
    ]
    return sorted(set(findings))
