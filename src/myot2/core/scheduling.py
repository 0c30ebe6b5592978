"""How often Snakemake looks for jobs to start."""

from __future__ import annotations

from typing import Any


def look_when_something_changed(scheduler: Any) -> None:
    """Keep Snakemake from looking at all ready jobs every second, and once more a second for each job that has ended.

    Snakemake (9.27) may start so many jobs in so much time (--max-jobs-per-timespan; 100 in a second unless told). So
    each time that it has looked it sets a timer to look again, whether or not that limit held a job back, and the
    timers add up. Here one is set where the limit is reached; else the next look is when a job ends.

    Parameters
    ----------
    scheduler : snakemake.scheduling.job_scheduler.JobScheduler
        Of a run that begins (`workflow.scheduler` in onstart).
    """
    limiter = getattr(scheduler, "job_rate_limiter", None)
    look_again = getattr(scheduler, "_schedule_reevalutation", None)
    if limiter is None or look_again is None:
        return

    def where_held_back(delay: float) -> None:
        if delay != limiter.timespan or limiter.get_free_jobs() == 0:
            look_again(delay)

    scheduler._schedule_reevalutation = where_held_back
