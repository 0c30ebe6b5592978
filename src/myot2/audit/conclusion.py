"""What is done when a run of the workflow ends, well or badly."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from myot2.audit.cohort import cohort_table, write_cohort_table
from myot2.audit.history import read_history
from myot2.audit.ledger import merge
from myot2.audit.places import Places
from myot2.audit.reviewed import Reviewed
from myot2.audit.stale_checks import check_inputs
from myot2.audit.wanted import asked_for
from myot2.core.errors import MyoT2Error


def conclude(places: Places, scans: Iterable[str] = (), reviewed: Reviewed | None = None) -> None:
    """Add the run's records to the ledger and write how far each scan came.

    A damaged ledger takes no lines: that is said on standard error, and the records stay. What is stale is told by the
    records and the code alone: no image is read, which in a large cohort would take longer than the run.
    """
    try:
        merge(places.audit)
    except MyoT2Error as error:
        print(f"audit: {error}", file=sys.stderr)
    history = read_history(places)
    kept = asked_for(history, None, reviewed).history
    findings = list(check_inputs(kept, kept.digests(), given=False))
    write_cohort_table(cohort_table(history, findings, scans, reviewed), places.results)
