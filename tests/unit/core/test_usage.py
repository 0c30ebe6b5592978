"""What programs say of themselves at the end of their log."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from myot2.core.command import run_stage
from myot2.core.errors import MyoT2Error

USAGE = re.compile(r"fit: ([\d.]+) CPU seconds, at most (\d+) MiB of memory\n")


def usage_of(work: str) -> tuple[float, int]:
    """What a program says that does this work."""
    program = f"import subprocess, sys, time\nfrom myot2.core.usage import print_usage\n{work}\nprint_usage('fit')"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, peak = USAGE.fullmatch(run.stderr).groups()
    return float(seconds), int(peak)


def test_memory_that_was_given_back_counts_and_that_of_a_program_s_own_programs():
    _, idle = usage_of("")
    _, own = usage_of("block = b'x' * (200 << 20)\ndel block")
    _, other = usage_of("subprocess.run([sys.executable, '-c', 'block = b\"x\" * (200 << 20)'])")
    assert own == pytest.approx(idle + 200, abs=15)
    assert other == pytest.approx(idle + 200, abs=15)


def test_memory_of_the_process_that_started_a_program_does_not_count():
    """Linux lets ru_maxrss be inherited."""
    _, alone = usage_of("")
    program = "from myot2.core.usage import print_usage; print_usage('fit')"
    starter = f"block = b'x' * (200 << 20); subprocess.run([sys.executable, '-c', {program!r}], check=True); sys.exit()"
    _, started = usage_of(starter)
    assert started == pytest.approx(alone, abs=15)


def test_seconds_of_work_count_and_seconds_of_waiting_do_not():
    busy, _ = usage_of("began = time.process_time()\nwhile time.process_time() - began < 1: pass")
    asleep, _ = usage_of("time.sleep(1)")
    assert busy - asleep == pytest.approx(1, abs=0.3)


def test_only_work_that_was_done_says_what_it_took_and_an_error_has_the_last_word(capsys):
    assert run_stage("fit", lambda: None, outputs=[], leave_stop_notes=False) == 0
    assert USAGE.fullmatch(capsys.readouterr().err)

    def fail():
        raise MyoT2Error(expected="ten echoes", found="nine", where="series 5", do="Export the series again.")

    for leave in (True, False):
        run_stage("fit", fail, outputs=[], leave_stop_notes=leave)
        assert capsys.readouterr().err.rstrip().endswith("Export the series again.")
