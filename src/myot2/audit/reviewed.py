"""What people decided about scans, as the workflow reads it, held against what was recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from myot2.audit.findings import Finding
from myot2.audit.history import History
from myot2.core.files import sha256

REJECTS_SCAN = "reject scan"


class Decision(Protocol):
    """What is used of a row of decisions.tsv."""

    rater: str
    decision: str
    reason: str | None
    image_sha256: str
    mask_sha256: str
    corrected_sha256: str | None

    @property
    def changes_results(self) -> bool:
        """Whether the scan is measured otherwise, or not at all, than without the decision."""
        ...


@dataclass(frozen=True)
class Reviewed:
    """The decisions of a cohort.

    Attributes
    ----------
    decisions : mapping
        The decision that counts of each scan that has one, by the scan's name.
    masks : mapping
        Where the corrected label map of each scan lies if somebody drew one.
    applied : bool
        Whether decisions change results; else they are compared only.
    """

    decisions: Mapping[str, Decision] = field(default_factory=dict)
    masks: Mapping[str, Path] = field(default_factory=dict)
    applied: bool = True

    def is_drawn(self, scan: str) -> bool:
        """Whether a corrected label map of the scan is there."""
        return scan in self.masks and self.masks[scan].is_file()

    def knows(self, scan: str) -> bool:
        """Whether somebody decided about the scan or drew a mask."""
        return scan in self.decisions or self.is_drawn(scan)

    def corrects(self, scan: str) -> bool:
        """Whether the scan is measured by labels that a person left otherwise than the run."""
        row = self.decisions.get(scan)
        return self.applied and row is not None and row.changes_results and row.decision != REJECTS_SCAN

    def changed(self, scan: str, history: History) -> list[str]:
        """What is no longer what the rater of a scan's decision saw, in words; empty where all is.

        An image or label map that was seen is found among the results by its SHA-256: whichever file it was, it is one
        of the scan's own.
        """
        row = self.decisions[scan]
        present = history.digests_of_scans.get(scan, frozenset())
        drawn = sha256(self.masks[scan]) if self.is_drawn(scan) else None
        kept = {
            "the image": row.image_sha256 in present,
            "the run's own label map": row.mask_sha256 in present,
            "the corrected label map": row.corrected_sha256 == drawn,
        }
        return [what for what, same in kept.items() if not same]


def check_decisions(history: History, reviewed: Reviewed, scans: Collection[str] | None) -> Iterator[Finding]:
    """Decisions about files that have changed since, and about scans that the cohort no longer has."""
    for scan in sorted(reviewed.decisions):
        if scans is not None and scan not in scans:
            yield Finding("orphaned", f"decision about {scan}", f"the participants table has no scan {scan}")
        elif scan in history.digests_of_scans and (changed := reviewed.changed(scan, history)):
            yield Finding("stale", f"decision about {scan}", f"{' and '.join(changed)} changed since; decide anew")
