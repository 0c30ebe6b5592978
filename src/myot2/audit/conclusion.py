"""What is done when a run of the workflow ends, well or badly."""

from __future__ import annotations

import sys

from myot2.audit.cohort import cohort_table, write_cohort_table
from myot2.audit.history import read_history
from myot2.audit.ledger import merge
from myot2.audit.places import Places
from myot2.core.errors import MyoT2Error


def conclude(places: Places) -> None:
    """Add the run's records to the ledger and write how far each scan came.

    A damaged ledger takes no lines: that is said on standard error, and the records stay.
    """
    try:
        merge(places.audit)
    except MyoT2Error as error:
        print(f"audit: {error}", file=sys.stderr)
    write_cohort_table(cohort_table(read_history(places)), places.audit / "cohort.tsv")
