"""How much an archive may send, counted while it comes in."""

from __future__ import annotations

import time
from dataclasses import dataclass

from myot2.ingest.pacs.problems import too_much

MB = 2**20
LISTING_BYTES = 64 * MB
"""The largest answer to a query: a thousand objects are about two megabytes of DICOM JSON."""


@dataclass(frozen=True)
class Limits:
    """The largest study that is taken: objects, bytes in all and in one object, seconds; and how many studies."""

    objects: int = 20_000
    study_bytes: int = 4000 * MB
    object_bytes: int = 1000 * MB
    seconds: float = 3600.0
    studies: int = 20


class Budget:
    """What is left of the limits for one study."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.received = 0
        self._most = self._current = 0
        self._end = time.monotonic() + limits.seconds
        self.expect(LISTING_BYTES)

    def expect(self, most: int) -> None:
        """An answer of at most that many bytes begins."""
        self._most, self._current = most, 0

    @property
    def seconds_left(self) -> float:
        """Time until the study has to be here."""
        return self._end - time.monotonic()

    def spend(self, count: int) -> None:
        """Count bytes that come in.

        Raises
        ------
        MyoT2Error
            The answer, the study or the time is beyond the limit.
        """
        self.received += count
        self._current += count
        if self._current > self._most:
            raise too_much(f"an object or answer of more than {self._most // MB} MB")
        if self.received > self.limits.study_bytes:
            raise too_much(f"more than {self.limits.study_bytes // MB} MB in all")
        self.require_time()

    def require_time(self) -> None:
        """Raise `MyoT2Error` when the time is over."""
        if self.seconds_left <= 0:
            raise too_much(f"a transfer of more than {self.limits.seconds:g} s")

    def require_count(self, count: int) -> None:
        """Raise `MyoT2Error` when a study lists more objects than are taken."""
        if count > self.limits.objects:
            raise too_much(f"more than {self.limits.objects} objects")
