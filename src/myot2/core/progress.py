"""How far a run has come, as a person reads it: which stage, done and total, failures so far, and the time left."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_FEW = 4
"""After so many jobs the time left is told."""


@dataclass
class Progress:
    """Counts jobs as they start and end.

    The time left is the number of jobs left of each rule times the mean duration of those that ended (of all rules,
    where none of its own has), divided by the largest number of jobs that ran at once.
    """

    clock: Callable[[], float] = time.monotonic
    planned: Counter[str] = field(default_factory=Counter)
    _running: dict[int, tuple[str, str, float]] = field(default_factory=dict)
    _ended: Counter[str] = field(default_factory=Counter)
    _seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _lanes: int = 1
    failed: int = 0

    def plan(self, jobs: Mapping[str, int]) -> None:
        """So many jobs of each rule are to run."""
        self.planned = Counter(jobs)

    def start(self, job: int, rule: str, whose: str = "") -> None:
        """A job runs, for the scan that `whose` names."""
        self._running[job] = (rule, whose, self.clock())
        self._lanes = max(self._lanes, len(self._running))

    def finish(self, job: int) -> str | None:
        """A job ended well; the line that tells it, None where the job is not known."""
        if job not in self._running:
            return None
        rule, whose, began = self._running.pop(job)
        self._ended[rule] += 1
        self._seconds[rule].append(self.clock() - began)
        return self._line(rule, whose)

    def fail(self, job: int) -> str | None:
        """A job failed; the line that tells it, None where the job is not known, or has been told."""
        if job not in self._running:
            return None
        rule, whose, _ = self._running.pop(job)
        self.failed += 1
        return self._line(rule, whose, "FAILED")

    def seconds_left(self) -> float | None:
        """An estimate; None where too few jobs have ended."""
        if sum(self._ended.values()) < _FEW:
            return None
        known = {rule: sum(times) / len(times) for rule, times in self._seconds.items()}
        mean = sum(map(sum, self._seconds.values())) / sum(map(len, self._seconds.values()))
        left = {rule: count - self._ended[rule] for rule, count in self.planned.items()}
        return sum(count * known.get(rule, mean) for rule, count in left.items()) / self._lanes

    def _line(self, rule: str, whose: str, what: str = "") -> str:
        total = sum(self.planned.values())
        parts = [f"[{sum(self._ended.values())}/{total}] {rule} {self._ended[rule]}/{self.planned[rule]}"]
        parts += filter(None, [whose, what])
        more = [f"{self.failed} failed"] if self.failed else []
        left = self.seconds_left()
        more += [f"about {duration(left)} left"] if left else []
        return " ".join(parts) + "".join(f", {text}" for text in more)


def duration(seconds: float) -> str:
    """A time as one says it: 40 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
