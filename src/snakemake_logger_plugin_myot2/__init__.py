"""What a run of the workflow prints: one line for each job that ends, warnings and errors; `--logger myot2`.

Snakemake finds it by this package's name. Its own, longer log goes to .snakemake/log as ever. With --dry-run,
--verbose, --printshellcmds or --quiet it prints what Snakemake would print itself.
"""

from __future__ import annotations

import logging
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from myot2.core.progress import Progress

_UNSAID = (
    *("Building DAG", "Using shell", "Assuming", "Conda environments", "Singularity containers", "Group jobs"),
    *("Select jobs", "Execute ", "Elapsed time", "Updating job", "Loaded", "Solving", "Got lock", "Creating report"),
)
"""How the messages begin that are of no use to a person while all goes well."""


class LogHandler(LogHandlerBase):
    """Prints a run's progress on standard error."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        self.plain = bool(settings.dryrun or settings.verbose or settings.printshellcmds or settings.quiet)
        self.progress = Progress()
        self.limits: list[str] = []

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return not self.plain

    @property
    def has_formatter(self) -> bool:
        return not self.plain

    @property
    def needs_rulegraph(self) -> bool:
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record, or the line that it makes."""
        try:
            text = self.format(record) if self.plain else self.line(record)
            if text and text.strip() and text != "None":
                print(text, file=sys.stderr, flush=True)
        except Exception:
            self.handleError(record)

    def line(self, record: logging.LogRecord) -> str | None:
        """What is printed of a record; None for nothing."""
        event = getattr(record, "event", None)
        if event == LogEvent.RESOURCES_INFO:
            self.limits += _limits(record)
            return None
        if event == LogEvent.RUN_INFO:
            jobs = {rule: count for rule, count in record.stats.items() if rule != "total"}
            self.progress.plan(jobs)
            limits = f"; at once {', '.join(self.limits)}" if self.limits else ""
            return f"{_counted(sum(jobs.values()), 'job')} to do{limits}"
        if event == LogEvent.JOB_INFO:
            words = record.wildcards or {}
            self.progress.start(record.jobid, record.rule_name, words.get("scan") or " ".join(words.values()))
            return None
        if event == LogEvent.JOB_FINISHED:
            return self.progress.finish(record.job_id)
        if event in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR):
            told = self.progress.fail(getattr(record, "jobid", None))
            reason = getattr(record, "rule_msg", None)
            return f"{told}: {reason}" if told and reason else told
        message = record.getMessage()
        said = record.levelno >= logging.WARNING or (event is None and not message.startswith(_UNSAID))
        return message if said and not self._is_of_a_job(record) else None

    def _is_of_a_job(self, record: logging.LogRecord) -> bool:
        """Whether an error only repeats that a job failed; the end of the run says why, and where the log is."""
        return record.levelno >= logging.ERROR and self.progress.failed > 0 and "RuleException" in record.getMessage()


def _limits(record: logging.LogRecord) -> list[str]:
    """What a run may use at once, as Snakemake was told: cores, jobs of a cluster, and resources such as mem_mb."""
    said = [_counted(record.cores, "core")] if hasattr(record, "cores") else []
    if getattr(record, "nodes", sys.maxsize) < sys.maxsize:
        said.append(_counted(record.nodes, "job"))
    resources = getattr(record, "provided_resources", {})
    return said + [f"{name} {getattr(x, 'value', x)}" for name, x in resources.items() if not name.startswith("_")]


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
