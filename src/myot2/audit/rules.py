"""Where records meet Snakemake: the function that runs a rule's jobs, with a record around each call.

Snakemake calls this function in the process that runs the job: its own one here, another on a node of a cluster.
Nothing of Snakemake is imported; a rule is what has the names used below. Neither the text of a rule nor anything else
that makes a job run again is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from myot2.audit.recording import Job, Recorder
from myot2.core.sources import listed_code


class Rule(Protocol):
    """What is used of a rule of Snakemake."""

    name: str
    input: Iterable[Any]
    run_func: Any


def record_jobs(recorder: Recorder, rule: Rule) -> None:
    """Let every job of a rule be recorded; a rule that runs nothing is left as it is."""
    run = rule.run_func
    if run is None:
        return
    flagged = [path for path in rule.input if not callable(path)]
    ancient = frozenset(str(path) for path in flagged if getattr(path, "flags", {}).get("ancient"))

    def run_recorded(
        input: Any, output: Any, params: Any, wildcards: Any, threads: Any, resources: Any, log: Any, *rest: Any
    ) -> Any:
        job = Job(
            rule=rule.name,
            inputs=[file for path in input for file in listed_code(str(path))],
            outputs=[str(path) for path in output],
            log=[str(path) for path in log],
            wildcards=dict(wildcards.items()),
            params=dict(params.items()),
            ancient=ancient,
        )
        with recorder.recording(job):
            return run(input, output, params, wildcards, threads, resources, log, *rest)

    rule.run_func = run_recorded
