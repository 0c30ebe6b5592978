"""The lines that tell how far a run has come."""

from __future__ import annotations

import pytest

from myot2.core.progress import Progress, duration


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def run(progress: Progress, clock: Clock, job: int, rule: str, seconds: float) -> str | None:
    progress.start(job, rule, f"sub-{job}")
    clock.now += seconds
    return progress.finish(job)


def test_a_line_tells_rule_done_and_total():
    progress = Progress(Clock())
    progress.plan({"measure": 3, "collect": 1})
    assert run(progress, Clock(), 7, "measure", 1) == "[1/4] measure 1/3 sub-7"


def test_a_failure_is_told_once_and_counted_from_then_on():
    clock = Clock()
    progress = Progress(clock)
    progress.plan({"measure": 3})
    progress.start(1, "measure", "sub-1")
    assert progress.fail(1) == "[0/3] measure 0/3 sub-1 FAILED, 1 failed"
    assert progress.fail(1) is None and progress.finish(1) is None
    assert run(progress, clock, 2, "measure", 1) == "[1/3] measure 1/3 sub-2, 1 failed"


def test_the_time_left_is_that_of_each_rule_s_own_jobs_by_as_many_as_run_at_once():
    clock = Clock()
    progress = Progress(clock)
    progress.plan({"simulate": 4, "measure": 10, "report": 1})
    for job in range(3):
        run(progress, clock, job, "simulate", 10)
    assert progress.seconds_left() is None
    run(progress, clock, 3, "measure", 2)
    # one of 10 s, nine of 2 s, one of which nothing is known: the mean of the four that ended, 8 s
    assert progress.seconds_left() == pytest.approx(10 + 18 + 8)
    progress.start(4, "measure")
    progress.start(5, "measure")
    assert progress.seconds_left() == pytest.approx(36 / 2)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 s"), (89, "89 s"), (200, "3 min"), (7800, "2 h 10 min"), (7100, "118 min")]
)
def test_durations_are_said_in_whole_units(seconds, said):
    assert duration(seconds) == said
