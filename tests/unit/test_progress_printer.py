"""What the logger plugin prints of the records that Snakemake logs."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from snakemake.resources import Resource
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_myot2 import LogHandler


def settings(**given: bool) -> SimpleNamespace:
    return SimpleNamespace(**{"dryrun": False, "verbose": False, "printshellcmds": False, "quiet": set(), **given})


def record(message: str = "", level: int = logging.INFO, **more) -> logging.LogRecord:
    made = logging.LogRecord("snakemake", level, __file__, 1, message, (), None)
    made.__dict__.update(more)
    return made


@pytest.fixture
def handler() -> LogHandler:
    return LogHandler(settings(), None)


def test_snakemake_finds_it_by_its_name():
    assert LoggerPluginRegistry().get_plugin("myot2").log_handler is LogHandler


def test_a_job_is_told_when_it_ends_and_an_error_once(handler, capsys):
    handler.emit(record(event=LogEvent.RUN_INFO, stats={"measure": 2, "total": 2}))
    for job in (1, 2):
        words = {"scan": f"sub-P0{job}", "folder": f"sub-P0{job}/anat"}
        handler.emit(record(event=LogEvent.JOB_INFO, jobid=job, rule_name="measure", wildcards=words))
    handler.emit(record(event=LogEvent.JOB_FINISHED, job_id=1))
    handler.emit(record("RuleException: status 1", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=2))
    handler.emit(record("RuleException: status 1", logging.ERROR))
    assert capsys.readouterr().err.splitlines() == [
        "2 jobs to do",
        "[1/2] measure 1/2 sub-P01",
        "[1/2] measure 1/2 sub-P02 FAILED, 1 failed",
    ]


def test_what_a_run_may_use_at_once_is_told_with_the_number_of_its_jobs(handler, capsys):
    handler.emit(record("Provided cores: 1", event=LogEvent.RESOURCES_INFO, cores=1))
    handler.emit(record("Rules claiming more threads will be scaled down.", event=LogEvent.RESOURCES_INFO))
    resources = {"_cores": 1, "_nodes": 1, "mem_mb": Resource("mem_mb", 2000)}
    handler.emit(record("Provided resources", event=LogEvent.RESOURCES_INFO, provided_resources=resources))
    handler.emit(record(event=LogEvent.RUN_INFO, stats={"measure": 1, "total": 1}))
    assert capsys.readouterr().err == "1 job to do; at once 1 core, mem_mb 2000\n"


def test_the_reason_that_a_cluster_gives_for_a_failed_job_is_told(handler, capsys):
    handler.emit(record(event=LogEvent.RUN_INFO, stats={"measure": 1, "total": 1}))
    handler.emit(record(event=LogEvent.JOB_INFO, jobid=1, rule_name="measure", wildcards={"scan": "sub-P01"}))
    reason = "SLURM-job '7' failed, SLURM status is: 'CANCELLED'."
    handler.emit(record("Error in rule", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=1, rule_msg=reason))
    assert capsys.readouterr().err.splitlines()[-1] == f"[0/1] measure 0/1 sub-P01 FAILED, 1 failed: {reason}"


def test_warnings_errors_and_unknown_messages_are_printed_and_noise_is_not(handler, capsys):
    for level, text in [
        (logging.INFO, "Building DAG of jobs..."),
        (logging.INFO, "Nothing to be done (all requested files are present and up to date)."),
        (logging.WARNING, "Your file system is slow."),
        (logging.ERROR, "Directory cannot be locked."),
    ]:
        handler.emit(record(text, level))
    printed = capsys.readouterr().err
    assert "Building" not in printed
    assert all(word in printed for word in ("Nothing to be done", "slow", "locked"))


@pytest.mark.parametrize("given", ["dryrun", "verbose", "printshellcmds"])
def test_who_asks_for_more_gets_what_snakemake_prints(given):
    handler = LogHandler(settings(**{given: True}), None)
    assert handler.plain and not handler.has_filter and not handler.has_formatter
